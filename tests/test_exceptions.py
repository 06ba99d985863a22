"""Every exception of the package can be pickled and copied, and shows text of a peer escaped."""

from __future__ import annotations

import copy
import importlib
import pickle
import pkgutil
import warnings
from typing import Any

import pytest

import wsframe
from wsframe import Close, CloseCode, Role
from wsframe.connection import ConnectionClosedOK, SansIOConnection
from wsframe.handshake import Response

CLOSES = (Close(4000, "bye"), Close(1000))

# What to make one of each from.
ARGUMENTS: dict[str, tuple[Any, ...]] = {
    "WebSocketException": ("no",),
    "ConcurrencyError": ("another recv is waiting",),
    "PayloadTooBig": (5, 3, 1),
    "TooManyFragments": (10,),
    "ProtocolError": (1002, "reserved bits must be 0"),
    "InvalidHandshake": ("no",),
    "Refused": (426, "no", [("Upgrade", "websocket")]),
    "NotHTTP": ("no",),
    "UpgradeRemoved": (400, "no Upgrade header", [("Upgrade", "websocket")]),
    "InvalidURI": ("http://x", "no scheme of ours"),
    "InvalidMessage": ("no",),
    "InvalidStatus": (Response(404, "Gone", [("X", "y")], b"body"),),
    "InvalidHeader": ("Upgrade", None, "no"),
    "InvalidHeaderValue": ("Sec-WebSocket-Accept", "x", "no"),
    "InvalidUpgrade": ("Upgrade", "h2c", "no"),
    "NegotiationError": ("no",),
    "SecurityError": ("no",),
    "ProxyError": ("no",),
    "InvalidProxyMessage": ("no",),
    "InvalidProxyStatus": (Response(403, "No", [("X", "y")]),),
    "InvalidProxy": ("ftp://proxy", "scheme ftp isn't supported"),
    "MultipleValuesError": ("Cookie",),
    "ConnectionClosed": CLOSES,
    "ConnectionClosedOK": (None, Close(1000)),
    "ConnectionClosedError": (None, None),
    "EngineUnavailable": ("no",),
    "SourceError": ("no",),
    "CannotRunError": (126, "no such program"),
    "LoadError": ("no",),
    "ServerError": ("no",),
}


def exceptions() -> dict[str, type[Exception]]:
    """All that the package defines, wherever it does."""
    found = {}
    for module in pkgutil.walk_packages(wsframe.__path__, "wsframe."):
        if module.name.endswith("__main__"):
            continue
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)  # of websockets.legacy
                namespace = vars(importlib.import_module(module.name))
        except ImportError:
            continue  # its library is not here
        for name, value in namespace.items():
            own = isinstance(value, type) and value.__module__ == module.name
            if own and issubclass(value, BaseException):
                found[name] = value
    return found


FOUND = exceptions()


def test_every_exception_has_test_arguments() -> None:
    assert set(FOUND) <= set(ARGUMENTS)
    assert {"ProtocolError", "Refused", "ConnectionClosedError", "CannotRunError"} <= set(FOUND)


WAYS = {
    **{
        f"pickle {protocol}": lambda error, protocol=protocol: pickle.loads(pickle.dumps(error, protocol))
        for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1)
    },
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
}


def seen(value: Any) -> Any:
    """What can be compared of a value."""
    if isinstance(value, Response):
        return value.status_code, value.reason_phrase, value.headers.raw, value.body
    return [seen(one) for one in value] if isinstance(value, (list, tuple)) else value


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize("name", FOUND)
def test_exceptions_are_pickled_and_copied(name: str, way: Any) -> None:
    error = FOUND[name](*ARGUMENTS[name])
    error.note = "of the application"  # type: ignore[attr-defined]
    again = way(error)
    assert type(again) is type(error)
    assert str(again) == str(error)
    assert seen(again.args) == seen(error.args)
    public = {name for name in dir(error) if not name.startswith("_") and hasattr(error, name)}
    public -= {"with_traceback", "add_note"}
    for attribute in public:
        assert seen(getattr(again, attribute)) == seen(getattr(error, attribute))


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_connection_closed_is_pickled_without_its_connection(way: Any) -> None:
    connection = SansIOConnection(Role.SERVER)
    connection.close(1000, "bye")
    error = connection.closed_error()
    assert connection.has_raised(error)
    again = way(error)
    assert (again.sent, again.rcvd) == (Close(CloseCode.NORMAL_CLOSURE, "bye"), None)
    assert not connection.has_raised(again)


def test_has_raised_recognises_the_exception_of_its_connection() -> None:
    one, other = SansIOConnection(Role.SERVER), SansIOConnection(Role.SERVER)
    for connection in (one, other):
        connection.receive_eof()
    assert one.has_raised(one.closed_error())
    assert not one.has_raised(other.closed_error())
    assert not one.has_raised(ConnectionClosedOK())
    assert not one.has_raised(ValueError())


def test_has_raised_looks_into_exception_groups() -> None:
    groups = pytest.importorskip("builtins")
    if not hasattr(groups, "ExceptionGroup"):
        pytest.skip("no exception groups before Python 3.11")
    one, other = SansIOConnection(Role.SERVER), SansIOConnection(Role.SERVER)
    own, foreign = one.closed_error(), other.closed_error()
    group = groups.ExceptionGroup
    assert one.has_raised(group("", [own, group("", [own])]))
    assert not one.has_raised(group("", [own, group("", [foreign])]))
    assert not one.has_raised(group("", [own, ValueError()]))


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("ProtocolError", ("x",)),
        ("PayloadTooBig", (5, 3)),
        ("PayloadTooBig", (None, 3)),
        ("PayloadTooBig", (5, 3, 2)),
        ("InvalidHeader", ("N",)),
        ("InvalidHeader", ("N", "")),
        ("InvalidHeader", ("N", "v")),
        ("InvalidHeaderValue", ("N", "v")),
        ("InvalidUpgrade", ("Upgrade", "h2c")),
        ("InvalidHandshake", ("x",)),
        ("InvalidMessage", ("x",)),
        ("NegotiationError", ("x",)),
        ("SecurityError", ("x",)),
        ("ConcurrencyError", ("x",)),
        ("InvalidURI", ("u", "m")),
        ("InvalidProxy", ("p", "m")),
        ("MultipleValuesError", ("N",)),
    ],
)
@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_texts_are_those_of_websockets(name: str, arguments: tuple[Any, ...], way: Any) -> None:
    module = "websockets.datastructures" if name == "MultipleValuesError" else "websockets.exceptions"
    theirs = getattr(pytest.importorskip(module, reason="needs websockets"), name)(*arguments)
    ours = FOUND[name](*arguments)
    assert str(ours) == str(way(ours)) == str(theirs)
    for attribute in vars(theirs).keys() - {"message"}:
        assert getattr(ours, attribute) == getattr(theirs, attribute)


def test_payload_too_big_takes_a_text_alone() -> None:
    error = FOUND["PayloadTooBig"]("message larger than 10 bytes")
    assert (str(error), error.close_code, error.max_size) == ("message larger than 10 bytes", 1009, None)  # type: ignore[attr-defined]
    with pytest.raises(TypeError, match="needs a max_size"):
        FOUND["PayloadTooBig"](5)
