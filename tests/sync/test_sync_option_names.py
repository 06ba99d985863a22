"""The names of options: a wrong one is an error that names the nearest, and all are in the signatures."""

from __future__ import annotations

import inspect
import socket
import sys

import pytest

from wsframe.sync import _typed_options as typed, connect, serve, unix_connect, unix_serve

unix = pytest.mark.skipif(sys.platform == "win32", reason="Unix sockets")


def handler(ws):
    pass


@pytest.mark.parametrize(
    ("call", "name", "nearest"),
    [
        (lambda **options: serve(handler, "127.0.0.1", 0, **options), "ping_intervall", "ping_interval"),
        (lambda **options: serve(handler, "127.0.0.1", 0, **options), "reuse_prot", "reuse_port"),
        (lambda **options: serve(handler, "127.0.0.1", 0, **options), "extra_headers", "additional_headers"),
        (lambda **options: unix_serve(handler, "path", **options), "max_sise", "max_size"),
        (lambda **options: unix_serve(handler, "path", **options), "baklog", "backlog"),
        (lambda **options: connect("ws://localhost", **options), "close_timeuot", "close_timeout"),
        (lambda **options: connect("ws://localhost", **options), "source_adress", "source_address"),
        (lambda **options: connect("ws://localhost", **options), "timeout", "open_timeout"),
        (lambda **options: unix_connect("path", **options), "server_hostnam", "server_hostname"),
        (lambda **options: connect("ws://localhost", **options), "headers", "additional_headers"),
        (lambda **options: connect("ws://localhost", **options), "ssl_context", "ssl"),
        (lambda **options: serve(handler, "127.0.0.1", 0, **options), "ssl_context", "ssl"),
    ],
)
def test_a_misspelt_option_names_the_nearest(call, name, nearest):
    with pytest.raises(TypeError) as raised:
        call(**{name: 1})
    assert str(raised.value).endswith(
        f"() got an unexpected keyword argument {name!r}: did you mean {nearest!r}?"
    )


@unix
def test_options_of_tcp_are_none_of_unix_sockets(tmp_path):
    with pytest.raises(TypeError, match=r"^unix_serve\(\) got an unexpected keyword argument 'reuse_port'"):
        unix_serve(handler, str(tmp_path / "socket"), reuse_port=True)
    assert not (tmp_path / "socket").exists()


@pytest.mark.parametrize("logger", ["x", print, 1])
def test_wrong_logger_is_a_type_error(logger):
    for call in (
        lambda: serve(handler, "127.0.0.1", 0, logger=logger),
        lambda: connect("ws://localhost", logger=logger),
    ):
        with pytest.raises(
            TypeError, match=r"^logger must be a logging\.Logger or LoggerAdapter, not .*getLogger"
        ):
            call()


def own_options(function, *others):
    parameters = inspect.signature(function).parameters.values()
    return {one.name for one in parameters if one.kind is one.KEYWORD_ONLY} - set(others)


def test_options_that_are_passed_on_are_those_of_serve_and_connect():
    listening, unix_listening = (
        typed.ListenOptions.__optional_keys__,
        typed.UnixListenOptions.__optional_keys__,
    )
    assert typed.UnixServeOptions.__optional_keys__ == own_options(serve) | unix_listening
    assert typed.UnixRouteOptions.__optional_keys__ == own_options(serve, "ssl") | unix_listening
    assert typed.RouteOptions.__optional_keys__ == own_options(serve, "ssl") | listening
    assert typed.UnixClientOptions.__optional_keys__ == own_options(connect)


def test_options_of_the_socket_module_are_those_it_has():
    assert typed.ListenOptions.__optional_keys__ <= inspect.signature(socket.create_server).parameters.keys()
    names = inspect.signature(socket.create_connection).parameters.keys() | {"all_errors"}
    assert typed.ConnectOptions.__optional_keys__ <= names
