"""What contributions may and may not do to decisions, whatever they and the policy say."""

import json
from collections.abc import Mapping
from typing import Any

import attrs
import pytest
from contributed import (
    EVERYTHING,
    ONLY_ADDS,
    ONLY_DENIES,
    accesses,
    allowed,
    key_lists,
)
from depth import times
from examples import ALICE, BOB, KEYS, NOW, AnEvent
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from strategies import events, follow_lists, keys, kinds, policies, rules, submitters

from orly_policy_hookspecs import Verdict
from orly_policy_hookspecs.reading import Sizes
from orly_policy_plugin.authority.allowed_differences import contribution_of
from orly_policy_plugin.authority.contributions import Contribution, read_contribution
from orly_policy_plugin.authority.fitting import standing_contributions
from orly_policy_plugin.decisions import Snapshot, compile_policy, is_party_involved
from orly_policy_plugin.decisions.private import PRIVATE_KINDS
from orly_policy_plugin.event_size import content_size, event_size
from orly_policy_plugin.policy import InvalidPolicy, Policy, structure_policy

many = settings(max_examples=times(20, 1_000))


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


# --- private stays private


@st.composite
def private_worlds(draw: st.DrawFn) -> Any:
    """An owner's policy, what an admin sends in either form, and an event of a private kind."""
    kind = draw(st.sampled_from(sorted(PRIVATE_KINDS)))
    owners = _with_kind(draw(policies()), kind)
    owners["policy_admins"] = draw(st.lists(keys, min_size=1, max_size=2, unique=True))
    owners["policy_follow_whitelist_enabled"] = draw(st.booleans())
    policy = structure_policy(owners)
    admin = policy.policy_admins[0]
    sent = [_read(_with_kind(draw(EVERYTHING), kind), admin, i) for i in range(2)]
    sent.append(_full(_with_kind(draw(full_policies(owners)), kind), policy, admin))
    standing, _ = standing_contributions(
        policy, filter(None, sent), owners=frozenset(policy.owners)
    )
    assume(standing)
    follows = draw(follow_lists)
    event = attrs.evolve(draw(events), kind=draw(st.sampled_from((kind, kind, 1, 30023))))
    before = compile_policy(policy, follows=follows)
    after = compile_policy(policy, follows=follows, contributions=standing)
    return policy, standing, event, before, after


def _with_kind(value: dict[str, Any], kind: int) -> dict[str, Any]:
    """The same about another private kind than 1059."""
    return json.loads(json.dumps(value).replace("1059", str(kind)))  # type: ignore[no-any-return]


@st.composite
def full_policies(draw: st.DrawFn, owners: dict[str, Any]) -> dict[str, Any]:
    """The owner's policy with more in it: what an admin's full policy may try."""
    full = json.loads(json.dumps(owners))
    for rule in (full.get("global"), *full.get("rules", {}).values()):
        if rule is None:
            continue
        if rule.get("read_allow"):
            rule["read_allow"] += draw(key_lists)
        if draw(st.booleans()):
            rule["follows_whitelist_admins"] = [
                *rule.get("follows_whitelist_admins", []), *draw(key_lists)
            ]  # fmt: skip
        if draw(st.booleans()):
            rule["write_allow_follows"] = True
    if full.get("kind", {}).get("whitelist"):
        full["kind"]["whitelist"] += draw(st.lists(kinds, max_size=2))
    added = draw(st.dictionaries(kinds.map(str), rules(), max_size=2))
    full["rules"] = {**added, **full.get("rules", {})}
    return full  # type: ignore[no-any-return]


def _full(full: dict[str, Any], policy: Policy, admin: str) -> Contribution | None:
    try:
        return contribution_of(
            structure_policy(full),
            policy,
            owners=frozenset(policy.owners),
            admin=admin,
            created_at=NOW + 9,
            event_id="f" * 64,
        )
    except InvalidPolicy:
        return None


def _is_privileged(policy: Policy, standing: Any, kind: int) -> bool:
    rules = [policy.global_rule, policy.rules.get(kind)]
    rules += [made.rules_add.get(kind) for made in standing]
    return any(rule is not None and rule.privileged for rule in rules)


@settings(max_examples=times(50, 2_000))
@given(private_worlds(), submitters)
def test_private_stays_private(world: Any, who: tuple[str, ...]) -> None:
    """Nothing that an admin sends, in either form, opens what is private for reading."""
    policy, standing, event, before, after = world
    assume(event.kind in PRIVATE_KINDS or _is_privileged(policy, standing, event.kind))
    if not allowed(before, "read", event, who):
        assert not allowed(after, "read", event, who)


SPY = KEYS[3]
ATTACKS: dict[str, dict[str, Any]] = {
    "the global rule": {"global_extend": {"read_allow_add": [SPY]}},
    "the kind's rule": {"rules_extend": {"4": {"read_allow_add": [SPY]}}},
    "follows": {
        "rules_extend": {"4": {"follows_whitelist_admins_add": [KEYS[1]]}},
        "global_extend": {"follows_whitelist_admins_add": [KEYS[1]]},
    },
    "the admins' follows": {
        "rules_extend": {"4": {"write_allow_follows": True}},
        "global_extend": {"write_allow_follows": True},
    },
    "a new rule": {"rules_add": {"1059": {"read_allow": []}, "1060": {"read_allow": [SPY]}}},
    "the whitelist": {"kind_whitelist_add": [4, 1059]},
}


@pytest.mark.parametrize("content", ATTACKS.values(), ids=ATTACKS)
@pytest.mark.parametrize(
    "policy",
    [
        {"default_policy": "deny", "rules": {"4": {}}},
        {"default_policy": "deny", "global": {"content_limit": 100}, "rules": {"4": {}}},
        {"default_policy": "deny", "kind": {"whitelist": [1, 4]}, "rules": {"4": {}}},
        {"kind": {"whitelist": [1]}, "rules": {"4": {"read_deny": [SPY]}}},
        {"rules": {"4": {"privileged": True}, "1059": {"privileged": True}}},
        {"global": {"privileged": True}, "rules": {"4": {}}},
    ],
)
def test_a_spy_is_let_in_by_no_form(policy: dict[str, Any], content: dict[str, Any]) -> None:
    """The attacks on private messages, one by one, under policies of all sorts."""
    owners = {**policy, "policy_admins": [BOB], "policy_follow_whitelist_enabled": True}
    follows = {BOB: [SPY]}
    sent = made(**content)
    read = structure_policy(owners)
    standing, _ = standing_contributions(read, [sent], owners=frozenset())
    before = compile_policy(read, follows=follows)
    after = compile_policy(read, follows=follows, contributions=standing)
    for kind in sorted(PRIVATE_KINDS):
        event = AnEvent(kind=kind, pubkey=ALICE, tags=(("p", KEYS[2]),))
        if not allowed(before, "read", event, (SPY,)):
            assert not allowed(after, "read", event, (SPY,)), kind


def test_the_whitelist_is_widened_for_writing_private_kinds_alone() -> None:
    """Unless a rule of the owner's makes the kind privileged."""
    message = AnEvent(kind=4, pubkey=ALICE, tags=(("p", KEYS[2]),))
    for rules_, may_read in (({}, False), ({"4": {"privileged": True}}, True)):
        policy = {"kind": {"whitelist": [1]}, "rules": rules_}
        after = snapshot(policy, made(kind_whitelist_add=[4]))
        assert allowed(after, "write", message, (ALICE,))
        assert allowed(after, "read", message, (KEYS[2],)) is may_read
        assert not allowed(after, "read", message, (SPY,))


@pytest.mark.parametrize(
    "policy",
    [
        {"rules": {"1": {"privileged": True}}},
        {"global": {"privileged": True}, "rules": {"1": {}}},
        {"default_policy": "deny", "rules": {"1": {"privileged": True, "read_allow": [ALICE]}}},
    ],
)
def test_an_addition_opens_no_privileged_rule(policy: dict[str, Any]) -> None:
    """Of whatever kind; what admins add for writing counts."""
    lets_in = {"read_allow_add": [SPY], "write_allow_add": [SPY]}
    after = snapshot(policy, made(rules_extend={"1": lets_in}, global_extend=lets_in))
    assert allowed(after, "read", AnEvent(), (ALICE,))
    assert not allowed(after, "read", AnEvent(), (SPY,))
    assert allowed(after, "write", AnEvent(), (SPY,))


def test_a_raised_limit_opens_nothing_private() -> None:
    """What the owner's global rule hides for its size stays hidden, to its parties too."""
    limits_ = ("size_limit", "content_limit", "max_age_of_event", "max_age_event_in_future")
    policy = {"global": {"content_limit": 4}, "rules": {"4": {"content_limit": 4}}}
    raised = {f"{name}_override": 1_000_000 for name in limits_}
    after = snapshot(policy, made(global_extend=raised, rules_extend={"4": raised}))
    for kind in (1, *sorted(PRIVATE_KINDS)):
        message = AnEvent(kind=kind, pubkey=ALICE, content="hello")
        assert allowed(after, "read", message, (ALICE,)) is (kind == 1)
        assert allowed(after, "write", message, (ALICE,))


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


def test_an_allow_add_leaves_the_owners_grants() -> None:
    """Whom the owner lets in by a follow list stays in."""
    rule = {"follows_whitelist_admins": [BOB], "write_allow": [KEYS[2]]}
    policy = structure_policy({"policy_admins": [BOB], "rules": {"1": rule}})
    extend = made(rules_extend={"1": {"write_allow_add": [KEYS[4]]}})
    after = compile_policy(policy, follows={BOB: [ALICE]}, contributions=[extend])
    for key in (ALICE, KEYS[2], KEYS[4]):
        assert after.write(AnEvent(pubkey=KEYS[3]), (key,), NOW).accepted
    assert not after.write(AnEvent(pubkey=KEYS[3]), (KEYS[3],), NOW).accepted


def test_the_explanation_names_the_contribution() -> None:
    """A step that a contribution decided names it by its event id."""
    after = snapshot({}, made(kind_blacklist_add=[1]))
    explained = after.explain("write", AnEvent(pubkey=ALICE), (ALICE,), NOW)
    assert not explained.decision.accepted
    assert explained.steps[-1].place == f"contributions.{'c' * 64}.kind_blacklist_add"
    after = snapshot({"kind": {"whitelist": [3]}}, made(kind_whitelist_add=[1]))
    [whitelisted, _] = after.explain("write", AnEvent(), (), NOW).steps
    assert whitelisted.place == f"contributions.{'c' * 64}.kind_whitelist_add"


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


@settings(max_examples=times(40, 2_000))
@given(worlds(EVERYTHING), st.lists(events, min_size=1, max_size=5), submitters)
def test_what_is_foreseen_of_a_reader_holds_for_every_event(
    world: Any, some: list[AnEvent], who: tuple[str, ...]
) -> None:
    """Neither is anything kept from a reader who may see it, nor given to one who may not."""
    *_, before, after = world
    for snapshot in (before, after):
        scopes = snapshot.readers.scopes(who)
        for event in some:
            scope = scopes.of_kind(event.kind)
            if event.kind not in scopes.named:
                assert scope == scopes.others
            is_party = any(is_party_involved(event, key) for key in who)
            decision = snapshot.read(event, who, NOW)
            foreseen = scope.denial or (None if is_party else scope.denial_of_others)
            if foreseen is not None:
                assert not decision.accepted
                firm = foreseen.verdict is Verdict.REJECT
                assert firm <= (decision.verdict is Verdict.REJECT)
            elif scope.grants_rest or is_within(scope.grants_up_to, event):
                assert decision.accepted


def is_within(most: Sizes | None, event: AnEvent) -> bool:
    """Whether an event is no larger than that."""
    if most is None:
        return False
    return event_size(event) <= most.event and content_size(event) <= most.content


@pytest.mark.parametrize("limited", ["size_limit", "content_limit"])
def test_sizes_that_are_foreseen_are_those_of_the_limits(limited: str) -> None:
    """An event of just the size is foreseen to be granted, one of a byte more is not, and refused
    when it is asked about.
    """
    events_ = [AnEvent(kind=1, content="x" * length) for length in range(9)]
    most = 4 + (event_size(events_[0]) if limited == "size_limit" else 0)
    read = compile_policy(structure_policy({"rules": {"1": {limited: most}}}))
    within = read.readers.scopes(()).of_kind(1).grants_up_to
    foreseen = [is_within(within, event) for event in events_]
    assert foreseen == [True] * 5 + [False] * 4
    assert foreseen == [read.read(event, (), NOW).accepted for event in events_]
