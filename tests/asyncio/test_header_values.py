"""Header values of an application on a connection: numbers, and several fields with one name."""

from __future__ import annotations

import base64

import pytest
from both_ends import address, local

from wsframe.asyncio import InvalidStatus, MultipleValuesError, basic_auth, connect


async def test_numbers_are_sent_as_their_str():
    async def handler(ws):
        await ws.send(ws.request.headers["X-Id"])

    def process_response(connection, request, response):
        response.headers["X-Count"] = 5

    async with (
        local(handler, process_response=process_response, additional_headers={"X-Age": 2.5}) as server,
        connect(address(server), additional_headers={"X-Id": 5}) as ws,
    ):
        assert await ws.recv() == "5"
        assert (ws.response.headers["X-Count"], ws.response.headers["X-Age"]) == ("5", "2.5")


async def test_several_fields_with_one_name():
    def process_response(connection, request, response):
        response.headers["Set-Cookie"] = "a=1"
        response.headers["Set-Cookie"] = "b=2"

    async def handler(ws):
        await ws.wait_closed()

    async with (
        local(handler, process_response=process_response) as server,
        connect(address(server)) as ws,
    ):
        assert ws.response.headers.get_all("Set-Cookie") == ["a=1", "b=2"]
        with pytest.raises(MultipleValuesError, match="'Set-Cookie'"):
            ws.response.headers["Set-Cookie"]


async def test_two_authorization_fields_are_refused():
    async def handler(ws):
        await ws.wait_closed()

    given = "Basic " + base64.b64encode(b"bob:secret").decode()
    async with local(handler, process_request=basic_auth("here", credentials=("bob", "secret"))) as server:
        with pytest.raises(InvalidStatus, match="HTTP 401"):
            await connect(address(server), additional_headers=[("Authorization", given)] * 2)


async def test_two_locations_are_no_redirect():
    def process_request(connection, request):
        response = connection.respond(302, "")
        response.headers["Location"] = response.headers["Location"] = "/elsewhere"
        return response

    async def handler(ws):
        await ws.wait_closed()

    async with local(handler, process_request=process_request) as server:
        with pytest.raises(InvalidStatus, match="HTTP 302"):
            await connect(address(server))
