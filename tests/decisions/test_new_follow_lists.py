"""A new follow list compiles again what looks at it, and decides as if everything had been."""

from collections.abc import Collection, Iterator
from typing import Any

import attrs
import pytest
from examples import ADMIN, ALICE, BOB, CAROL, DAVE, NOW, AnEvent
from hypothesis import given
from hypothesis import strategies as st
from strategies import KINDS, events, follow_lists, keys, many, policies, submitters

from orly_policy_plugin.authority import Contribution, read_contribution
from orly_policy_plugin.decisions import Snapshot, compile_policy
from orly_policy_plugin.policy import structure_policy
from orly_policy_plugin.policy.fields import BOTH

Json = dict[str, Any]

POLICY = structure_policy(
    {
        "policy_admins": [ADMIN],
        "policy_follow_whitelist_enabled": True,
        "rules": {
            "1": {"write_allow": [ALICE, BOB]},
            "7": {"write_allow_follows": True},
            "8": {"rate_limit": 100},
            "30023": {"write_follows_whitelist": [BOB]},
        },
    }
)


@st.composite
def limited(draw: st.DrawFn) -> Json:
    """A policy in which some rules limit rates, which look at whom the whole policy names."""
    policy = draw(policies())
    for rule in (*policy["rules"].values(), policy.get("global")):
        if rule is not None and draw(st.booleans()):
            rule["rate_limit"] = 100
    return policy | {"policy_follow_whitelist_enabled": draw(st.booleans())}


extensions = st.fixed_dictionaries(
    {},
    optional={
        "follows_whitelist_admins_add": st.lists(keys, max_size=2),
        "write_allow_follows": st.booleans(),
    },
)


@st.composite
def added(draw: st.DrawFn, policy: Json) -> tuple[Contribution, ...]:
    """What an admin adds: authors whose follow lists grant, and a rule of his own."""
    content = {
        "global_extend": draw(extensions),
        "rules_extend": {kind: draw(extensions) for kind in policy["rules"]},
        "rules_add": {"9": {"follows_whitelist_admins": [draw(keys)], "rate_limit": 100}},
    }
    return draw(st.sampled_from(((), (contribution(**content),))))


def is_same(one: Snapshot, two: Snapshot, event: AnEvent, submitter: tuple[str, ...]) -> bool:
    """Whether both say the same of an event, of any kind."""
    for kind in (*KINDS, 7, 9):
        asked = attrs.evolve(event, kind=kind)
        for access in BOTH:
            said = [each.explain(access, asked, submitter, NOW) for each in (one, two)]
            named = [
                [rate.is_named(submitter) for rate in each.plans(access).for_kind(kind).rates]
                for each in (one, two)
            ]
            if said[0] != said[1] or named[0] != named[1]:
                return False
    return True


@given(st.data(), limited(), st.lists(follow_lists, min_size=2, max_size=3), events, submitters)
@many
def test_it_decides_as_if_everything_were_compiled(
    data: st.DataObject,
    written: Json,
    lists: list[Any],
    event: AnEvent,
    submitter: tuple[str, ...],
) -> None:
    """Whatever has changed, and however often."""
    policy = structure_policy(written)
    contributions = data.draw(added(written))
    snapshot = None
    for follows in lists:
        snapshot = compile_policy(
            policy, follows=follows, contributions=contributions, before=snapshot
        )
    assert snapshot is not None
    anew = compile_policy(policy, follows=lists[-1], contributions=contributions)
    assert snapshot.version == anew.version
    assert is_same(snapshot, anew, event, submitter)


def test_what_looks_at_no_changed_list_is_kept() -> None:
    """A plan stays the same object: a list of a million keys in it is not looked at."""
    old = compile_policy(POLICY, follows={ADMIN: {CAROL}, BOB: {CAROL}})
    new = compile_policy(POLICY, follows={ADMIN: {DAVE}, BOB: {CAROL}}, before=old)
    same = {
        kind for kind in POLICY.rules if new.writes.for_kind(kind) is old.writes.for_kind(kind)
    }
    assert same == {1, 30023}
    assert new.write(AnEvent(kind=7), (DAVE,), NOW).accepted


@pytest.mark.parametrize("follows", [{}, {CAROL: {DAVE}}])
def test_a_list_that_nothing_looks_at_changes_nothing(follows: Any) -> None:
    """All plans stay, also those with rates, which look at whom the whole policy names."""
    old = compile_policy(POLICY, follows={})
    new = compile_policy(POLICY, follows=follows, before=old)
    assert all(new.writes.for_kind(kind) is old.writes.for_kind(kind) for kind in POLICY.rules)


def test_a_policy_that_was_read_again_is_compiled_anew() -> None:
    """Nothing is kept of one that only looks the same: it is not looked through."""
    old = compile_policy(POLICY, follows={})
    new = compile_policy(attrs.evolve(POLICY), follows={}, before=old)
    assert all(new.writes.for_kind(kind) is not old.writes.for_kind(kind) for kind in POLICY.rules)


def contribution(**content: Any) -> Contribution:
    return read_contribution(content, admin=ADMIN, created_at=NOW, event_id="ee" * 32)


def test_other_contributions_and_owners_are_compiled_anew() -> None:
    """They may change any plan; as many as before are not the same for that."""
    old = compile_policy(POLICY, follows={})
    by_dave = contribution(rules_extend={"1": {"write_allow_add": [DAVE]}})
    new = compile_policy(POLICY, follows={}, contributions=[by_dave], before=old)
    assert new.write(AnEvent(kind=1), (DAVE,), NOW).accepted
    assert new.version != old.version
    by_carol = contribution(rules_extend={"1": {"write_allow_add": [CAROL]}})
    newer = compile_policy(POLICY, follows={}, contributions=[by_carol], before=new)
    assert not newer.write(AnEvent(kind=1), (DAVE,), NOW).accepted
    assert newer.version != new.version
    rule = structure_policy({"rules": {"1": {"write_allow": [ALICE]}}})
    extended = contribution(rules_extend={"1": {"write_deny_add": [ALICE]}})
    old = compile_policy(rule, contributions=[extended], owners=[BOB])
    assert not old.write(AnEvent(kind=1), (ALICE,), NOW).accepted
    owned = compile_policy(rule, contributions=[extended], owners=[ALICE], before=old)
    assert owned.write(AnEvent(kind=1), (ALICE,), NOW).accepted


LOOKS: dict[str, tuple[Json, Json]] = {
    "the global rule": ({"global": {"follows_whitelist_admins": [BOB]}}, {}),
    "what extends the global rule": (
        {},
        {"global_extend": {"follows_whitelist_admins_add": [BOB]}},
    ),
    "the kind's rule": ({"rules": {"1": {"follows_whitelist_admins": [BOB]}}}, {}),
    "what extends the kind's rule": (
        {"rules": {"1": {"size_limit": 9_000}}},
        {"rules_extend": {"1": {"follows_whitelist_admins_add": [BOB]}}},
    ),
    "an admin's rule": ({}, {"rules_add": {"1": {"write_follows_whitelist": [BOB]}}}),
}


@pytest.mark.parametrize("where", LOOKS)
def test_whom_somebody_newly_follows_may(where: str) -> None:
    """Wherever the list is looked at, by the owner's word or an admin's."""
    written, added_to_it = LOOKS[where]
    policy = structure_policy({"rules": {"1": {}}, **written, "default_policy": "deny"})
    if where == "an admin's rule":
        policy = structure_policy({"default_policy": "deny"})
    made = [contribution(**added_to_it)] if added_to_it else []
    old = compile_policy(policy, follows={BOB: {CAROL}}, contributions=made)
    new = compile_policy(policy, follows={BOB: {DAVE}}, contributions=made, before=old)
    asked = AnEvent(kind=1)
    assert old.write(asked, (CAROL,), NOW).accepted
    assert not old.write(asked, (DAVE,), NOW).accepted
    assert new.write(asked, (DAVE,), NOW).accepted
    assert not new.write(asked, (CAROL,), NOW).accepted
    gone = compile_policy(policy, follows={}, contributions=made, before=new)
    assert not gone.write(asked, (DAVE,), NOW).accepted
    back = compile_policy(policy, follows={BOB: {DAVE}}, contributions=made, before=gone)
    assert back.write(asked, (DAVE,), NOW).accepted


@pytest.mark.parametrize("by_admin", [False, True])
def test_a_rate_knows_whom_a_new_list_names(by_admin: bool) -> None:
    """Though its own rule looks at no list: the owner's rule for another kind, or an admin's."""
    looking = {"7": {"follows_whitelist_admins": [BOB]}}
    rules = {"1": {"rate_limit": 100}, **({} if by_admin else looking)}
    policy = structure_policy({"rules": rules})
    made = [contribution(rules_add=looking)] if by_admin else []
    old = compile_policy(policy, follows={BOB: {CAROL}}, contributions=made)
    new = compile_policy(policy, follows={BOB: {DAVE}}, contributions=made, before=old)
    [rate] = new.writes.for_kind(1).rates
    assert rate.is_named((DAVE,))
    assert not rate.is_named((CAROL,))


class OnlyAsked(Collection[str]):
    """A follow list that can be asked and not copied."""

    def __init__(self, *keys: str) -> None:
        self._keys = keys

    def __contains__(self, key: object) -> bool:
        return key in self._keys

    def __len__(self) -> int:
        return len(self._keys)

    def __iter__(self) -> Iterator[str]:
        raise AssertionError("copied")


@pytest.mark.parametrize(
    "content",
    [
        {"rules_add": {"9": {"follows_whitelist_admins": [BOB]}}},
        {"rules_add": {"9": {"write_follows_whitelist": [BOB]}}},
        {"rules_extend": {"7": {"follows_whitelist_admins_add": [BOB]}}},
        {"global_extend": {"follows_whitelist_admins_add": [BOB]}},
    ],
)
def test_a_list_that_an_admin_names_is_not_copied(content: Json) -> None:
    """An admin may name a thousand authors for each of a thousand kinds: a set of all whom they
    follow for each would fill the memory.
    """
    policy = structure_policy({"default_policy": "deny", "rules": {"7": {}}})
    follows = {BOB: OnlyAsked(CAROL)}
    made = compile_policy(policy, follows=follows, contributions=[contribution(**content)])
    asked = AnEvent(kind=9 if "rules_add" in content else 7)
    assert made.write(asked, (CAROL,), NOW).accepted
    assert not made.write(asked, (DAVE,), NOW).accepted
