"""Offers and responses of permessage-deflate, against the tables of RFC 7692, 7.1."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from wsframe import Role
from wsframe._http.messages import extensions_of
from wsframe.deflate import ClientPolicy, Deflate, Parameters, ServerPolicy

NAME = "permessage-deflate"


def response(policy: ServerPolicy, offer: str) -> str | None:
    codec = policy.accept(extensions_of(offer))
    return None if codec is None else str(codec.parameters)


OPEN = ServerPolicy(server_max_window_bits=None, client_max_window_bits=None)


@pytest.mark.parametrize(
    ("offer", "expected"),
    [
        ("", None),
        ("x-webkit-deflate-frame", None),
        ("PerMessage-Deflate", None),
        (NAME, NAME),
        (f"foo; bar=1, {NAME}", NAME),
        (f"{NAME}; client_max_window_bits", NAME),
        (f"{NAME}; client_max_window_bits=10", f"{NAME}; client_max_window_bits=10"),
        (f"{NAME};client_max_window_bits=8", f"{NAME}; client_max_window_bits=8"),
        (f'{NAME}; client_max_window_bits="9"', f"{NAME}; client_max_window_bits=9"),
        (f"{NAME}; server_max_window_bits=15", f"{NAME}; server_max_window_bits=15"),
        (f"{NAME}; server_no_context_takeover", f"{NAME}; server_no_context_takeover"),
        (f"{NAME}; client_no_context_takeover", f"{NAME}; client_no_context_takeover"),
        (f"{NAME}; server_max_window_bits=10, {NAME}", f"{NAME}; server_max_window_bits=10"),
        (f"{NAME}; server_max_window_bits=8, {NAME}", NAME),
        (f"{NAME}; x, {NAME}; y, {NAME}; server_no_context_takeover", f"{NAME}; server_no_context_takeover"),
    ],
)
def test_server_without_limits_accepts_the_offer_of_the_client(offer: str, expected: str | None) -> None:
    assert response(OPEN, offer) == expected


WINDOWS = (None, *range(8, 16))


@pytest.mark.parametrize(("ours", "offered"), list(itertools.product([None, 9, 12, 15], WINDOWS)))
def test_smaller_server_window_bits_are_agreed(ours: int | None, offered: int | None) -> None:
    """7.1.2.1: the smaller one."""
    policy = ServerPolicy(server_max_window_bits=ours, client_max_window_bits=None)
    got = response(policy, NAME if offered is None else f"{NAME}; server_max_window_bits={offered}")
    known = [bits for bits in (ours, offered) if bits is not None]
    if offered == 8:
        assert got is None
    elif known:
        assert got == f"{NAME}; server_max_window_bits={min(known)}"
    else:
        assert got == NAME


@pytest.mark.parametrize(("ours", "offered"), list(itertools.product([None, 8, 12, 15], [True, *WINDOWS])))
def test_client_window_bits_are_set_only_if_offered(ours: int | None, offered: int | bool | None) -> None:
    """7.1.2.2: asked for only where the client said that it may be."""
    policy = ServerPolicy(server_max_window_bits=None, client_max_window_bits=ours)
    value = "" if offered is True else f"={offered}"
    got = response(policy, NAME if offered is None else f"{NAME}; client_max_window_bits{value}")
    if offered is None or (offered is True and ours is None):
        assert got == NAME
    else:
        known = [bits for bits in (ours, offered) if bits is not None and bits is not True]
        assert got == f"{NAME}; client_max_window_bits={min(known)}"


def test_offer_without_a_required_client_window_is_declined() -> None:
    policy = ServerPolicy(require_client_max_window_bits=True, client_max_window_bits=10)
    assert response(policy, NAME) is None
    assert response(policy, f"{NAME}, {NAME}; client_max_window_bits=15") is not None


@pytest.mark.parametrize(("ours", "offered"), list(itertools.product([False, True], repeat=2)))
@pytest.mark.parametrize("side", ["server", "client"])
def test_either_side_can_request_no_context_takeover(side: str, ours: bool, offered: bool) -> None:
    """7.1.1: either side can ask for none to be taken over."""
    settings: Any = {f"{side}_no_context_takeover": ours}
    policy = ServerPolicy(server_max_window_bits=None, client_max_window_bits=None, **settings)
    got = response(policy, f"{NAME}; {side}_no_context_takeover" if offered else NAME)
    assert got == (f"{NAME}; {side}_no_context_takeover" if ours or offered else NAME)


def test_default_server_policy_uses_small_windows() -> None:
    """Small windows, as servers with many connections want them."""
    assert response(ServerPolicy(), f"{NAME}; client_max_window_bits") == (
        f"{NAME}; server_max_window_bits=12; client_max_window_bits=12"
    )
    assert ClientPolicy().offer() == f"{NAME}; client_max_window_bits"


@pytest.mark.parametrize(
    ("policy", "offer"),
    [
        (ClientPolicy(client_max_window_bits=None), NAME),
        (ClientPolicy(client_max_window_bits=9), f"{NAME}; client_max_window_bits=9"),
        (
            ClientPolicy(
                server_no_context_takeover=True, client_no_context_takeover=True, server_max_window_bits=8
            ),
            (
                f"{NAME}; server_no_context_takeover; client_no_context_takeover; "
                "server_max_window_bits=8; client_max_window_bits"
            ),
        ),
    ],
)
def test_client_policy_determines_the_offer(policy: ClientPolicy, offer: str) -> None:
    assert policy.offer() == offer


def agreed(policy: ClientPolicy, header: str) -> Parameters | None:
    codec = policy.agree(extensions_of(header))
    return None if codec is None else codec.parameters


STRICT = ClientPolicy(server_no_context_takeover=True, server_max_window_bits=11, client_max_window_bits=12)


@pytest.mark.parametrize(
    ("policy", "header", "expected"),
    [
        (ClientPolicy(), "", None),
        (ClientPolicy(), NAME, Parameters()),
        (ClientPolicy(), f"{NAME}; client_max_window_bits=8", Parameters(client_max_window_bits=8)),
        (ClientPolicy(), f"{NAME}; server_max_window_bits=8", Parameters(server_max_window_bits=8)),
        (ClientPolicy(), f"{NAME}; server_no_context_takeover", Parameters(True)),
        (ClientPolicy(), f"{NAME}; client_no_context_takeover", Parameters(False, True)),
        (ClientPolicy(client_no_context_takeover=True), NAME, Parameters(False, True)),
        (ClientPolicy(client_max_window_bits=None), NAME, Parameters()),
        # What a client names it keeps to, repeated or not.
        (ClientPolicy(client_max_window_bits=10), NAME, Parameters(client_max_window_bits=10)),
        (
            STRICT,
            f"{NAME}; server_no_context_takeover; server_max_window_bits=11",
            Parameters(True, False, 11, 12),
        ),
        (
            STRICT,
            f"{NAME}; server_no_context_takeover; server_max_window_bits=9; client_max_window_bits=9",
            Parameters(True, False, 9, 9),
        ),
    ],
)
def test_valid_responses_are_accepted(policy: ClientPolicy, header: str, expected: Parameters | None) -> None:
    assert agreed(policy, header) == expected


@pytest.mark.parametrize(
    ("policy", "header", "reason"),
    [
        (ClientPolicy(), "permessage-snappy", "extension permessage-snappy was not offered"),
        (ClientPolicy(), f"{NAME}, {NAME}", f"extension {NAME} appears twice"),
        (ClientPolicy(), f"{NAME}; client_max_window_bits", "client_max_window_bits must be from 8 to 15"),
        (
            ClientPolicy(client_max_window_bits=None),
            f"{NAME}; client_max_window_bits=15",
            "client_max_window_bits was not offered",
        ),
        (STRICT, NAME, "server_no_context_takeover was offered and not accepted"),
        (STRICT, f"{NAME}; server_no_context_takeover", "server_max_window_bits must be 11 or less"),
        (
            STRICT,
            f"{NAME}; server_no_context_takeover; server_max_window_bits=12",
            "server_max_window_bits must be 11 or less",
        ),
        (
            STRICT,
            f"{NAME}; server_no_context_takeover; server_max_window_bits=11; client_max_window_bits=13",
            "client_max_window_bits must be 12 or less",
        ),
    ],
)
def test_invalid_responses_are_rejected(policy: ClientPolicy, header: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        agreed(policy, header)


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"server_max_window_bits": 16}, "server_max_window_bits must be from 9 to 15"),
        ({"client_max_window_bits": 7}, "client_max_window_bits must be from 8 to 15"),
        (
            {"require_client_max_window_bits": True, "client_max_window_bits": None},
            "needs client_max_window_bits",
        ),
        ({"mem_level": 0}, "mem_level must be from 1 to 9"),
        ({"mem_level": 10}, "mem_level must be from 1 to 9"),
        ({"min_size": -1}, "min_size must not be negative"),
        ({"module": "lz4"}, "not 'lz4'"),
        ({"level": 10}, "level 10 is not a level of zlib"),
        ({"level": -2}, "level -2 is not a level of zlib"),
    ],
)
def test_invalid_server_settings_raise_value_error(settings: Any, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        ServerPolicy(**settings)


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"server_max_window_bits": 7}, "server_max_window_bits must be from 8 to 15"),
        ({"client_max_window_bits": 16}, "client_max_window_bits must be from 9 to 15"),
        ({"mem_level": 10}, "mem_level must be from 1 to 9"),
    ],
)
def test_invalid_client_settings_raise_value_error(settings: Any, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        ClientPolicy(**settings)


def test_a_codec_takes_the_settings_of_its_policy(module: str) -> None:
    policy = ServerPolicy(level=1, mem_level=2, min_size=7, module=module)
    codec = policy.accept(extensions_of(NAME))
    assert codec is not None
    assert [codec.wants(size) for size in (0, 6, 7, 8)] == [False, False, True, True]
    same = Deflate(Role.SERVER, codec.parameters, level=1, mem_level=2, module=module)
    assert codec.settings == same.settings
