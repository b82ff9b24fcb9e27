"""What contributions may and may not do to decisions, whatever they and the policy say."""

from collections.abc import Mapping
from typing import Any

import attrs
import pytest
from examples import KEYS, NOW, AnEvent
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from strategies import events, follow_lists, keys, kinds, policies, rules, submitters

from orly_policy_plugin.authority.contributions import Contribution, read_contribution
from orly_policy_plugin.authority.fitting import standing_contributions
from orly_policy_plugin.decisions import Snapshot, compile_policy
from orly_policy_plugin.policy import InvalidPolicy, Policy, structure_policy

many = settings(max_examples=100, deadline=None)

key_lists = st.lists(keys, max_size=3)
limits = st.sampled_from((0, 5, 100, 400, 500, 100_000))

ADDS: dict[str, st.SearchStrategy[Any]] = {
    "write_allow_add": key_lists,
    "read_allow_add": key_lists,
    "size_limit_override": limits,
    "content_limit_override": limits,
    "max_age_of_event_override": limits,
    "max_age_event_in_future_override": limits,
    "write_allow_follows": st.booleans(),
    "follows_whitelist_admins_add": key_lists,
}
DENIES = {"write_deny_add": key_lists, "read_deny_add": key_lists}
GRANTS = {
    name: ADDS[name]
    for name in ("read_allow_add", "write_allow_follows", "follows_whitelist_admins_add")
}


@st.composite
def extensions(draw: st.DrawFn, fields: Mapping[str, Any]) -> dict[str, Any]:
    """An extension as JSON."""
    names = draw(st.lists(st.sampled_from(sorted(fields)), max_size=3, unique=True))
    return {name: draw(fields[name]) for name in names}


@st.composite
def contents(draw: st.DrawFn, fields: Mapping[str, Any], *parts: str) -> dict[str, Any]:
    """A contribution's content as JSON, with some of the parts."""
    possible = {
        "kind_whitelist_add": st.lists(kinds, max_size=3),
        "kind_blacklist_add": st.lists(kinds.filter(lambda kind: kind not in (3, 5)), max_size=2),
        "rules_extend": st.dictionaries(kinds.map(str), extensions(fields), max_size=2),
        "rules_add": st.dictionaries(kinds.map(str), rules(), max_size=2),
        "global_extend": extensions(fields),
    }
    return {name: draw(possible[name]) for name in parts if draw(st.booleans())}


EVERYTHING = contents(
    ADDS | DENIES,
    "kind_whitelist_add",
    "kind_blacklist_add",
    "rules_extend",
    "rules_add",
    "global_extend",
)
ONLY_ADDS = contents(ADDS, "kind_whitelist_add", "rules_extend", "global_extend")
ONLY_DENIES = contents(DENIES, "kind_blacklist_add", "rules_extend", "global_extend")
ONLY_GRANTS = contents(GRANTS, "rules_extend", "global_extend", "rules_add")


@st.composite
def worlds(draw: st.DrawFn, content: st.SearchStrategy[dict[str, Any]]) -> Any:
    """A policy with admins, contributions that stand, follow lists, and the two snapshots."""
    json = draw(policies())
    json["policy_admins"] = draw(st.lists(keys, min_size=1, max_size=2, unique=True))
    json["policy_follow_whitelist_enabled"] = draw(st.booleans())
    policy = structure_policy(json)
    follows = draw(follow_lists)
    sent = [
        made
        for i, value in enumerate(draw(st.lists(content, min_size=1, max_size=3)))
        if (made := _read(value, draw(st.sampled_from(policy.policy_admins)), i))
    ]
    owners = frozenset(policy.owners)
    standing, _ = standing_contributions(policy, sent, owners=owners)
    assume(standing)
    before = compile_policy(policy, follows=follows)
    after = compile_policy(policy, follows=follows, contributions=standing)
    return policy, sent, standing, follows, before, after


def _read(value: dict[str, Any], admin: str, number: int) -> Contribution | None:
    try:
        return read_contribution(
            value, admin=admin, created_at=NOW + number, event_id=f"{number:064x}"
        )
    except InvalidPolicy:
        return None


def allowed(snapshot: Snapshot, access: str, event: AnEvent, who: tuple[str, ...]) -> bool:
    """What the snapshot says; the explanation must say the same."""
    decide = snapshot.write if access == "write" else snapshot.read
    decision = decide(event, who, NOW)
    explained = snapshot.explain(access, event, who, NOW)  # type: ignore[arg-type]
    assert explained.decision == decision
    return decision.accepted


accesses = st.sampled_from(("write", "read"))


@many
@given(policies(), events, submitters, follow_lists)
def test_without_contributions_it_is_the_owners_policy(
    json: dict[str, Any], event: AnEvent, who: tuple[str, ...], follows: Any
) -> None:
    """No contribution means exactly the owner's policy, version included."""
    policy = structure_policy(json)
    plain = compile_policy(policy, follows=follows)
    empty = compile_policy(policy, follows=follows, contributions=())
    assert plain.version == empty.version
    for access in ("write", "read"):
        assert allowed(plain, access, event, who) == allowed(empty, access, event, who)


@many
@given(worlds(ONLY_ADDS), accesses, events, submitters)
def test_an_add_takes_nothing_from_anybody(
    world: Any, access: str, event: AnEvent, who: tuple[str, ...]
) -> None:
    """An add never turns an allowed event into a denied one."""
    *_, before, after = world
    if allowed(before, access, event, who):
        assert allowed(after, access, event, who)


@many
@given(worlds(ONLY_DENIES), accesses, events, submitters)
def test_a_deny_grants_nobody(
    world: Any, access: str, event: AnEvent, who: tuple[str, ...]
) -> None:
    """A deny never turns a denied event into an allowed one."""
    *_, before, after = world
    if allowed(after, access, event, who):
        assert allowed(before, access, event, who)


@many
@given(worlds(EVERYTHING), st.randoms(use_true_random=False), accesses, events, submitters)
def test_the_order_of_arrival_is_nothing(
    world: Any, random: Any, access: str, event: AnEvent, who: tuple[str, ...]
) -> None:
    """Merging does not depend on the order in which contributions come."""
    policy, sent, _, follows, _, after = world
    random.shuffle(sent)
    standing, _ = standing_contributions(policy, sent, owners=frozenset(policy.owners))
    again = compile_policy(policy, follows=follows, contributions=standing)
    assert again.version == after.version
    assert allowed(again, access, event, who) == allowed(after, access, event, who)


@many
@given(worlds(EVERYTHING), accesses, events, submitters)
def test_only_denials_and_new_rules_deny(
    world: Any, access: str, event: AnEvent, who: tuple[str, ...]
) -> None:
    """Deny lists, blacklists and rules for kinds that had none aside, nothing is denied."""
    policy, _, standing, follows, before, _ = world
    harmless = [_without_denials(contribution) for contribution in standing]
    after = compile_policy(policy, follows=follows, contributions=harmless)
    if allowed(before, access, event, who):
        assert allowed(after, access, event, who)


def _without_denials(contribution: Contribution) -> Contribution:
    def bare(extension: Any) -> Any:
        return extension and attrs.evolve(extension, write_deny_add=(), read_deny_add=())

    return attrs.evolve(
        contribution,
        kind_blacklist_add=(),
        rules_add={},
        global_extend=bare(contribution.global_extend),
        rules_extend={kind: bare(made) for kind, made in contribution.rules_extend.items()},
    )


@many
@given(worlds(EVERYTHING), accesses, events, submitters, st.booleans())
def test_owners_and_admins_are_denied_nothing(
    world: Any, access: str, event: AnEvent, who: tuple[str, ...], as_author: bool
) -> None:
    """What an admin sends never denies an owner or a policy admin anything."""
    policy, *_, before, after = world
    someone = (policy.owners + policy.policy_admins)[0]
    if access == "write" and as_author:
        event = attrs.evolve(event, pubkey=someone)
    else:
        who = (*who, someone)
    if allowed(before, access, event, who):
        assert allowed(after, access, event, who)


@many
@given(worlds(ONLY_GRANTS), events, submitters)
def test_private_stays_private(world: Any, event: AnEvent, who: tuple[str, ...]) -> None:
    """Nothing that an admin grants shows a privileged event to one who could not see it."""
    policy, *_, before, after = world
    rule = policy.rules.get(event.kind)
    privileged = (rule and rule.privileged) or (
        policy.global_rule and policy.global_rule.privileged
    )
    if privileged and not allowed(before, "read", event, who):
        assert not allowed(after, "read", event, who)


@many
@given(worlds(EVERYTHING), events, submitters, st.sampled_from((4, 13, 14, 1059, 1060)))
def test_a_new_rule_opens_no_private_kind(
    world: Any, event: AnEvent, who: tuple[str, ...], kind: int
) -> None:
    """Where default_policy denies, an admin's new rule grants no read of a private kind."""
    policy, _, standing, follows, _, _ = world
    policy = attrs.evolve(policy, default_policy="deny")
    event = attrs.evolve(event, kind=kind)
    assume(kind not in policy.rules)
    only_new = [
        attrs.evolve(made, kind_whitelist_add=(), rules_extend={}, global_extend=None)
        for made in standing
    ]
    before = compile_policy(policy, follows=follows)
    after = compile_policy(policy, follows=follows, contributions=only_new)
    if not allowed(before, "read", event, who):
        assert not allowed(after, "read", event, who)


ALICE, BOB = KEYS[:2]


def made(**content: Any) -> Contribution:
    """A contribution of this content."""
    return read_contribution(content, admin=BOB, created_at=NOW, event_id="c" * 64)


def snapshot(policy: Mapping[str, Any], contribution: Contribution) -> Snapshot:
    """The policy with the contribution."""
    read: Policy = structure_policy({"policy_admins": [BOB], **policy})
    return compile_policy(read, contributions=[contribution])


def test_an_allow_add_grants_and_closes_nothing() -> None:
    """`write_allow_add` to an open rule leaves it open."""
    policy = {"rules": {"1": {}}}
    after = snapshot(policy, made(rules_extend={"1": {"write_allow_add": [ALICE]}}))
    assert after.write(AnEvent(), (), NOW).accepted


def test_an_allow_add_opens_an_allow_list() -> None:
    """`write_allow_add` lets those in whom the owner's list does not name."""
    policy = {"rules": {"1": {"write_allow": [KEYS[2]]}}}
    after = snapshot(policy, made(rules_extend={"1": {"write_allow_add": [ALICE]}}))
    assert after.write(AnEvent(), (ALICE,), NOW).accepted
    assert not after.write(AnEvent(), (KEYS[3],), NOW).accepted


def test_the_explanation_names_the_contribution() -> None:
    """A step that a contribution decided names it by its event id."""
    after = snapshot({}, made(kind_blacklist_add=[1]))
    explained = after.explain("write", AnEvent(pubkey=ALICE), (ALICE,), NOW)
    assert not explained.decision.accepted
    assert explained.steps[-1].place == f"contributions.{'c' * 64}.kind_blacklist_add"


def test_a_blacklist_add_denies_what_the_whitelist_has() -> None:
    """`kind_blacklist_add` wins over the owner's whitelist, but not against the admin herself."""
    after = snapshot({"kind": {"whitelist": [1]}}, made(kind_blacklist_add=[1]))
    assert not after.write(AnEvent(pubkey=ALICE), (ALICE,), NOW).accepted
    assert after.write(AnEvent(pubkey=BOB), (BOB,), NOW).accepted


def test_a_whitelist_add_makes_no_whitelist() -> None:
    """`kind_whitelist_add` does nothing where the owner has no whitelist."""
    after = snapshot({}, made(kind_whitelist_add=[7]))
    assert after.write(AnEvent(kind=1), (), NOW).accepted


@pytest.mark.parametrize(("override", "accepted"), [(1000, True), (10, False)])
def test_an_override_is_the_larger_of_both(override: int, accepted: bool) -> None:
    """An override raises a limit and never lowers it; where none is set it sets none."""
    extend = made(rules_extend={"1": {"content_limit_override": override}})
    after = snapshot({"rules": {"1": {"content_limit": 20}}}, extend)
    assert after.write(AnEvent(content="x" * 30), (), NOW).accepted is accepted
    unlimited = snapshot({"rules": {"1": {}}}, extend)
    assert unlimited.write(AnEvent(content="x" * 30), (), NOW).accepted
