"""Clients for threads follow redirects (RFC 9110, 15.4)."""

from __future__ import annotations

import socket

import pytest
from threaded_ends import client, echo, port_of

from wsframe.sync import InvalidStatus, InvalidURI, Response, SecurityError, connect

SECRETS = {"Authorization": "Basic YTpi", "Cookie": "a=b", "X-More": "1"}


def redirecting(targets, seen=None):
    """A `process_request` that redirects the paths among `targets`."""

    def process_request(connection, request):
        if seen is not None:
            seen.append(request)
        target = targets.get(request.path)
        return None if target is None else Response(302, headers={"Location": target})

    return process_request


def test_redirects_are_followed_with_credentials_to_the_same_origin_only(running):
    here, there = [], []
    other = running(echo, process_request=redirecting({}, there))
    targets = {"/": "/second", "/second": f"ws://127.0.0.1:{port_of(other)}/third"}
    server = running(echo, process_request=redirecting(targets, here))
    with client(server, additional_headers=SECRETS) as ws:
        ws.send("hello")
        assert ws.recv() == "hello"
        assert ws.request.path == "/third"
    assert [request.path for request in here] == ["/", "/second"]
    assert all(request.headers["Cookie"] == "a=b" for request in here)
    (last,) = there
    assert last.headers["X-More"] == "1"
    assert not {"Authorization", "Cookie"} & {name for name, _ in last.headers.raw_items()}


def test_endless_redirects_raise_security_error(running):
    with pytest.raises(SecurityError, match="more than 10"):
        client(running(echo, process_request=redirecting({"/": "/"})))


def test_redirects_that_are_not_followed(running):
    server = running(echo, process_request=redirecting({"/": "http://localhost/", "/same": "/"}))
    with pytest.raises(InvalidURI):
        client(server)
    with pytest.raises(InvalidStatus):
        client(running(echo, process_request=lambda *_: Response(302)))
    sock = socket.create_connection(("127.0.0.1", port_of(server)))
    with pytest.raises(ValueError, match="preexisting socket"):
        connect(f"ws://127.0.0.1:{port_of(server)}/same", sock=sock)
