"""Reading and writing a policy back changes no meaning; its version is that of its meaning."""

import json
from random import Random
from typing import Any

import pytest
from examples import ALICE
from hypothesis import given
from hypothesis import strategies as st
from strategies import many, policies, some

from orly_policy_plugin.policy import (
    differences,
    policy_version,
    read_policy,
    structure_policy,
    unstructure_policy,
    write_policy,
)
from orly_policy_plugin.policy.writing import canonical


@given(policies())
@many
def test_a_policy_survives_writing_and_reading(policy: dict[str, Any]) -> None:
    """Equal, and of the same version."""
    read = structure_policy(policy)
    again = read_policy(write_policy(read))
    assert again == read
    assert policy_version(again) == policy_version(read)
    assert differences(read, again) == []
    assert structure_policy(unstructure_policy(read)) == read


@pytest.mark.parametrize(
    "rule",
    [
        {"write_allow": []},
        {"read_allow": []},
        {"size_limit": 0},
        {"content_limit": 0},
        {"tag_validation": {"_": "a"}},
        {"description": "☺ \x7f \u2028"},
        {"write_allow": [ALICE], "read_allow": []},
        {},
    ],
)
def test_what_looks_like_nothing_stays(rule: dict[str, Any]) -> None:
    """An empty list, a zero and an empty rule that mean something are written."""
    policy = {"rules": {"1": rule}, "global": rule}
    assert json.loads(write_policy(structure_policy(policy))) == policy


def test_an_empty_allow_list_is_another_policy() -> None:
    """Written out or not makes a difference, and another version."""
    written, not_written = (
        structure_policy({"rules": {"1": rule}}) for rule in ({"write_allow": []}, {})
    )
    assert written != not_written
    assert policy_version(written) != policy_version(not_written)
    assert [str(d) for d in differences(not_written, written)] == [
        "rules.1.write_allow: nothing -> a list of 0"
    ]


def shuffled(value: Any, random: Random, where: str = "") -> Any:
    """The same JSON with its objects' members in another order, and comments among them."""
    if not isinstance(value, dict):
        return value
    items = [(key, shuffled(member, random, key)) for key, member in value.items()]
    if where != "tag_validation":
        items += [("_note", random.random()), ("$x", {"rules": 5}), ("_list", [1])]
    random.shuffle(items)
    return dict(items)


@given(policies(), st.randoms(use_true_random=False), st.sampled_from((None, 1, "\t")))
@some
def test_the_version_does_not_depend_on_how_it_is_written(
    policy: dict[str, Any], random: Random, indent: Any
) -> None:
    """Neither comments nor spaces nor the order of keys count."""
    other = read_policy(json.dumps(shuffled(policy, random), indent=indent).encode())
    assert policy_version(other) == policy_version(structure_policy(policy))


@given(policies(), policies())
@some
def test_policies_of_one_version_are_equal(one: dict[str, Any], two: dict[str, Any]) -> None:
    """And those of two versions differ somewhere."""
    a, b = structure_policy(one), structure_policy(two)
    same = policy_version(a) == policy_version(b)
    assert same == (unstructure_policy(a) == unstructure_policy(b)) == (not differences(a, b))
    assert all(str(difference) for difference in differences(a, b))


def test_what_is_no_unicode_has_a_version_too() -> None:
    """A program can make a policy that no file can hold."""
    value = {"b": "é\ud800", "a": [1, {"d": None, "c": True}]}
    assert canonical(value) == b'{"a":[1,{"c":true,"d":null}],"b":"\xc3\xa9\xed\xa0\x80"}'
    assert canonical(value).replace(b"\xed\xa0\x80", b"") == canonical(value | {"b": "é"})


def test_a_file_is_for_people() -> None:
    """Indented, with letters as they are, and a line break at its end."""
    policy = structure_policy({"rules": {"1": {"description": "Nachtcafé ☺"}}})
    written = '{\n  "rules": {\n    "1": {\n      "description": "Nachtcafé ☺"\n    }\n  }\n}\n'
    assert write_policy(policy) == written.encode()


def test_a_version_is_twelve_hex_digits() -> None:
    """The first of the SHA-256 of the canonical JSON: of {}, for the smallest policy."""
    assert policy_version(structure_policy({})) == "44136fa355b3"
