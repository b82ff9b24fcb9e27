"""Who asks."""

import asyncio

import attrs
import pytest
from examples import ALICE, BOB, CAROL, AnEvent, Answering, by
from hypothesis import given
from hypothesis import strategies as st

from orly_policy_hookspecs import Context, Gate, Origin

keys = st.lists(st.sampled_from((ALICE, BOB, CAROL)))


@given(keys)
def test_keys_stay_in_the_order_in_which_they_authenticated(given_keys: list[str]) -> None:
    """Each once, the first one first."""
    assert Context(authenticated=given_keys).authenticated == tuple(dict.fromkeys(given_keys))


def test_a_set_comes_sorted() -> None:
    """A set has no order; two equal sets make equal contexts."""
    assert Context(authenticated={BOB, ALICE}).authenticated == tuple(sorted((ALICE, BOB)))


@pytest.mark.parametrize(
    "key",
    [
        "",
        "a" * 63,
        "a" * 65,
        "A" * 64,
        "g" * 64,
        f"{'a' * 64}\n",
        f" {'a' * 63}",
        5,
        None,
        b"a" * 64,
    ],
)
def test_what_is_no_pubkey_is_refused(key: object) -> None:
    """A key that no list could hold would pass deny lists unseen."""
    with pytest.raises(ValueError, match="64 lowercase hex"):
        Context(authenticated=(key,))  # type: ignore[arg-type]


def test_one_text_is_not_a_collection() -> None:
    """A forgotten comma is not read as 64 keys of one character."""
    with pytest.raises(
        TypeError, match=r"^authenticated takes a collection of pubkeys, not one text$"
    ):
        Context(authenticated=ALICE)  # type: ignore[arg-type]


def test_nobody_is_the_default() -> None:
    """Without anything said: a client of unknown address that has not authenticated."""
    assert Context() == Context(authenticated=(), ip="", origin=Origin.CLIENT)


def test_it_cannot_be_changed() -> None:
    """Who authenticates later gets a new context."""
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        Context().ip = "::1"  # type: ignore[misc]


def test_the_connection_does_not_count_for_equality() -> None:
    """It is the host's own object."""
    assert Context(connection=object()) == Context(connection=object())


def test_the_context_comes_to_every_hook_as_it_is() -> None:
    """With and without an event loop."""
    plugin, context = Answering(), by(ALICE)
    gate = Gate()
    gate.register(plugin)

    async def ask() -> None:
        await gate.write(AnEvent(), context)
        await gate.read(AnEvent(), context)
        await gate.reads([AnEvent()], context)
        await gate.kind3(AnEvent(kind=3), context)
        await gate.policy_event(AnEvent(kind=12345), context)

    asyncio.run(ask())
    gate.blocking.write(AnEvent(), context)
    gate.blocking.read(AnEvent(), context)
    gate.blocking.reads([AnEvent()], context)
    gate.blocking.kind3(AnEvent(kind=3), context)
    gate.blocking.policy_event(AnEvent(kind=12345), context)
    gate.blocking.close()
    assert [asked for _, asked in plugin.asked] == [context] * 10
