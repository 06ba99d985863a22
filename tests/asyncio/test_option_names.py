"""A misspelt option is an error of the call, which names the nearest option."""

from __future__ import annotations

import inspect
from asyncio.base_events import BaseEventLoop

import pytest

from wsframe.asyncio import (
    Server,
    _transport_options as passed_on,
    _typed_options as typed,
    connect,
    serve,
    unix_connect,
    unix_serve,
)


async def handler(ws):
    pass


@pytest.mark.parametrize(
    ("call", "name", "nearest"),
    [
        (lambda **options: serve(handler, **options), "ping_intervall", "ping_interval"),
        (lambda **options: serve(handler, **options), "reuse_prot", "reuse_port"),
        (lambda **options: serve(handler, **options), "additional_header", "additional_headers"),
        (lambda **options: serve(handler, **options), "hosts", "host"),
        (lambda **options: unix_serve(handler, "path", **options), "max_sise", "max_size"),
        (lambda **options: unix_serve(handler, "path", **options), "baklog", "backlog"),
        (lambda **options: connect("ws://localhost", **options), "close_timeuot", "close_timeout"),
        (lambda **options: connect("ws://localhost", **options), "local_address", "local_addr"),
        (lambda **options: unix_connect("path", **options), "server_hostnam", "server_hostname"),
        (lambda **options: connect("ws://localhost", **options), "headers", "additional_headers"),
        (lambda **options: connect("ws://localhost", **options), "ssl_context", "ssl"),
        (lambda **options: serve(handler, **options), "sslcontext", "ssl"),
        (lambda **options: unix_serve(handler, "path", **options), "extra_headers", "additional_headers"),
    ],
)
def test_a_misspelt_option_names_the_nearest(call, name, nearest):
    with pytest.raises(TypeError) as raised:
        call(**{name: 1})
    assert str(raised.value).endswith(
        f"() got an unexpected keyword argument {name!r}: did you mean {nearest!r}?"
    )


def test_an_option_like_no_other_names_none():
    with pytest.raises(TypeError, match=r"^serve\(\) got an unexpected keyword argument 'zzz'$"):
        serve(handler, zzz=1)


def own_options(callable_, *others):
    parameters = inspect.signature(callable_).parameters.values()
    return {one.name for one in parameters if one.kind is one.KEYWORD_ONLY} - set(others)


def test_options_that_are_passed_on_are_those_of_serve_and_connect():
    listening = passed_on.ListenOptions.__optional_keys__
    unix_listening = passed_on.UnixListenOptions.__optional_keys__
    assert own_options(serve) == own_options(Server)
    assert typed.UnixServeOptions.__optional_keys__ == own_options(serve) | unix_listening
    assert typed.UnixRouteOptions.__optional_keys__ == own_options(serve) | unix_listening - {"ssl"}
    assert typed.RouteOptions.__optional_keys__ == own_options(serve) | listening - {"ssl"}
    connecting = passed_on.UnixConnectOptions.__optional_keys__
    assert typed.UnixClientOptions.__optional_keys__ == own_options(connect) | connecting


def test_options_of_asyncio_are_those_it_has():
    for options, method in (
        (passed_on.ListenOptions, "create_server"),
        (passed_on.ConnectOptions, "create_connection"),
    ):
        parameters = inspect.signature(getattr(BaseEventLoop, method)).parameters
        newer = {"keep_alive", "all_errors", "ssl_shutdown_timeout"}  # than CPython 3.10
        names = {name.removeprefix("proxy_") for name in options.__optional_keys__}
        assert names - parameters.keys() <= newer | {"ssl"}
