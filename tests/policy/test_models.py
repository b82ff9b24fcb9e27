"""A policy as data: what of it counts, and the words for the people it names."""

from typing import Any

import attrs
import pytest
from examples import ALICE

from orly_policy_plugin.policy import GlobalRule, Policy, Rule, scripts_of, structure_policy
from orly_policy_plugin.policy.fields import Field, declared, fields_of, keys_of, value_in_effect
from orly_policy_plugin.policy.who import Whom


@pytest.mark.parametrize(
    ("rule", "name", "value"),
    [
        ({"size_limit": 0}, "size_limit", 0),
        ({}, "size_limit", None),
        ({"max_age_of_event": 0}, "max_age_of_event", None),
        ({"max_age_of_event": 5}, "max_age_of_event", 5),
        ({"write_allow": []}, "write_allow", ()),
        ({"write_deny": []}, "write_deny", None),
        ({"max_expiry": 5}, "max_expiry", 5),
        ({"max_expiry": 5, "max_expiry_duration": "P1D"}, "max_expiry", None),
    ],
)
def test_a_value_counts_if_it_says_something(rule: Any, name: str, value: Any) -> None:
    """Not where it means as much as nothing, nor where another field counts in its place."""
    assert value_in_effect(structure_policy({"rules": {"1": rule}}).rules[1], name) == value


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("size_limit", "Events up to 1 byte"),
        ("content_limit", "Content up to 1 byte"),
        ("max_expiry", "expires within 1 s"),
        ("max_age_of_event", "at most 1 s old"),
        ("max_age_event_in_future", "at most 1 s ahead"),
        ("rate_limit", "1 byte per second"),
    ],
)
def test_a_limit_has_words_with_its_unit(name: str, words: str) -> None:
    """Those of a summary."""
    says = fields_of(Rule)[name].summary
    assert says is not None
    assert list(says(1)) == [words]


def test_a_field_is_declared_at_its_attribute() -> None:
    """With its default, and the key that it has in the file."""
    a_size, a_text = Field(unit="bytes"), Field(unit="text", key="else")

    @attrs.frozen
    class Model:
        size: int = declared(5, a_size)
        other: str = declared("", a_text)

    assert Model() == Model(5, "")
    assert fields_of(Model) == {"size": a_size, "other": a_text}
    assert keys_of(Model) == {"size": "size", "other": "else"}


def test_scripts_are_listed_with_their_places() -> None:
    """The global rule's first."""
    rules = {7: Rule(script="b"), 1: Rule(), 5: Rule(script="c")}
    scripts = [("rules.7.script", "b"), ("rules.5.script", "c")]
    assert list(scripts_of(Policy(rules=rules))) == scripts
    for_all = Policy(rules=rules, global_rule=GlobalRule(script="a"))
    assert list(scripts_of(for_all)) == [("global.script", "a"), *scripts]
    assert list(scripts_of(Policy(rules=rules, global_rule=GlobalRule()))) == scripts


def test_a_switch_lifts_the_whitelist_for_its_access() -> None:
    """And for no other."""
    for access, other in ("read", "write"), ("write", "read"):
        rule = GlobalRule(**{f"{access}_allow_permissive": True})  # type: ignore[arg-type]
        assert rule.lifts_whitelist(access)  # type: ignore[arg-type]
        assert not rule.lifts_whitelist(other)  # type: ignore[arg-type]


def test_the_people_of_a_field_have_words() -> None:
    """For one key, and for all of them by their number."""
    assert Whom.LISTED.of_one.format(key=ALICE) == f"by {ALICE}"
    assert Whom.LISTED_AND_FOLLOWED.of_all("1 key") == "1 key and whom they follow"
    assert Whom.FOLLOWED.of_all("2 keys") == "whom one of 2 keys follows"
    assert Whom.PARTIES.of_all("") == "the author and whom p tags name"
    assert [whom for whom in Whom if not whom.names_keys] == [
        Whom.PARTIES,
        Whom.FOLLOWED_BY_ADMINS,
    ]
    assert [whom for whom in Whom if whom.is_by_follow_lists] == [
        Whom.FOLLOWED_BY_ADMINS,
        Whom.FOLLOWED,
        Whom.LISTED_AND_FOLLOWED,
    ]
