"""What a second policy would have decided: the same as if it were asked alone."""

from typing import Any

import attrs
import pytest
from examples import ALICE, BOB, NOW, AnEvent
from hypothesis import given
from hypothesis import strategies as st
from strategies import events, many, policies

from orly_policy_hookspecs import Decision
from orly_policy_hookspecs.reading import HINDERS_NOTHING, ReadScope, SameForAllKinds, Sizes
from orly_policy_plugin.decisions import Snapshot, compile_policy
from orly_policy_plugin.policy import structure_policy
from orly_policy_plugin.shadow import ALIKE, UNDECIDED, Compared, Pair


def compiled(policy: Any) -> Snapshot:
    return compile_policy(structure_policy(policy))


def pair(live: Any, shadow: Any) -> Pair:
    return Pair(compiled(live), compiled(shadow))


def compared(of: Pair, access: Any, event: AnEvent, *keys: str) -> Compared:
    decide = of.live.write if access == "write" else of.live.read
    decision = decide(event, keys, NOW)
    assert isinstance(decision, Decision)
    named = decision if decision.accepted else decision.attributed("orly-policy")
    return of.compare(access, event, keys, NOW, named)


@many
@given(
    policies(),
    policies(),
    st.sampled_from(["write", "read"]),
    events,
    st.sampled_from([(), (ALICE,)]),
)
def test_what_is_alike_is_decided_alike(
    live: Any, shadow: Any, access: Any, event: AnEvent, keys: tuple[str, ...]
) -> None:
    """Of a kind of which that is said, whatever the event; and compared as both decide."""
    both = pair(live, shadow)
    decisions = [
        (each.write if access == "write" else each.read)(event, keys, NOW)
        for each in (both.live, both.shadow)
    ]
    if both.is_alike(access, event.kind):
        assert decisions[0] == decisions[1]
    one, other = decisions
    if isinstance(one, Decision) and isinstance(other, Decision):
        outcome = compared(both, access, event, *keys).outcome
        assert (outcome == ALIKE) == (one.accepted == other.accepted)


def test_a_policy_is_like_itself() -> None:
    """Though it was read twice."""
    policy = {
        "kind": {"whitelist": [1, 7]},
        "rules": {"1": {"write_allow": [ALICE], "size_limit": 9}},
    }
    both = pair(policy, policy)
    assert all(both.is_alike("write", kind) and both.is_alike("read", kind) for kind in (1, 7, 9))


def test_the_place_is_that_which_refuses() -> None:
    """Of the one or the other policy."""
    both = pair({"rules": {"1": {"content_limit": 9}}}, {"rules": {"7": {"content_limit": 3}}})
    large, small = AnEvent(kind=1, content="x" * 10), AnEvent(kind=7, content="x" * 4)
    assert compared(both, "write", large) == Compared("newly accepted", "rules.1.content_limit")
    refused = compared(both, "write", small)
    assert (refused.outcome, refused.place) == ("newly refused", "rules.7.content_limit")
    assert refused.message.startswith("blocked: content is 4 bytes")
    assert compared(both, "write", AnEvent(kind=1)).outcome == ALIKE
    assert not both.is_alike("write", 1)
    assert both.is_alike("write", 9)


def test_what_another_plugin_refuses_stays_refused() -> None:
    both = pair({"default_policy": "deny"}, {})
    refusal = Decision.reject("no").attributed("members")
    assert both.compare("write", AnEvent(), (), NOW, refusal).outcome == ALIKE


def test_a_script_is_not_asked_twice() -> None:
    """Nor is a rate charged: it is taken as not used up."""
    both = pair({}, {"rules": {"1": {"script": "a.sh"}, "7": {"rate_limit": 5}}})
    assert both.compare("write", AnEvent(kind=1), (), NOW, Decision.accept()).outcome == UNDECIDED
    assert both.compare("write", AnEvent(kind=7), (), NOW, Decision.accept()).outcome == ALIKE


def test_a_read_that_would_be_granted_unasked_is_asked() -> None:
    """Where the second policy may think otherwise; what is denied stays denied."""
    both = pair({}, {"rules": {"1": {"read_allow": [BOB]}}})
    scopes = SameForAllKinds(HINDERS_NOTHING)
    asked = both.asked(scopes)
    assert both.asked(scopes) is asked
    assert not asked.of_kind(1).grants_rest
    assert asked.of_kind(7).grants_rest
    assert asked.others.grants_rest
    assert 1 in asked.named
    denied = ReadScope(denial=Decision.reject("no"), grants_up_to=Sizes(5))
    kept = both.asked(SameForAllKinds(denied)).of_kind(1)
    assert kept == attrs.evolve(denied, grants_up_to=None)


@pytest.mark.parametrize("access", ["write", "read"])
def test_kinds_that_neither_names_are_compared_as_well(access: Any) -> None:
    both = pair({"default_policy": "deny"}, {"default_policy": "allow"})
    assert not both.is_alike(access, 12)
    assert compared(both, access, AnEvent(kind=12)).outcome == "newly accepted"
