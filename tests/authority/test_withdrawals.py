"""Which contributions a kind 5 withdraws."""

from typing import Any

import pytest
from examples import ADMIN, ALICE, OWNER, AnEvent
from hypothesis import given
from strategies import json_values, many

from orly_policy_plugin.authority import withdrawn_by
from orly_policy_plugin.authority.withdrawals import withdrawal_tags

from .making import OTHER_ADMIN, OWNERS

ONE, TWO, UNKNOWN = "a1" * 32, "b2" * 32, "cc" * 32
KNOWN = {ONE: ADMIN, TWO: OTHER_ADMIN}


def withdrawn(author: str, tags: Any, kind: int = 5) -> tuple[str, ...]:
    return withdrawn_by(AnEvent(pubkey=author, kind=kind, tags=tags), KNOWN, OWNERS)


BOTH = [["e", TWO], ["p", ADMIN], ["e", ONE, "wss://relay.example"], ["e", TWO], ["e", UNKNOWN]]


def test_an_author_withdraws_ones_own() -> None:
    """And nobody else's, named in the same event or not."""
    assert withdrawn(ADMIN, BOTH) == (ONE,)
    assert withdrawn(OTHER_ADMIN, BOTH) == (TWO,)


def test_what_is_made_to_withdraw_one_withdraws_it() -> None:
    """It says of which kind that is, too (NIP-09)."""
    tags = withdrawal_tags(ONE)
    assert tags == [["e", ONE], ["k", "12345"]]
    assert withdrawn(ADMIN, tags) == (ONE,)


def test_an_owner_withdraws_anybodys() -> None:
    """In the order of the tags, each once."""
    assert withdrawn(OWNER, BOTH) == (TWO, ONE)


def test_a_strangers_withdraws_nothing() -> None:
    """Whatever it names."""
    assert withdrawn(ALICE, BOTH) == ()


def test_only_a_kind_5_withdraws() -> None:
    """A note that answers a contribution does not."""
    assert withdrawn(OWNER, BOTH, kind=1) == ()


def test_hex_compares_without_case() -> None:
    """An id may be written in capitals."""
    assert withdrawn(ADMIN, [["e", ONE.upper()]]) == (ONE,)


@pytest.mark.parametrize(
    "tags",
    [
        None,
        [["e"]],
        [["e", None]],
        [["E", ONE]],
        [["a", ONE]],
        [["x", "e", ONE]],
        [["e", ONE[:-1]], ["e", f"{ONE} "], ["e", f"../{ONE}"]],
        ["e" + ONE],
        [{"e": ONE}],
    ],
)
def test_what_is_no_e_tag_with_an_id_names_nothing(tags: Any) -> None:
    """Other tags, prefixes of ids, paths."""
    assert withdrawn(OWNER, tags) == ()


@many
@given(json_values, json_values, json_values)
def test_garbage_withdraws_nothing(pubkey: Any, kind: Any, tags: Any) -> None:
    """And never raises."""
    event = AnEvent(pubkey=pubkey, kind=kind, tags=tags)
    assert withdrawn_by(event, KNOWN, OWNERS) == ()
