"""socketify: uWebSockets in C++, driven by libuv, called through cffi; it knows no asyncio."""

import socket

from socketify import App, CompressOptions

from bench.endpoints import HOST


def echo(ws, message, opcode):
    ws.send(message, opcode)


def free_port():
    """A port to name, for socketify does not tell which one it was given."""
    with socket.create_server((HOST, 0)) as probe:
        return probe.getsockname()[1]


def main():
    app, port = App(), free_port()
    behavior = {"compression": CompressOptions.DISABLED, "idle_timeout": 0, "message": echo}
    app.ws("/*", behavior)
    app.listen({"host": HOST, "port": port}, lambda where: print("listening on port", where.port, flush=True))
    app.run()


if __name__ == "__main__":
    main()
