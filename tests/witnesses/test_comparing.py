"""What two policies decide differently, by example."""

from typing import Any

import pytest
from examples import ALICE, BOB, CAROL, NOW

from orly_policy_plugin.event_size import content_size, event_size
from orly_policy_plugin.policy import Rule, parse_regex, structure_policy
from orly_policy_plugin.policy.fields import fields_of
from orly_policy_plugin.witnesses import Comparison, Difference, Side, compare
from orly_policy_plugin.witnesses.demands import DEMANDS
from orly_policy_plugin.witnesses.samples import sample

Json = dict[str, Any]


def compared(old: Json, new: Json) -> Comparison:
    return compare(Side(structure_policy(old)), Side(structure_policy(new)), NOW)


def of_rules(old: Json, new: Json, **more: Any) -> Comparison:
    return compared({"rules": {"1": old}} | more, {"rules": {"1": new}} | more)


def only(comparison: Comparison) -> Difference:
    assert comparison.alike is False
    [difference] = comparison.differences
    return difference


def test_a_limit_is_shown_by_one_more() -> None:
    """The event that the lower limit just refuses."""
    found = only(of_rules({"content_limit": 10}, {"content_limit": 7}))
    assert content_size(found.question.event) == 8
    assert found.places == ("rules.1.content_limit",)
    assert not found.newly_allowed
    assert event_size(only(of_rules({"size_limit": 900}, {})).question.event) == 901


def test_a_size_is_reached_where_content_is_short() -> None:
    """The rest stands in a tag."""
    limits = {"content_limit": 5, "allowed_tags": ["t"], "tag_validation": {"t": "^[a-z]{2}$"}}
    found = only(of_rules({"size_limit": 500, **limits}, {"size_limit": 600, **limits}))
    assert event_size(found.question.event) == 501


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ({"must_have_tags": ["t"]}, {}),
        ({"allowed_tags": ["t"]}, {"allowed_tags": ["t", "p"]}),
        ({"protected_required": True}, {}),
        ({"max_expiry": 60}, {"max_expiry_duration": "PT2M"}),
        ({"max_expiry": 60, "must_have_tags": ["expiration"]}, {"must_have_tags": ["expiration"]}),
        ({"max_age_of_event": 60}, {"max_age_of_event": 61}),
        ({"max_age_event_in_future": 60}, {}),
        ({"identifier_regex": "^[0-9]{4}$"}, {"identifier_regex": "^[0-9]+$"}),
        (
            {"identifier_regex": "^(note|post)-[a-f]{3,5}$"},
            {"identifier_regex": "^post-[a-f]{3}$"},
        ),
        ({"tag_validation": {"t": "^[a-z]+$"}}, {"tag_validation": {"t": "^[a-z0-9]+$"}}),
        ({"rate_limit": 100}, {"rate_limit": 200}),
        ({"write_deny": [ALICE]}, {"write_deny": [BOB]}),
        ({"write_allow": [ALICE]}, {"write_allow": [ALICE, BOB]}),
        ({"write_allow": [ALICE], "write_allow_if_tagged": [BOB]}, {"write_allow": [ALICE]}),
        ({"read_allow": [ALICE]}, {"read_allow": [ALICE], "privileged": True}),
        ({"write_follows_whitelist": [ALICE]}, {"write_follows_whitelist": [BOB]}),
        ({"follows_whitelist_admins": [ALICE], "write_allow": [BOB]}, {"write_allow": [BOB]}),
    ],
)
def test_a_field_that_decides_has_a_witness(old: Json, new: Json) -> None:
    """It is decided differently, both ways round."""
    for pair in ((old, new), (new, old)):
        found = of_rules(*pair)
        assert found.alike is False
        assert (found.idle, found.untold) == ((), ())
        for each in found.differences:
            assert each.old.decision.accepted is not each.new.decision.accepted


@pytest.mark.parametrize(
    ("old", "new", "more"),
    [
        ({"content_limit": 10}, {"content_limit": 7}, {"kind": {"whitelist": [2]}}),
        ({"content_limit": 10}, {"content_limit": 7}, {"global": {"content_limit": 3}}),
        ({"size_limit": 5}, {"size_limit": 100}, {}),
        ({"write_deny": [ALICE]}, {"write_deny": [ALICE, BOB]}, {"global": {"write_deny": [BOB]}}),
        ({"script": "a"}, {"script": "b"}, {"kind": {"blacklist": [1]}}),
        ({"rate_limit": 9}, {"rate_limit": 5}, {"global": {"size_limit": 0}}),
        ({"must_have_tags": ["t"]}, {"identifier_regex": "^x$"}, {"global": {"size_limit": 1}}),
        (
            {"allowed_tags": ["t"], "must_have_tags": ["p"]},
            {"allowed_tags": ["t"], "must_have_tags": ["d"]},
            {},
        ),
    ],
)
def test_what_changes_no_decision_does_not_count(old: Json, new: Json, more: Json) -> None:
    """A kind that is not open, a limit above the global one, a size that no event has."""
    found = of_rules(old, new, **more)
    assert (found.alike, found.untold) == (True, ())
    assert found.idle


def test_the_change_that_decides_is_told_from_the_one_beside_it() -> None:
    """One witness, at its place; the other change is idle."""
    found = compared(
        {"rules": {"1": {"content_limit": 9}, "2": {"content_limit": 3}}},
        {
            "global": {"content_limit": 5},
            "rules": {"1": {"content_limit": 8}, "2": {"content_limit": 3}},
        },
    )
    assert {place for each in found.differences for place in each.places} == {
        "global.content_limit"
    }
    assert [change.place for change in found.idle] == ["rules.1.content_limit"]


def test_a_limit_is_shown_by_who_may_write_in_both() -> None:
    """So that the limit alone refuses, and not that the key is no longer in the list."""
    found = of_rules(
        {"content_limit": 9, "write_allow": [ALICE, BOB], "read_deny": [CAROL]},
        {"content_limit": 5, "write_allow": [BOB], "read_deny": [CAROL]},
    )
    by_place = {each.places: each.question for each in found.differences}
    assert by_place["rules.1.content_limit",].access == "write"
    assert by_place["rules.1.content_limit",].keys == (BOB,)
    assert by_place["rules.1.write_allow",].keys == (ALICE,)


def test_three_keys_may_have_to_come_together() -> None:
    """One that the global rule lets in, one that the kind's does, one that the new one denies."""
    rules = {"1": {"read_allow": [BOB]}}
    old = {"global": {"read_allow": [ALICE]}, "rules": rules}
    new = {"global": {"read_allow": [ALICE], "read_deny": [CAROL]}, "rules": rules}
    assert set(only(compared(old, new)).question.keys) == {ALICE, BOB, CAROL}


def test_lists_may_be_long() -> None:
    """One key of each class is asked about: seconds, not minutes."""
    many = [f"{i:064x}" for i in range(50_000)]
    rules = {str(kind): {"write_allow": many[:5_000]} for kind in range(20)}
    old = {"global": {"read_deny": many}, "rules": rules}
    new = {"global": {"read_deny": many[:-1]}, "rules": rules}
    found = compared(old, new)
    assert {each.question.keys for each in found.differences} == {(many[-1],)}


def test_follow_lists_and_named_lists_are_assumed() -> None:
    """A witness says whom it takes to be followed, or in a list."""
    closed = {"default_policy": "deny"}
    old = closed | {"rules": {"1": {"follows_whitelist_admins": [ALICE]}}}
    new = closed | {
        "rules": {"1": {"write_allow": ["@members"]}},
        "lists": {"members": {"file": "m"}},
    }
    found = compared(old, new)
    by_follows = [each for each in found.differences if each.assumed.follows]
    by_list = [each for each in found.differences if each.assumed.lists]
    assert by_follows[0].assumed.follows == {ALICE: by_follows[0].question.keys}
    assert by_list[0].assumed.lists == {"members": frozenset(by_list[0].question.keys)}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ({"rules": {"1": {"script": "a"}}}, {"rules": {"1": {"script": "b"}}}),
        ({"rules": {"1": {"x_pow": 5}}}, {"rules": {"1": {"x_pow": 6}}}),
        (
            {"rules": {"1": {"rate_limit": 5000, "size_limit": 400}}},
            {"rules": {"1": {"size_limit": 400}}},
        ),
        ({"plugins": {"pow": False}}, {}),
        (
            {"lists": {"m": {"file": "a"}}, "rules": {"1": {"x_known": ["@m"]}}},
            {"lists": {"m": {"file": "b"}}, "rules": {"1": {"x_known": ["@m"]}}},
        ),
        ({"owners": [ALICE], "policy_admins": [BOB]}, {"owners": [ALICE, BOB]}),
        (
            {"lists": {"m": {"file": "a"}}, "rules": {"1": {"write_allow": ["@m"]}}},
            {"lists": {"m": {"file": "b"}}, "rules": {"1": {"write_allow": ["@m"]}}},
        ),
        (
            {"rules": {"1": {"identifier_regex": "^(?:[ab]{2}[cd]){2}z$"}}},
            {"rules": {"1": {"identifier_regex": "^(?:[ab]{2}[cd]){3}z$"}}},
        ),
    ],
)
def test_what_no_question_shows_is_not_called_alike(old: Json, new: Json) -> None:
    """What scripts, plugins, files and rates come to is not known, nor what a regex takes."""
    found = compared(old, new)
    assert found.alike is None
    assert found.untold


def test_every_field_that_only_denies_is_known_or_never_called_alike() -> None:
    """A field that is declared and has no demand counts as one of which nothing is known."""
    only_denies = {name for name, each in fields_of(Rule).items() if each.direction is not None}
    assert only_denies - DEMANDS.keys() == {"script", "criteria"}
    assert all(fields_of(Rule)[name].asked_on for name in DEMANDS)


@pytest.mark.parametrize(
    "pattern",
    [
        "a",
        "^[a-z]+$",
        "^[0-9a-f]{64}$",
        "^(note|post)-[0-9]+$",
        r"^\d{4}-\d{2}-\d{2}$",
        "^https://",
        r"^[^\s]+@[a-z]+\.com$",
        "^(?:en|de)$",
        "^#?[A-Z]{3}$",
        "^$",
        "^30023:[0-9a-f]{64}:.+$",
    ],
)
def test_a_regular_expression_has_a_sample(pattern: str) -> None:
    """The common ones: a value that matches, and one that does not."""
    regex = parse_regex(pattern)
    assert regex.matches(sample([regex]))
    assert not regex.matches(sample([], regex))


def test_a_new_owner_may_read_policy_events() -> None:
    """The one thing that an owner may do besides sending policies."""
    found = only(compared({"owners": [ALICE]}, {"owners": [ALICE, BOB]}))
    assert (found.question.event.kind, found.question.access) == (12345, "read")
    assert found.places == ("owners",)
