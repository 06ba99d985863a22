"""open_timeout covers the TLS handshake of a server: it counts from the moment the client is accepted."""

from __future__ import annotations

import asyncio
import ssl

from rawclient import SOON, local, request_to, uri_of

from wsframe.asyncio import Response, connect, unix_serve


async def ended(reader):
    try:
        return await asyncio.wait_for(reader.read(), SOON)
    except (ConnectionError, ssl.SSLError):
        return b""


async def test_a_silent_client_is_bounded_by_open_timeout(contexts):
    async with (
        local(ssl=contexts[0], open_timeout=0.3) as server,
        local(ssl=contexts[0], open_timeout=None) as unbounded,
    ):
        kept, other_writer = await asyncio.open_connection(*unbounded.sockets[0].getsockname())
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        await ended(reader)
        assert not kept.at_eof()
        writer.close()
        other_writer.close()


async def test_a_silent_client_on_a_unix_socket_is_bounded_by_open_timeout(contexts, tmp_path):
    path = str(tmp_path / "socket")
    async with unix_serve(lambda ws: None, path, ssl=contexts[0], open_timeout=0.3):
        reader, writer = await asyncio.open_unix_connection(path)
        await ended(reader)
        writer.close()


async def test_a_client_that_is_silent_after_tls_is_bounded_by_open_timeout(contexts):
    async with local(ssl=contexts[0], open_timeout=0.5) as server:
        address = server.sockets[0].getsockname()
        reader, writer = await asyncio.open_connection(*address, ssl=contexts[1], server_hostname="localhost")
        writer.write(b"GET / HTTP/1.1\r\n")
        assert await ended(reader) == b""
        writer.close()


async def test_tls_handshake_time_counts_towards_open_timeout(contexts):
    """A client that is slow twice has no more time than one that is slow once."""
    async with local(ssl=contexts[0], open_timeout=100) as server:
        loop = asyncio.get_running_loop()
        _, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        await asyncio.sleep(1.0)
        transport = await loop.start_tls(
            writer.transport, writer.transport.get_protocol(), contexts[1], server_hostname="localhost"
        )
        while not server._all_connections:
            await asyncio.sleep(0.01)
        (opening,) = server._all_connections
        assert 99.5 < opening._deadline - opening._created_at < 100.5
        transport.abort()


async def test_an_ssl_handshake_timeout_of_the_application_is_kept(contexts):
    async with local(ssl=contexts[0], open_timeout=1000, ssl_handshake_timeout=0.2) as server:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        await ended(reader)
        writer.close()


async def test_tls_works_without_an_open_timeout(contexts):
    serving = local(ssl=contexts[0], open_timeout=None)
    async with serving as server, connect(uri_of(server, "wss"), ssl=contexts[1]) as ws:
        await ws.send("x")
        assert await ws.recv() == "x"


async def test_refused_tls_client_receives_the_whole_response(contexts):
    def refuse(connection, request):
        return Response(403, body="x" * 100_000)

    async with local(ssl=contexts[0], process_request=refuse) as server:
        address = server.sockets[0].getsockname()
        reader, writer = await asyncio.open_connection(*address, ssl=contexts[1], server_hostname="localhost")
        writer.write(request_to(server))
        response = await ended(reader)
        assert response.startswith(b"HTTP/1.1 403 ")
        assert response.endswith(b"x" * 100_000)
        writer.close()


async def test_a_tls_handshake_that_ends_while_the_server_closes_is_a_503(contexts):
    server = await local(ssl=contexts[0])
    loop = asyncio.get_running_loop()
    address = server.sockets[0].getsockname()
    reader, writer = await asyncio.open_connection(*address)
    await asyncio.sleep(0.1)  # accepted, and silent
    server.close()
    await asyncio.sleep(0.05)
    protocol = writer.transport.get_protocol()
    try:
        transport = await loop.start_tls(writer.transport, protocol, contexts[1], server_hostname="localhost")
    except (ConnectionError, ssl.SSLError):
        writer.close()  # this loop ends at once what has not become a connection
    else:
        assert (await ended(reader)).startswith(b"HTTP/1.1 503 ")
        transport.abort()
    await asyncio.wait_for(server.wait_closed(), SOON)


async def test_silent_tls_client_does_not_delay_server_close(contexts):
    server = await local(ssl=contexts[0], open_timeout=0.5)
    _, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    await asyncio.sleep(0.1)
    server.close()
    await asyncio.wait_for(server.wait_closed(), SOON)
    writer.close()
