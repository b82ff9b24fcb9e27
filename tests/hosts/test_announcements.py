"""What processes tell each other by NOTIFY: written, read, and not believed."""

import json
from typing import Any

import pytest
from relay.signing import Key

from orly_policy_hookspecs.nip01 import FrozenEvent
from orly_policy_plugin.hosts.nostr_relay.announcements import (
    MOST_BYTES,
    Announcement,
    Stored,
    Unreadable,
    of_ephemeral,
    of_stored,
    read,
)

KEY = Key()


def event(kind: int, content: str = "") -> FrozenEvent:
    return FrozenEvent.of_json(KEY.event(kind, content, [["t", "☺\0"]]))


def test_stored_events_are_told_by_kind_and_id() -> None:
    """In their order, in as many payloads as are needed."""
    events = [event(65_535, f"{number}") for number in range(250)]
    payloads = of_stored("0123456789abcdef", events)
    assert max(len(each.encode()) for each in payloads) <= MOST_BYTES
    announcements = [read(each) for each in payloads]
    assert {each.origin for each in announcements} == {"0123456789abcdef"}
    told = [entry for each in announcements for entry in each.events]
    assert told == [Stored(each.id, each.kind) for each in events]
    assert of_stored("x", []) == []


def test_an_ephemeral_event_is_carried_as_it_is() -> None:
    """In a text that PostgreSQL can hold: without U+0000."""
    carried = event(20_001, '☺\0"')
    payload = of_ephemeral("x", carried)
    assert "\0" not in payload
    assert read(payload) == Announcement("x", [carried])


@pytest.mark.parametrize(
    "payload",
    [
        "",
        "{",
        "[]",
        '{"from": 1, "stored": []}',
        '{"from": "x"}',
        '{"from": "x", "stored": {}}',
        '{"from": "x", "stored": [[1]]}',
        '{"from": "x", "stored": [["1", "%s"]]}' % ("a" * 64),
        '{"from": "x", "stored": [[1, "%s"]]}' % ("A" * 64),
        '{"from": "x", "stored": [[1, "\' OR true --"]]}',
        '{"from": "x", "event": null}',
        '{"from": "x", "event": {"id": 1}}',
    ],
)
def test_what_is_no_announcement_is_not_understood(payload: str) -> None:
    """Whoever has sent it."""
    with pytest.raises(Unreadable):
        read(payload)


@pytest.mark.parametrize("kind", [1, 3, 12_345, 22_242, 30_000])
def test_nothing_is_carried_but_what_nobody_stores(kind: int) -> None:
    """An AUTH is never handed on."""
    value: Any = {"from": "x", "event": KEY.event(kind, "")}
    with pytest.raises(Unreadable, match=f"kind {kind} is not carried"):
        read(json.dumps(value))
