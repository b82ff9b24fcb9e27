"""Is a JSON value an event of NIP-01?"""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import json_values

from orly_policy_hookspecs.nip01 import MalformedEvent, malformed, read_event

GOOD = {
    "id": "1d" * 32,
    "pubkey": "ab" * 32,
    "created_at": 1_700_000_000,
    "kind": 1,
    "tags": [["p", "ab" * 32], ["-"], ["t", ""]],
    "content": "hello ☺ \u0000",
    "sig": "5a" * 64,
}

WRONG = [
    ("id", "1D" * 32, "id is not 64 lowercase hex characters"),
    ("id", "1d" * 31, "id is not"),
    ("id", "1d" * 32 + "\n", "id is not"),
    ("id", None, "id is not"),
    ("pubkey", "AB" * 32, "pubkey is not 64 lowercase hex characters"),
    ("pubkey", ["ab" * 32], "pubkey is not"),
    ("pubkey", "٣" * 64, "pubkey is not"),
    ("sig", "5a" * 32, "sig is not 128 lowercase hex characters"),
    ("sig", 0, "sig is not"),
    ("created_at", "1700000000", "created_at is not a whole number"),
    ("created_at", 1.0, "created_at is not a whole number"),
    ("created_at", float("inf"), "created_at is not a whole number"),
    ("created_at", float("nan"), "created_at is not a whole number"),
    ("created_at", True, "created_at is not a whole number"),
    ("created_at", -1, "created_at is not between 0 and"),
    ("created_at", 2**63, "created_at is not between 0 and"),
    ("created_at", 10**400, "created_at is not between 0 and"),
    ("kind", True, "kind is not a whole number"),
    ("kind", False, "kind is not a whole number"),
    ("kind", 1.0, "kind is not a whole number"),
    ("kind", "1", "kind is not a whole number"),
    ("kind", None, "kind is not a whole number"),
    ("kind", -1, "kind is not between 0 and 65535"),
    ("kind", 65536, "kind is not between 0 and 65535"),
    ("content", 5, "content is not a text"),
    ("content", None, "content is not a text"),
    ("content", {}, "content is not a text"),
    ("content", "\ud83d", "content is not Unicode"),
    ("tags", None, "tags is not a list"),
    ("tags", {}, "tags is not a list"),
    ("tags", "p", "tags is not a list"),
    ("tags", ["p"], "tags[0] is not a list"),
    ("tags", [["t"], {"p": 1}], "tags[1] is not a list"),
    ("tags", [[]], "tags[0] is empty"),
    ("tags", [["p", 1]], "tags[0][1] is not a text"),
    ("tags", [["t"], ["p", "x", None]], "tags[1][2] is not a text"),
    ("tags", [[["p"]]], "tags[0][0] is not a text"),
    ("tags", [["p", "\udc00"]], "tags[0][1] is not Unicode"),
]


def test_an_event_is_not() -> None:
    """The seven fields with their types: nothing to say against it."""
    assert malformed(GOOD) is None


@pytest.mark.parametrize(("field", "value", "message"), WRONG)
def test_a_wrong_field_is_named(field: str, value: Any, message: str) -> None:
    """Each field's type and range is looked at, and the sentence says where."""
    found = malformed(GOOD | {field: value})
    assert found is not None
    assert found.startswith(message)


@pytest.mark.parametrize("field", GOOD)
def test_a_missing_field_is_named(field: str) -> None:
    """All seven must be there."""
    event = {name: value for name, value in GOOD.items() if name != field}
    assert malformed(event) == f"the event has no {field}"
    with pytest.raises(MalformedEvent, match=f"^the event has no {field}$"):
        read_event(event)


def test_what_is_no_object_and_what_lacks_much_is_told() -> None:
    """In a sentence for the client."""
    assert malformed([]) == "an event is a JSON object"
    lacking = {name: GOOD[name] for name in GOOD if name not in ("id", "sig")}
    assert malformed(lacking) == "the event has no id and no sig"


def test_an_eighth_field_is_dropped() -> None:
    """No id covers it, so that it is nothing of the event's (section 11 of the spec)."""
    more = GOOD | {"ip": "::1", "relays": ["wss://relay.example"]}
    assert malformed(more) is None
    assert read_event(more) == read_event(GOOD)


@pytest.mark.parametrize("field", [("kind", 0), ("kind", 65535), ("created_at", 0), ("tags", [])])
def test_the_ends_of_a_range_belong_to_it(field: tuple[str, Any]) -> None:
    """The smallest and the largest value are right."""
    assert malformed(GOOD | dict([field])) is None


@given(json_values)
def test_it_never_raises(value: object) -> None:
    """Any JSON value at all gets a sentence or nothing."""
    found = malformed(value)
    assert found is None or (isinstance(found, str) and found)


@given(st.dictionaries(st.sampled_from(list(GOOD)), json_values, min_size=1))
def test_no_mutation_passes_with_a_wrong_type(changes: dict[str, Any]) -> None:
    """What passes has strings, integers and lists of strings just where they belong."""
    event = GOOD | changes
    if malformed(event) is None:
        assert [type(event[name]) for name in GOOD] == [str, str, int, int, list, str, str]
        assert all(type(item) is str for tag in event["tags"] for item in tag)
        assert all(tag for tag in event["tags"])
        json.dumps(event, ensure_ascii=False).encode()
