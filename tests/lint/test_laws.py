"""What the lint says is true: by what the engine decides."""

import json
from typing import Any

import pytest
from examples import NOW, AnEvent
from hypothesis import given
from hypothesis import strategies as st
from strategies import accesses, events, follow_lists, many, policies, submitters

from orly_policy_hookspecs import Decision
from orly_policy_plugin.decisions import Snapshot, compile_policy
from orly_policy_plugin.lint import Examined, Slip, slips
from orly_policy_plugin.policy import structure_policy

DOES_NOTHING = {
    "rule-for-closed-kind",
    "blacklist-beside-whitelist",
    "permissive-without-whitelist",
    "follows-are-switched-off",
    "unused-list",
}
"""What is at the place decides nothing: it can as well be removed."""
Questions = list[tuple[str, AnEvent, tuple[str, ...]]]
questions = st.lists(st.tuples(accesses, events, submitters), min_size=5, max_size=20)


def slips_in(policy: Any, *names: str) -> list[Slip]:
    found = slips(Examined(structure_policy(policy)))
    return [slip for slip in found if not names or slip.name in names]


def accepts(snapshot: Snapshot, access: str, event: Any, keys: tuple[str, ...]) -> bool:
    ask = snapshot.write if access == "write" else snapshot.read
    outcome = ask(event, keys, NOW)
    return not isinstance(outcome, Decision) or outcome.accepted


def without(policy: Any, place: str) -> Any:
    made = json.loads(json.dumps(policy))
    *outer, last = place.split(".")
    inner = made
    for key in outer:
        inner = inner[key]
    del inner[last]
    return made


@many
@given(policies(), follow_lists, questions)
def test_what_does_nothing_can_be_removed(policy: Any, follows: Any, asked: Questions) -> None:
    """And every question is answered alike; each such slip goes with its place."""
    for slip in slips_in(policy, *DOES_NOTHING):
        changed = without(policy, slip.place)
        before, after = (
            compile_policy(structure_policy(each), follows=follows) for each in (policy, changed)
        )
        for access, event, keys in asked:
            assert accepts(before, access, event, keys) is accepts(after, access, event, keys)
        assert slip not in slips_in(changed)


@many
@given(policies(), follow_lists, questions)
def test_where_nothing_grants_nobody_is_let_in(
    policy: Any, follows: Any, asked: Questions
) -> None:
    """The place ``default_policy`` says which access, or both; kind 12345 aside."""
    snapshot = compile_policy(structure_policy(policy), follows=follows)
    for slip in slips_in(policy, "nothing-grants"):
        for access, event, keys in asked:
            if slip.place == "default_policy":
                is_meant = f" {access}" in slip.why.rpartition("anybody")[2]
            else:
                is_meant = f"kind {event.kind}," in slip.why
            assert not (is_meant and accepts(snapshot, access, event, keys)), slip


@many
@given(policies(), follow_lists, questions)
def test_where_nobody_may_nobody_may(policy: Any, follows: Any, asked: Questions) -> None:
    """With one key: who has authenticated with several may be in both lists."""
    snapshot = compile_policy(structure_policy(policy), follows=follows)
    for slip in slips_in(policy, "all-are-denied", "lists-share-nobody"):
        *_, rule, field = slip.place.split(".")
        for access, event, keys in asked:
            if field == f"{access}_allow" and rule in ("global", str(event.kind)):
                assert not accepts(snapshot, access, event, keys[:1]), slip


@many
@given(policies(), follow_lists, questions)
def test_a_size_that_is_too_small_lets_nothing_pass(
    policy: Any, follows: Any, asked: Questions
) -> None:
    snapshot = compile_policy(structure_policy(policy), follows=follows)
    for slip in slips_in(policy, "size-limit-is-too-small"):
        rule = slip.place.split(".")[-2]
        for access, event, keys in asked:
            if rule in ("global", str(event.kind)) and event.created_at > 0:
                assert not accepts(snapshot, access, event, keys)


@many
@given(policies(), st.integers(0, 100), st.integers(1, 5_000))
def test_a_limit_above_the_global_one_decides_nothing(policy: Any, most: int, above: int) -> None:
    """A kind's own, whatever the content's length."""
    policy["global"] = {**policy.get("global", {}), "content_limit": most}
    policy["rules"]["1"] = {**policy["rules"].get("1", {}), "content_limit": most + above}
    assert "rules.1.content_limit" in [
        slip.place for slip in slips_in(policy, "limit-above-the-global-one")
    ]
    before = compile_policy(structure_policy(policy))
    after = compile_policy(structure_policy(without(policy, "rules.1.content_limit")))
    for length in (most, most + 1, most + above, most + above + 1):
        event = AnEvent(kind=1, content="x" * length)
        assert accepts(before, "write", event, ()) is accepts(after, "write", event, ())


@pytest.mark.parametrize("policy", [{}, {"rules": {}}, {"global": {}, "kind": {}}])
def test_the_empty_policy_has_one_slip(policy: Any) -> None:
    """It lets everybody read private messages."""
    assert [slip.name for slip in slips_in(policy)] == ["private-kinds-are-readable"]
