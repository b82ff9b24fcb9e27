"""Ids and signatures: what is right, what is not, and that garbage never raises."""

import gzip
import hashlib
import json
from pathlib import Path
from typing import Any

import attrs
import pytest
from examples import AnEvent
from hypothesis import given
from hypothesis import strategies as st
from relay.signing import Key, named_key
from strategies import json_values, many, some

from orly_policy_plugin.authority import has_right_id, is_signed, verify

from .making import signed

REAL_EVENTS = Path(__file__).parents[3] / "shared" / "data" / "real-events.jsonl.gz"

key = named_key("verified")
RIGHT = AnEvent(**key.event(content="hello", tags=[["p", key.pubkey]]))


@pytest.mark.skipif(not REAL_EVENTS.exists(), reason="the real events are not here")
def test_real_events_verify() -> None:
    """A thousand events of the public network; with another character none of them."""
    with gzip.open(REAL_EVENTS, "rt", encoding="utf-8") as lines:
        events = [AnEvent(**json.loads(line)) for line in lines]
    assert len(events) == 1000
    assert all(verify(event) for event in events)
    assert not any(has_right_id(attrs.evolve(e, content=e.content + " ")) for e in events)


@some
@given(st.text(st.characters(codec="utf-8")), st.lists(st.lists(st.text(min_size=1), min_size=1)))
def test_what_is_signed_verifies(content: str, tags: list[list[str]]) -> None:
    """Any text that UTF-8 can hold; tags may be tuples."""
    event = signed(key, content, tags=tags)
    assert verify(event)
    assert verify(attrs.evolve(event, tags=tuple(map(tuple, tags))))


@pytest.mark.parametrize(
    "changes",
    [
        {"content": "hullo"},
        {"tags": []},
        {"created_at": RIGHT.created_at + 1},
        {"kind": 2},
        {"pubkey": named_key("another").pubkey},
        {"id": RIGHT.id.upper()},
        {"id": RIGHT.id[:-1]},
    ],
)
def test_a_changed_event_has_a_wrong_id(changes: dict[str, Any]) -> None:
    """Each of the fields counts."""
    assert has_right_id(RIGHT)
    changed = attrs.evolve(RIGHT, **changes)
    assert not has_right_id(changed)
    assert not verify(changed)


def test_a_signature_of_another_key_is_wrong() -> None:
    """The id may be right."""
    forged = attrs.evolve(RIGHT, sig=Key().sign(RIGHT.id))
    assert has_right_id(forged)
    assert not is_signed(forged)
    assert not verify(forged)


@pytest.mark.parametrize("name", ["pubkey", "id", "sig"])
@pytest.mark.parametrize(
    "change", [lambda h: h + "00", lambda h: h[:-2], lambda h: h[:0], lambda h: "zz" + h[2:]]
)
def test_lengths_are_exact(name: str, change: Any) -> None:
    """libsecp256k1's wrapper takes a key with trailing bytes; nothing here does."""
    assert not is_signed(attrs.evolve(RIGHT, **{name: change(getattr(RIGHT, name))}))


@pytest.mark.parametrize("pubkey", ["00" * 32, "ff" * 32])
def test_a_key_that_is_no_point_signs_nothing(pubkey: str) -> None:
    """Not every number of 32 bytes is a public key."""
    assert not is_signed(attrs.evolve(RIGHT, pubkey=pubkey))


def _id_of(content: str, written: str) -> str:
    fields = f'[0,"{key.pubkey}",1,1,[],"{written}"]'
    return hashlib.sha256(fields.encode()).hexdigest()


@pytest.mark.parametrize("written", ["\x1b", "\\u001b", "\\u001B"])
def test_control_characters_may_be_written_in_three_ways(written: str) -> None:
    """As NIP-01 says, as most libraries do, and in upper case."""
    event_id = _id_of("\x1b", written)
    event = AnEvent(
        pubkey=key.pubkey,
        created_at=1,
        content="\x1b",
        tags=[],
        id=event_id,
        sig=key.sign(event_id),
    )
    assert verify(event)
    assert not verify(attrs.evolve(event, content="\x1c"))


def test_a_backslash_before_u001b_is_text() -> None:
    """The content `\\u001b`, written out, is not the escape character."""
    content = "\\u001b"
    written = "\\\\u001b"
    event_id = _id_of(content, written)
    event = AnEvent(pubkey=key.pubkey, created_at=1, content=content, tags=[], id=event_id)
    assert has_right_id(event)
    assert not has_right_id(attrs.evolve(event, content="\x1b"))
    assert not has_right_id(attrs.evolve(event, id=_id_of(content, "\\\x1b")))


def _nested() -> list[Any]:
    made: list[Any] = []
    for _ in range(100_000):
        made = [made]
    return made


@pytest.mark.parametrize(
    "changes",
    [
        {"tags": _nested()},
        {"content": "\ud800"},
        {"tags": [[b"e"]]},
        {"created_at": float("nan")},
        {"pubkey": "\ud800" * 64},
        {"id": "٣" * 64},
        {"sig": bytes(64)},
    ],
)
def test_garbage_is_wrong_and_never_raises(changes: dict[str, Any]) -> None:
    """Deep nesting, bytes, half a character, digits of another script."""
    assert verify(attrs.evolve(RIGHT, **changes)) is False


@many
@given(st.dictionaries(st.sampled_from(attrs.fields(AnEvent)), json_values))
def test_any_json_is_verified_without_raising(fields: dict[Any, Any]) -> None:
    """A bool comes out."""
    event = attrs.evolve(RIGHT, **{field.name: value for field, value in fields.items()})
    for check in (verify, has_right_id, is_signed):
        assert isinstance(check(event), bool)


def test_what_has_no_fields_is_wrong() -> None:
    """Not even an id."""
    assert verify(object()) is False  # type: ignore[arg-type]
