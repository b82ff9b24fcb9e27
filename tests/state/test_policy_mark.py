"""The mark in the policy file."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import json_values, some

from orly_policy_plugin.authority.freshness import Mark
from orly_policy_plugin.errors import PolicyError
from orly_policy_plugin.policy import policy_version, read_policy, structure_policy
from orly_policy_plugin.policy.problems import Problem
from orly_policy_plugin.policy.strict_json import decode_json
from orly_policy_plugin.state.policy_mark import (
    PolicyEvent,
    mark_of,
    policy_event_in,
    reads_back,
    with_mark,
)

from .nursery import ADMIN, OWNER, mark, some_id

GOOD = {"id": some_id(1), "created_at": 5, "pubkey": OWNER}


def test_what_is_written_is_read() -> None:
    """For people, with the mark at the end."""
    content = with_mark({"kind": {"whitelist": [1]}, "_ä": "ö"}, mark(1), OWNER)
    assert content.decode().startswith('{\n  "kind": {\n')
    assert content.decode().endswith("}\n")
    assert '"_ä": "ö"' in content.decode()
    assert list(json.loads(content))[-1] == "_policy_event"
    assert mark_of(content) == mark(1)
    assert policy_event_in(decode_json(content), []) == PolicyEvent(mark(1), OWNER)


def test_a_mark_in_the_event_is_replaced() -> None:
    """Whatever it says."""
    for value in {**GOOD, "created_at": 2**62}, None, [], "x":
        content = with_mark({"_policy_event": value, "owners": [OWNER]}, mark(1), OWNER)
        assert content.count(b"_policy_event") == 1
        assert mark_of(content) == mark(1)


@some
@given(st.dictionaries(st.text(max_size=5).map(lambda text: "_" + text), json_values, max_size=4))
def test_comments_of_any_kind(comments: dict[str, Any]) -> None:
    """The policy means what it meant, and the file can be read."""
    policy = {"owners": [OWNER], "rules": {"1": {"write_allow": []}}}
    value = decode_json(json.dumps({**comments, **policy}).encode())
    content = with_mark(value, mark(3), ADMIN)
    json.loads(content, parse_constant=lambda constant: pytest.fail(constant))
    assert mark_of(content) == mark(3)
    assert policy_version(read_policy(content)) == policy_version(structure_policy(policy))


def test_a_comment_that_is_no_json() -> None:
    """A number without end becomes a text."""
    value = decode_json(b'{"_a": [NaN, -Infinity, 1e999, 123456789012345678901234567890]}')
    assert json.loads(with_mark(value, mark(1), OWNER))["_a"][:2] == ["NaN", "-Infinity"]


def test_a_comment_nested_too_deeply() -> None:
    """Is refused before anything is written."""
    value: Any = []
    for _ in range(50_000):
        value = [value]
    with pytest.raises(PolicyError, match="nested too deeply"):
        with_mark({"_a": value}, mark(1), OWNER)


@pytest.mark.parametrize("content", [b"{}", b"[]", b'{"_policy_events": 1}'])
def test_a_file_without_a_mark(content: bytes) -> None:
    """Says nothing, and nothing is wrong with its mark."""
    problems: list[Problem] = []
    assert policy_event_in(decode_json(content), problems) is None
    assert problems == []


@pytest.mark.parametrize("content", [b"", b"{", b"\xff"])
def test_what_is_no_policy_has_no_mark(content: bytes) -> None:
    """That it is none, whoever reads it as a policy says."""
    assert mark_of(content) is None


@pytest.mark.parametrize(
    "value",
    [
        None,
        "x",
        [],
        {},
        {**GOOD, "id": "x"},
        {**GOOD, "id": None},
        {**GOOD, "id": some_id(1).upper()},
        {**GOOD, "pubkey": "../.."},
        {**GOOD, "created_at": "5"},
        {**GOOD, "created_at": True},
        {**GOOD, "created_at": -1},
        {**GOOD, "created_at": 2**63},
        {**GOOD, "created_at": 5.5},
    ],
)
def test_a_garbled_mark_counts_for_nothing(value: Any) -> None:
    """And is told."""
    content = json.dumps({"_policy_event": value}).encode()
    problems: list[Problem] = []
    assert policy_event_in(decode_json(content), problems) is None
    assert [problem.place for problem in problems] == ["_policy_event"]
    assert mark_of(content) is None


def test_a_mark_that_stands_twice_counts_for_nothing() -> None:
    """Nobody knows which one was meant."""
    good = json.dumps(GOOD)
    assert mark_of(f'{{"_policy_event": {good}}}'.encode()) == Mark(5, some_id(1))
    assert mark_of(f'{{"_policy_event": {good}, "_policy_event": {good}}}'.encode()) is None
    assert mark_of(f'{{"_policy_event": {{"id": 1, {good[1:]}}}'.encode()) is None


@given(st.binary(max_size=60))
def test_nothing_raises(content: bytes) -> None:
    """Whatever is in the file."""
    mark_of(content)
    mark_of(b'{"_policy_event": ' + content + b"}")


@given(json_values, st.dictionaries(st.sampled_from(["_c", "$c", "kind", "rules"]), json_values))
def test_what_is_written_reads_back(comment: Any, policy_json: dict[str, Any]) -> None:
    """Comments and all: whoever compares finds a difference where there is one, and no other."""
    document = decode_json(json.dumps({**policy_json, "_note": comment}).encode())
    content = with_mark(document, mark(1), OWNER)
    assert reads_back(content, document)
    assert not reads_back(content, {**document, "owners": [OWNER]})
