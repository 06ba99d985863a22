"""A chat on two nodes behind haproxy, with Redis: `python -m examples.scale` prints its address.

The page says which node it is on, and has a button to kill that node and one to kill Redis.  Both are started
again after two seconds.
"""

import asyncio
import shutil
import signal
import socket
import sys
import tempfile
from pathlib import Path

# Seconds until what was killed is started again.
DELAY = 2.0

HAPROXY = """
defaults
    mode http
    timeout connect 2s
    timeout client 1m
    timeout server 1m
    timeout tunnel 1h
    retries 3
    option redispatch
    retry-on conn-failure empty-response
frontend chat
    bind 127.0.0.1:{haproxy}
    default_backend nodes
backend nodes
    balance roundrobin
    default-server check inter 200ms fall 1 rise 1
    server one 127.0.0.1:{one}
    server two 127.0.0.1:{two}
"""


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


class Scale:
    """All processes, each started again when it ends.

    Attributes:
        ready: set when the node can be reached.
    """

    def __init__(self, folder: Path) -> None:
        self.ports = {name: free_port() for name in ("redis", "haproxy", "one", "two")}
        url = f"redis://127.0.0.1:{self.ports['redis']}"
        config = folder / "haproxy.cfg"
        config.write_text(HAPROXY.format(**self.ports))
        redis = f"redis-server --bind 127.0.0.1 --port {self.ports['redis']} --appendonly no".split()
        self._commands = {
            "engine": [*redis, "--save", "", "--dir", str(folder)],
            "haproxy": ["haproxy", "-db", "-f", str(config)],
        }
        for name in ("one", "two"):
            node = ["-m", "examples.scale.node", name, str(self.ports[name]), url]
            self._commands[name] = [sys.executable, *node]
        self._processes: dict[str, asyncio.subprocess.Process] = {}
        self.ready = {name: asyncio.Event() for name in ("one", "two")}

    async def keep(self, name: str) -> None:
        """Run a process, again and again."""
        while True:
            process = await asyncio.create_subprocess_exec(
                *self._commands[name], stdout=asyncio.subprocess.PIPE
            )
            self._processes[name] = process
            assert process.stdout is not None
            try:
                async for line in process.stdout:
                    self._told(name, line.decode().strip())
            finally:
                if process.returncode is None:
                    process.kill()
                await process.wait()
            await asyncio.sleep(DELAY)

    def _told(self, name: str, line: str) -> None:
        """Do what a node has printed."""
        if line == "ready":
            self.ready[name].set()
        elif line.startswith("kill "):
            what = line.removeprefix("kill ")
            killed = name if what == "node" else what
            print(f"{killed} is killed", flush=True)
            self._processes[killed].kill()


async def listening(port: int) -> None:
    """Wait until a process listens on a port."""
    while True:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.05)
        else:
            writer.close()
            return


async def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        scale = Scale(Path(folder))
        tasks = [asyncio.create_task(scale.keep("engine"))]
        await listening(scale.ports["redis"])
        tasks += [asyncio.create_task(scale.keep(name)) for name in ("one", "two")]
        loop, stop = asyncio.get_running_loop(), asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
        for ready in scale.ready.values():
            await ready.wait()
        tasks.append(asyncio.create_task(scale.keep("haproxy")))  # it takes its servers to be up
        await listening(scale.ports["haproxy"])
        print(f"http://127.0.0.1:{scale.ports['haproxy']}", flush=True)
        await stop.wait()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


if __name__ == "__main__":
    missing = [name for name in ("redis-server", "haproxy") if not shutil.which(name)]
    if missing:
        sys.exit(f"not installed: {', '.join(missing)} (Debian: apt-get install redis-server haproxy)")
    asyncio.run(main())
