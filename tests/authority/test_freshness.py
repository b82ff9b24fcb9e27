"""Freshness: what is newer than what, and that marks only rise."""

import contextlib
import json
from typing import Any

import pytest
from examples import ADMIN, ALICE, NOW
from hypothesis import given
from hypothesis import strategies as st
from strategies import json_values, many

from orly_policy_plugin.authority import Freshness, Mark
from orly_policy_plugin.authority.freshness import LATEST_SECONDS

LOW, HIGH = "11" * 32, "ee" * 32

marks = st.builds(Mark, st.integers(0, 5), st.sampled_from(("", LOW, HIGH)))
freshnesses = st.builds(
    Freshness, st.none() | marks, st.dictionaries(st.sampled_from((ADMIN, ALICE)), marks)
)


def above(higher: Freshness, lower: Freshness) -> bool:
    """Whether no mark is lower, and none is missing."""
    owner = lower.owner is None or (higher.owner is not None and higher.owner >= lower.owner)
    return owner and all(
        pubkey in higher.admins and higher.admins[pubkey] >= mark
        for pubkey, mark in lower.admins.items()
    )


@many
@given(freshnesses, freshnesses, marks)
def test_marks_only_rise(one: Freshness, other: Freshness, mark: Mark) -> None:
    """Whatever is done, no mark falls, and the order in which it is done does not matter."""
    both = one.raised(other)
    assert above(both, one)
    assert above(both, other)
    assert both == other.raised(one)
    assert both.raised(one) == both
    assert above(one.with_owner(mark), one)
    assert above(one.with_admin(ADMIN, mark), one)


@many
@given(freshnesses, marks, st.booleans())
def test_what_was_applied_is_never_new_again(
    before: Freshness, mark: Mark, is_owner: bool
) -> None:
    """After an event was applied it is a replay, and so is every older one."""
    after = before.with_owner(mark) if is_owner else before.with_admin(ADMIN, mark)
    assert after.why_not_newer(ADMIN, mark, is_owner=is_owner)
    older = Mark(mark.created_at - 1, HIGH)
    assert after.why_not_newer(ADMIN, older, is_owner=is_owner)


@many
@given(freshnesses)
def test_json_and_back(freshness: Freshness) -> None:
    """What is written is read as the same."""
    assert Freshness.from_json(json.loads(json.dumps(freshness.to_json()))) == freshness


@many
@given(json_values | st.fixed_dictionaries({"owner": json_values, "admins": json_values}))
def test_garbage_is_a_value_error(value: Any) -> None:
    """Nothing is guessed: what is read says the same as what was written."""
    with contextlib.suppress(ValueError):
        made = Freshness.from_json(value)
        assert Freshness.from_json(made.to_json()) == made


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([], "freshness is not a JSON object"),
        ({"owner": None}, "freshness has no 'admins'"),
        ({"owner": 5, "admins": {}}, "a mark is not a JSON object"),
        ({"owner": None, "admins": {}, "x": 1}, "freshness has the unknown key 'x'"),
        ({"owner": None, "admins": []}, "admins of freshness is not a JSON object"),
        ({"owner": {"created_at": 1, "x": 1}, "admins": {}}, "a mark has the unknown key 'x'"),
        (
            {"owner": {"created_at": True}, "admins": {}},
            "created_at of a mark is a whole number of seconds from 0 up",
        ),
        (
            {"owner": {"created_at": 1, "event_id": "../x"}, "admins": {}},
            "event_id of a mark is 64 lowercase hex characters, or empty",
        ),
        (
            {"owner": None, "admins": {"npub1x": {"created_at": 1}}},
            "admins of freshness: 'npub1x' is not a public key",
        ),
    ],
)
def test_garbage_is_named(value: object, message: str) -> None:
    """The sentence says what is wrong."""
    with pytest.raises(ValueError, match=f"^{message}$"):
        Freshness.from_json(value)


@pytest.mark.parametrize("seconds", [0, LATEST_SECONDS])
def test_a_mark_may_be_without_an_event(seconds: int) -> None:
    """As a hand edit's is, and what somebody writes who has lost the file."""
    value = {"owner": {"created_at": seconds}, "admins": {}}
    assert Freshness.from_json(value) == Freshness(Mark(seconds, ""))


def test_an_owners_event_is_measured_by_the_owners_alone() -> None:
    """No admin can shut the owner out by dating ahead."""
    freshness = Freshness(Mark(NOW, LOW), {ADMIN: Mark(NOW + 500, HIGH)})
    assert freshness.why_not_newer(ALICE, Mark(NOW + 1, LOW), is_owner=True) is None


def test_an_owner_who_was_an_admin_is_measured_as_an_owner() -> None:
    """The mark from that time binds no longer."""
    freshness = Freshness(Mark(NOW, LOW), {ALICE: Mark(NOW + 500, HIGH)})
    assert freshness.why_not_newer(ALICE, Mark(NOW + 1, LOW), is_owner=True) is None


def test_an_admins_event_must_pass_both_marks() -> None:
    """The owner's and that admin's own; another admin's does not matter."""
    freshness = Freshness(Mark(NOW, LOW), {ADMIN: Mark(NOW + 50, LOW)})
    assert freshness.why_not_newer(ADMIN, Mark(NOW + 50, HIGH), is_owner=False) is None
    assert freshness.why_not_newer(ALICE, Mark(NOW + 1, LOW), is_owner=False) is None
    assert (
        freshness.why_not_newer(ADMIN, Mark(NOW + 49, HIGH), is_owner=False)
        == f"your last update is newer: created_at {NOW + 50}, this one {NOW + 49}"
    )
    assert (
        freshness.why_not_newer(ALICE, Mark(NOW - 1, HIGH), is_owner=False)
        == f"the owner's last change is newer: created_at {NOW}, this one {NOW - 1}"
    )


def test_within_a_second_the_higher_id_is_newer() -> None:
    """A tie has one winner, in whatever order the two arrive."""
    freshness = Freshness(Mark(NOW, HIGH))
    assert freshness.why_not_newer(ALICE, Mark(NOW, LOW), is_owner=True) == (
        f"the owner's last change is of the same second ({NOW}) and has a higher id; "
        "sign it again with a later created_at"
    )
    assert Freshness(Mark(NOW, LOW)).why_not_newer(ALICE, Mark(NOW, HIGH), is_owner=True) is None


def test_the_same_event_is_told_so() -> None:
    """A client that sends twice learns that the first was applied."""
    freshness = Freshness(Mark(NOW, LOW), {ADMIN: Mark(NOW + 1, LOW)})
    assert freshness.why_not_newer(ADMIN, Mark(NOW + 1, LOW), is_owner=False) == (
        "it is your last update itself, which has been applied already"
    )


def test_freshness_cannot_be_changed_in_place() -> None:
    """A snapshot holds it, and the dict it was made from may change."""
    admins = {ADMIN: Mark(NOW)}
    freshness = Freshness(None, admins)
    admins.clear()
    assert freshness.admins == {ADMIN: Mark(NOW)}
    with pytest.raises(TypeError):
        freshness.admins[ALICE] = Mark(NOW)  # type: ignore[index]
