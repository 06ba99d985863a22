"""`receive` and `send` look like the methods of a class of uvicorn, and take the same arguments."""

from __future__ import annotations

import asyncio
import copy
import functools
import gc
import inspect
import sys
import types
import warnings
import weakref
from collections.abc import Callable
from typing import Any

import pytest
from serving import Raw, serving

from wsframe.uvicorn import WebSocketProtocol

HELLO = {"type": "websocket.send", "text": "hello"}


def names(receive: Any, send: Any) -> None:
    for function, name in ((receive, "receive"), (send, "send")):
        assert function.__name__ == name
        assert function.__qualname__ == f"WebSocketProtocol.{name}"
        assert function.__module__ == WebSocketProtocol.__module__
        assert isinstance(function.__self__, WebSocketProtocol)
        assert repr(function).startswith(f"<bound method WebSocketProtocol.{name} of <")
        assert functools.wraps(function)(lambda: None).__name__ == name
        assert function.__doc__.startswith("The ")


def kinds(receive: Any, send: Any) -> None:
    for function in (receive, send, functools.partial(send, HELLO)):
        assert callable(function)
        assert isinstance(function, Callable)  # type: ignore[arg-type]
        assert inspect.iscoroutinefunction(function)
        if sys.version_info < (3, 14):  # deprecated there
            assert asyncio.iscoroutinefunction(function)
        assert weakref.ref(function)() is function
        assert {function: 1}[function] == 1
    for function in (receive, send):
        assert inspect.ismethod(function)
        assert isinstance(function, types.MethodType)
        assert function == function
    assert receive != send


def signatures(receive: Any, send: Any) -> None:
    assert list(inspect.signature(receive).parameters) == []
    assert list(inspect.signature(send).parameters) == ["message"]
    inspect.signature(send).bind(message=HELLO)


def unknown_attributes(receive: Any, send: Any) -> None:
    for function in (receive, send):
        assert not hasattr(function, "other")
        with pytest.raises(AttributeError):
            function.other = 1
        with pytest.raises(AttributeError):
            del function.other


async def keywords(receive: Any, send: Any) -> None:
    keyword, no_keyword = {"message": HELLO}, {}  # type: ignore[var-annotated]
    for call in (
        send(message=HELLO),
        send(**keyword),
        send(*[HELLO]),
        functools.partial(send, message=HELLO)(),
        send.__call__(HELLO),
        send.__func__(send.__self__, HELLO),
    ):
        assert await call is None
    for call in (receive(**no_keyword), receive(*()), receive.__call__(), receive()):
        assert (await call)["text"] == "one"


def wrong_arguments(receive: Any, send: Any) -> None:
    for arguments, more in (
        ((), {}),
        ((HELLO, HELLO), {}),
        ((HELLO,), {"message": HELLO}),
        ((), {"event": 1}),
    ):
        with pytest.raises(TypeError, match=r"^WebSocketProtocol.send\(\) "):
            send(*arguments, **more)
    for arguments, more in (((1,), {}), ((), {"message": HELLO})):
        with pytest.raises(TypeError, match=r"^WebSocketProtocol.receive\(\) "):
            receive(*arguments, **more)


async def one_call(receive: Any, send: Any) -> None:
    for function, arguments in ((receive, ()), (send, (HELLO,))):
        name = function.__name__
        call = function(*arguments)
        assert call.__name__ == name
        assert call.__qualname__ == f"WebSocketProtocol.{name}"
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            del call
            gc.collect()
        text = f"coroutine 'WebSocketProtocol.{name}' was never awaited"
        assert [str(one.message).partition("\n")[0] for one in seen] == [text]
    call = send(HELLO)
    await call
    with pytest.raises(RuntimeError, match=r"^cannot reuse already awaited coroutine$"):
        await call


def copies(receive: Any, send: Any) -> None:
    assert copy.copy({"send": send})["send"] is send


CASES = [names, kinds, signatures, unknown_attributes, keywords, wrong_arguments, one_call, copies]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_functions_look_like_methods_of_uvicorn(loop: str, case: Any) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        try:
            if inspect.iscoroutinefunction(case):
                await case(receive, send)
            else:
                case(receive, send)
        except BaseException as exc:
            await send({"type": "websocket.send", "text": repr(exc)})
            raise
        await send({"type": "websocket.send", "text": "done"})
        while (await receive())["type"] != "websocket.disconnect":
            pass

    with serving(app, loop=loop) as port, Raw(port) as client:
        client.send(bytes.fromhex("8183000000006f6e65") * 4)
        while (result := client.receive(1)) == ["hello"]:
            pass
    assert result == ["done"]
