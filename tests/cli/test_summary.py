"""The words for a rule: nothing that a rule says is left out."""

from collections.abc import Mapping

import attrs
import pytest

from orly_policy_plugin.cli.summary import summary
from orly_policy_plugin.policy import structure_policy
from orly_policy_plugin.policy.models import GlobalRule, Rule

KEY, OTHER = "a1" * 32, "b0" * 32

RULES: Mapping[str, tuple[object, str]] = {
    "criteria": (5, "x_pow 5."),
    "description": ("Notes", "“Notes”."),
    "script": ("bin/ask", "Asks the script bin/ask."),
    "size_limit": (0, "Events up to 0 bytes."),
    "content_limit": (0, "Content up to 0 bytes."),
    "must_have_tags": (["d", "t"], "Write: with the tags d, t."),
    "allowed_tags": (["d"], "Write: no tags but d."),
    "max_expiry_duration": ("P7D", "Write: expires within P7D."),
    "max_expiry": (60, "Write: expires within 60 s."),
    "protected_required": (True, "Write: protected (NIP-70)."),
    "identifier_regex": ("^a", "Write: d tag matches ^a."),
    "tag_validation": ({"t": "^a", "x": "b"}, "Write: t tags match ^a; x tags match b."),
    "max_age_of_event": (60, "Write: at most 60 s old."),
    "max_age_event_in_future": (60, "Write: at most 60 s ahead."),
    "rate_limit": (100, "Write: 100 bytes per second."),
    "write_deny": ([KEY], "Write: everybody; never 1 key."),
    "read_deny": ([KEY, OTHER], "Read: everybody; never 2 keys."),
    "write_allow": ([KEY, OTHER], "Write: only 2 keys."),
    "read_allow": ([], "Read: everybody."),
    "privileged": (True, "Read: only the author and whom p tags name."),
    "write_allow_follows": (
        True,
        "Write: whom a policy admin follows, others by default. "
        "Read: whom a policy admin follows, others by default.",
    ),
    "follows_whitelist_admins": (
        [KEY],
        "Write: whom one of 1 key follows, others by default. "
        "Read: whom one of 1 key follows, others by default.",
    ),
    "write_follows_whitelist": ([KEY], "Write: only 1 key and whom they follow."),
    "read_follows_whitelist": ([KEY], "Read: only 1 key and whom they follow."),
    "write_allow_if_tagged": (
        [KEY],
        "Write: only events that name one of 1 key in a p tag.",
    ),
}
GLOBAL_RULES = {
    "read_allow_permissive": (True, "Read: kinds outside the whitelist too."),
    "write_allow_permissive": (True, "Write: kinds outside the whitelist too."),
    "write_deny": ([KEY], "Write: never 1 key."),
}


def words(policy: Mapping[str, object]) -> dict[str, str]:
    """The summary of a policy file's content, by name."""
    return dict(summary(structure_policy({"policy_follow_whitelist_enabled": True, **policy})))


@pytest.mark.parametrize("field", [field.name for field in attrs.fields(Rule)])
def test_every_field_of_a_rule_has_words(field: str) -> None:
    """A rule with just this field set says so; a field without words fails here."""
    value, expected = RULES[field]
    key = "x_pow" if field == "criteria" else field
    assert words({"rules": {"1": {key: value}}})["kind 1"] == expected


@pytest.mark.parametrize(
    "field", sorted({field.name for field in attrs.fields(GlobalRule)} - set(RULES))
)
def test_every_field_of_the_global_rule_has_words(field: str) -> None:
    """So do the fields that only the global rule has."""
    value, expected = GLOBAL_RULES[field]
    assert words({"global": {field: value}})["global"] == expected


def test_a_global_deny_list_opens_nothing() -> None:
    """In a kind's rule a deny list lets everybody else in, in the global rule it does not."""
    policy = {"global": {"write_deny": [KEY]}, "rules": {"1": {"write_deny": [KEY]}}}
    assert words(policy)["global"] == "Write: never 1 key."
    assert words(policy)["kind 1"] == "Write: everybody; never 1 key."


def test_an_empty_allow_list_in_the_global_rule_says_nothing() -> None:
    """There it opens nothing either."""
    assert words({"global": {"write_allow": []}})["global"] == "Nothing of its own."


def test_ways_in_are_joined() -> None:
    """An allow list, a follow list and privileged: one of them is enough."""
    rule = {"read_allow": [KEY], "privileged": True, "follows_whitelist_admins": [KEY, OTHER]}
    assert words({"rules": {"1": rule}})["kind 1"].endswith(
        "Read: only whom one of 2 keys follows or 1 key or the author and whom p tags name."
    )


def test_follows_count_only_where_they_are_switched_on() -> None:
    """``write_allow_follows`` without the switch lets nobody in, and the words say nothing."""
    rule = {"rules": {"1": {"write_allow_follows": True}}}
    off = {"policy_follow_whitelist_enabled": False}
    assert words({**rule, **off})["kind 1"] == "Nothing of its own."


@pytest.mark.parametrize(
    ("kinds", "expected"),
    [
        ({}, "all"),
        ({"whitelist": [1, 7]}, "only 1, 7"),
        ({"blacklist": [4]}, "all but 4"),
        ({"whitelist": [1], "blacklist": [4]}, "only 1 (the blacklist is not looked at)"),
        ({"whitelist": list(range(20))}, "only 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, and 8 more"),
    ],
)
def test_kind_lists(kinds: dict[str, list[int]], expected: str) -> None:
    """Which kinds pass; a long list is cut, and a blacklist beside a whitelist is idle."""
    assert words({"kind": kinds})["kinds"] == expected


def test_the_rest_of_the_file() -> None:
    """The default and the numbers of owners and admins; rules in the order of their kinds."""
    made = words({"owners": [KEY], "rules": {"30023": {}, "7": {}, "1": {}}})
    assert list(made) == [
        "default",
        "kinds",
        "kind 1",
        "kind 7",
        "kind 30023",
        "owners",
        "policy admins",
    ]
    assert made["default"] == "allow: accepted unless a rule says no"
    assert (made["owners"], made["policy admins"]) == ("1", "0")


def test_a_long_description_is_cut() -> None:
    """A line stays readable."""
    said = words({"rules": {"1": {"description": "x" * 100}}})["kind 1"]
    assert said == f"“{'x' * 60}…”."
