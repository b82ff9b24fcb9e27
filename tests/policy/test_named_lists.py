"""The section of named lists, and their names in rules: section 14 of the spec."""

import json
import time
from typing import Any

import pytest
from examples import ALICE, BOB

from orly_policy_plugin.policy import (
    GlobalRule,
    InvalidPolicy,
    Rule,
    policy_version,
    read_policy,
    structure_policy,
    unstructure_policy,
)
from orly_policy_plugin.policy.diff import changes_of_meaning
from orly_policy_plugin.policy.models import key_lists_of
from orly_policy_plugin.policy.named_lists import KeyList, list_in_words, not_known_yet

Json = dict[str, Any]
MEMBERS: Json = {"members": {"file": "members.txt"}}


def problems(policy: Json) -> list[str]:
    with pytest.raises(InvalidPolicy) as caught:
        read_policy(json.dumps(policy).encode())
    return [str(problem) for problem in caught.value.problems]


@pytest.mark.parametrize("field", key_lists_of(Rule))
@pytest.mark.parametrize("place", ["global", "rules.1"])
def test_any_list_of_keys_of_a_rule_may_name_lists(place: str, field: str) -> None:
    """Beside keys, in any order, which stays as it is written."""
    rule = {field: [ALICE, "@members", BOB, "@members"]}
    at = {"global": rule} if place == "global" else {"rules": {"1": rule}}
    written = {**at, "lists": MEMBERS}
    policy = structure_policy(written)
    made = policy.global_rule if place == "global" else policy.rules[1]
    assert made is not None
    assert made.naming_lists == {field: KeyList((ALICE, BOB), ("members",))}
    assert unstructure_policy(policy) == written
    unknown = problems({**at, "lists": {}})
    message = "'@members' names no list of this policy; define it in lists"
    assert unknown == [f"{place}.{field}[{i}]: {message}" for i in (1, 3)]


def test_the_lists_of_keys_are_those_of_the_table() -> None:
    assert key_lists_of(Rule) == key_lists_of(GlobalRule)
    assert len(key_lists_of(Rule)) == 8


@pytest.mark.parametrize("field", ["owners", "policy_admins"])
def test_authority_names_no_list(field: str) -> None:
    """It does not come from a file beside the policy."""
    [told] = problems({field: [ALICE, "@members"], "lists": MEMBERS})
    assert told == (
        f"{field}[1]: '@members' is not a public key: 64 hex characters or npub1… "
        "(only the rules of the policy file name lists)"
    )


def test_a_name_that_no_list_has_is_told_with_its_place() -> None:
    """And with what may have been meant; beside whatever else is wrong."""
    rules = {"1": {"write_allow": [ALICE, "@mmbers"]}, "7": {"read_deny": ["@x"]}}
    told = [
        "rules.1.write_allow[1]: '@mmbers' names no list of this policy; did you mean '@members'?",
        "rules.7.read_deny[0]: '@x' names no list of this policy; define it in lists",
    ]
    assert problems({"rules": rules, "lists": MEMBERS}) == told
    beside = problems({"rules": rules, "lists": MEMBERS, "owners": ["me"]})
    assert beside[1:] == told
    assert len(problems({"rules": rules, "lists": ["members"], "global": []})) == 4


@pytest.mark.parametrize("beside", [{}, {"owners": ["me"]}])
def test_many_names_that_no_list_has_take_no_time(beside: Json) -> None:
    """A guess is made for the first few, and the rest is cut."""
    lists = {f"list{i}": {"file": "x"} for i in range(100)}
    named = [f"@lost{i}" for i in range(20_000)]
    began = time.process_time()
    told = problems({"rules": {"1": {"write_allow": named}}, "lists": lists, **beside})
    assert time.process_time() - began < 5
    assert len(told) == 100
    assert sum("did you mean" in each for each in told) == 5
    assert told[-1] == "and perhaps more: mend these first"


def test_a_policy_has_a_hundred_lists_at_most() -> None:
    lists = {f"list{i}": {"file": "x"} for i in range(101)}
    assert problems({"lists": lists}) == ["lists: has 101 lists; a policy has at most 100"]
    del lists["list0"]
    assert len(structure_policy({"lists": lists}).lists) == 100


@pytest.mark.parametrize("name", ["", "a b", "é", "-a", "a" * 41, "a" * 61, "a.b"])
def test_what_is_no_name_of_a_list(name: str) -> None:
    [told] = problems({"lists": {name: {"file": "members.txt"}}})
    shown = f"{name[:60]}…" if len(name) > 60 else name
    assert told.endswith(
        f"{shown!r} is no name of a list: up to 40 letters, digits, '-' and '_', "
        "the first a letter or a digit"
    )
    [told] = problems({"rules": {"1": {"write_allow": [f"@{name}"]}}})
    assert told.startswith("rules.1.write_allow[0]: ")
    assert "is no name of a list" in told


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ({}, ": a list has one of 'file', 'nostr_json', 'author' and 'follows_of'; this has none"),
        (
            {"file": "a", "nostr_json": "b"},
            ": a list has one of 'file', 'nostr_json', 'author' and 'follows_of'; "
            "this has 'file' and 'nostr_json'",
        ),
        (
            {"file": "a", "at_least": 5},
            ".at_least: a list with 'file' has none; it belongs to 'author' or 'follows_of'",
        ),
        (
            {"follows_of": ALICE, "hops": 3, "followers": 2},
            ".hops: expected 2, found the number 3",
        ),
        (
            {"follows_of": ALICE, "hops": 2},
            ".followers: is missing; write how many of those followed must follow a key",
        ),
        (
            {"follows_of": ALICE, "hops": 2, "followers": 0},
            ".followers: expected a number of followers from 1 up, but found 0",
        ),
        (
            {"follows_of": ALICE, "hops": 2, "followers": "3"},
            ".followers: expected a whole number of followers, found the text '3'; "
            "write it without quotes",
        ),
        (
            {"author": ALICE},
            ".kind: is missing; write 3 (a follow list), 10000 (a mute list) or 30000 "
            "(a follow set)",
        ),
        (
            {"author": ALICE, "kind": 1},
            ".kind: expected 3 (a follow list), 10000 (a mute list) or 30000 (a follow set), "
            "found the number 1",
        ),
        (
            {"author": ALICE, "kind": 30_000},
            ".d: is missing: the 'd' tag says which of the author's sets it is",
        ),
        (
            {"author": ALICE, "kind": 3, "d": "x"},
            ".d: a kind 3 has none: of an author there is one alone",
        ),
        (
            {"author": "me", "kind": 3},
            ".author: 'me' is not a public key: 64 hex characters or npub1…",
        ),
        (
            {"author": ALICE, "kind": 3, "at_least": -1},
            ".at_least: expected a number of keys from 0 up, but -1 is negative",
        ),
        ({"fil": "a"}, ".fil: unknown key; did you mean 'file'?"),
        ("members.txt", ": expected an object in braces, found the text 'members.txt'"),
        ({"file": ""}, ".file: expected the path of a file, found ''"),
        ({"file": "a\0b"}, ".file: expected the path of a file, found 'a\\x00b'"),
        ({"file": "lists/"}, ".file: expected the path of a file, found 'lists/'"),
        ({"file": 5}, ".file: expected a text in double quotes, found the number 5"),
    ],
)
def test_a_wrong_source(source: Any, told: str) -> None:
    assert problems({"lists": {"members": source}}) == [f"lists.members{told}"]


def test_a_wrong_name_is_told_with_a_wrong_source() -> None:
    told = problems({"lists": {"a b": {"file": ""}}})
    assert [each.partition(": ")[0] for each in told] == ["lists.a b", "lists.a b.file"]


@pytest.mark.parametrize("path", ["/etc/passwd", "../members.txt", "lists/../../x", "a/.."])
def test_a_list_lies_in_the_policy_files_folder(path: str) -> None:
    """Or in one within: who may send a policy reads nothing else of the machine."""
    for key in ("file", "nostr_json"):
        [told] = problems({"lists": {"members": {key: path}}})
        assert told == (
            f"lists.members.{key}: {path!r} is not in the policy file's folder; "
            "write a path from there, such as 'members.txt'"
        )
    [told] = problems({"lists": {"members": {"file": "/" + "x" * 60}}})
    assert f"'/{'x' * 59}…' is not in" in told
    assert structure_policy({"lists": {"members": {"file": "lists/2026/..members"}}}).lists


def test_lists_of_the_same_events_need_as_many_keys() -> None:
    """What was good of them is kept once."""
    of = {"author": ALICE, "kind": 3}
    lists = {
        "one": of,
        "two": {**of, "at_least": 1},
        "other": {**of, "author": BOB, "at_least": 7},
    }
    assert structure_policy({"lists": lists}).lists["one"].least == 1
    near = {"follows_of": ALICE, "hops": 2, "followers": 3}
    assert structure_policy({"lists": {**lists, "near": near}}).lists["near"].least == 1
    assert problems({"lists": {**lists, "near": {**near, "at_least": 2}}}) == [
        "lists.near.at_least: the list 'one' is of the same events and needs at least 1; "
        "write that, too"
    ]
    assert problems({"lists": {**lists, "three": {**of, "at_least": 2}}}) == [
        "lists.three.at_least: the list 'one' is of the same events and needs at least 1; "
        "write that, too"
    ]


def test_lists_of_events_may_come_later() -> None:
    """Those of files are read before the policy is in force."""
    people = {"author": ALICE, "kind": 3}
    near = {"follows_of": ALICE, "hops": 2, "followers": 3}
    sources = structure_policy({"lists": {**MEMBERS, "people": people, "near": near}}).lists
    assert not_known_yet(sources, {}) == {"people", "near"}
    assert not_known_yet(sources, {"people": frozenset()}) == {"near"}


def test_an_authors_list_is_written_as_it_was_read() -> None:
    for source in (
        {"author": ALICE, "kind": 3},
        {"author": ALICE, "kind": 10_000, "at_least": 0},
        {"author": ALICE, "kind": 30_000, "d": "friends", "at_least": 7},
        {"follows_of": ALICE, "hops": 2, "followers": 3},
        {"follows_of": ALICE, "hops": 2, "followers": 3, "at_least": 50},
    ):
        written = {"lists": {"people": source}}
        assert unstructure_policy(structure_policy(written)) == written


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ({"file": "members.txt"}, "members.txt"),
        ({"nostr_json": "nostr.json"}, "nostr.json"),
        ({"author": ALICE, "kind": 3}, f"kind 3 by {ALICE}"),
        ({"author": ALICE, "kind": 30_000, "d": "friends"}, f"kind 30000 'friends' by {ALICE}"),
        (
            {"follows_of": ALICE, "hops": 2, "followers": 3},
            f"whom {ALICE} follows, or 3 of those",
        ),
    ],
)
def test_a_source_in_words(source: Json, words: str) -> None:
    assert str(structure_policy({"lists": {"people": source}}).lists["people"]) == words


def test_a_comment_is_no_list() -> None:
    assert structure_policy({"lists": {"_note": "ours", **MEMBERS}}).lists.keys() == {"members"}


def test_the_version_is_that_of_names_and_sources() -> None:
    rule = {"rules": {"1": {"write_allow": ["@members"]}}}
    one = structure_policy({**rule, "lists": MEMBERS})
    other = structure_policy({**rule, "lists": {"members": {"file": "others.txt"}}})
    assert policy_version(one) != policy_version(other)
    assert policy_version(structure_policy({"lists": {}})) == policy_version(structure_policy({}))


def test_a_name_in_differences() -> None:
    """It is let in or kept out by its name; what another source says is not known."""
    none = structure_policy({"lists": MEMBERS, "rules": {"1": {"write_allow": [ALICE]}}})
    named = structure_policy(
        {"lists": MEMBERS, "rules": {"1": {"write_allow": [ALICE, "@members"]}}}
    )
    [change] = changes_of_meaning(none, named)
    assert (change.place, change.allowed, change.refused) == (
        "rules.1.write_allow",
        ("writes by @members",),
        (),
    )
    denied = structure_policy({"lists": MEMBERS, "rules": {"1": {"read_deny": ["@members"]}}})
    told = changes_of_meaning(structure_policy({"lists": MEMBERS}), denied)
    assert told[0].refused == ("reads by @members",)
    moved = structure_policy({**unstructure_policy(named), "lists": {"members": {"file": "x"}}})
    [change] = changes_of_meaning(named, moved)
    assert (change.place, change.old, change.new) == (
        "lists.members",
        {"file": "members.txt"},
        {"file": "x"},
    )
    assert (change.allowed, change.refused) == ((), ())


def test_a_list_in_words() -> None:
    lists = {"one": frozenset({ALICE}), "many": frozenset(map(str, range(1204)))}
    assert list_in_words("one", lists) == "@one (1 key)"
    assert list_in_words("many", lists) == "@many (1,204 keys)"
    assert list_in_words("unread", lists) == "@unread"
