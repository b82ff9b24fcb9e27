"""What holds for every policy, event and submitter."""

import re
from typing import Any

from examples import ALICE, KEYS, NOW, AnEvent
from hypothesis import assume, given
from hypothesis import strategies as st
from strategies import (
    NPUB,
    accesses,
    events,
    follow_lists,
    keys,
    kinds,
    many,
    policies,
    some,
    submitters,
    tag_names,
)

from orly_policy_hookspecs import PREFIXES, Decision, Verdict
from orly_policy_plugin.decisions import compile_policy, decided_at, denied_at
from orly_policy_plugin.policy import structure_policy

Json = dict[str, Any]
Follows = dict[str, frozenset[str]]
Submitter = tuple[str, ...]


def decided(
    policy: Json, access: str, event: AnEvent, submitter: Submitter, follows: Follows | None = None
) -> Decision:
    snapshot = compile_policy(structure_policy(policy), follows=follows)
    ask = snapshot.write if access == "write" else snapshot.read
    return ask(event, submitter, NOW)


def with_rule(policy: Json, kind: int | None, **fields: Any) -> Json:
    """The policy with fields added to a kind's rule, or to the global one."""
    if kind is None:
        return policy | {"global": policy.get("global", {}) | fields}
    rules = policy.get("rules", {})
    return policy | {"rules": rules | {str(kind): rules.get(str(kind), {}) | fields}}


@given(policies(), events, submitters, accesses, follow_lists, st.booleans())
@many
def test_a_deny_list_dominates(
    policy: Json, event: AnEvent, submitter: Submitter, access: str, follows: Follows, own: bool
) -> None:
    """A submitter in a deny list is denied, whatever else the policy says."""
    assume(submitter)
    place = event.kind if own else None
    denying = with_rule(policy, place, **{f"{access}_deny": [submitter[-1]]})
    assert not decided(denying, access, event, submitter, follows).accepted


@given(policies(), events, submitters, follow_lists, st.booleans())
@some
def test_a_denied_author_is_not_written_by_anybody(
    policy: Json, event: AnEvent, submitter: Submitter, follows: Follows, own: bool
) -> None:
    """Sending another's event does not help either."""
    denying = with_rule(policy, event.kind if own else None, write_deny=[event.pubkey])
    assert not decided(denying, "write", event, submitter, follows).accepted


@given(policies(), events, submitters, accesses, follow_lists, keys)
@many
def test_one_more_key_in_a_deny_list_never_allows_more(
    policy: Json, event: AnEvent, submitter: Submitter, access: str, follows: Follows, key: str
) -> None:
    """In the global rule always, in a kind's rule where the list is there already."""
    before = decided(policy, access, event, submitter, follows)
    field = f"{access}_deny"
    in_global = with_rule(policy, None, **{field: [*policy.get("global", {}).get(field, []), key]})
    rule = policy.get("rules", {}).get(str(event.kind), {})
    in_own = with_rule(policy, event.kind, **{field: [*rule.get(field, []), key]})
    assert before.accepted or not decided(in_global, access, event, submitter, follows).accepted
    if rule.get(field):
        assert before.accepted or not decided(in_own, access, event, submitter, follows).accepted


@given(policies(), events, submitters, accesses, follow_lists, st.data())
@many
def test_one_more_constraint_never_allows_more(
    policy: Json,
    event: AnEvent,
    submitter: Submitter,
    access: str,
    follows: Follows,
    data: st.DataObject,
) -> None:
    """Whatever a rule asks of an event only narrows."""
    constraint = data.draw(
        st.sampled_from(
            [
                {"size_limit": 0},
                {"content_limit": 0},
                {"must_have_tags": ["zap"]},
                {"protected_required": True},
                {"identifier_regex": "^x$"},
                {"tag_validation": {"p": "^x$"}},
                {"max_age_of_event": 1},
                {"max_age_event_in_future": 1},
                {"max_expiry_duration": "PT1S"},
            ]
        )
    )
    place = data.draw(st.sampled_from((None, event.kind)))
    rule = (
        policy.get("rules", {}).get(str(place), {})
        if place is not None
        else policy.get("global", {})
    )
    assume(not rule.keys() & constraint.keys())
    before = decided(policy, access, event, submitter, follows)
    after = decided(with_rule(policy, place, **constraint), access, event, submitter, follows)
    assert before.accepted or not after.accepted


@given(policies(), events, submitters, accesses, follow_lists)
@many
def test_a_blacklisted_kind_never_passes(
    policy: Json, event: AnEvent, submitter: Submitter, access: str, follows: Follows
) -> None:
    """No grant, no permissive flag lifts a blacklist."""
    rule = policy.get("global", {}) | {"read_allow_permissive": access == "read"}
    rule["write_allow_permissive"] = access == "write"
    closed = policy | {"global": rule, "kind": {"blacklist": [event.kind]}}
    assert not decided(closed, access, event, submitter, follows).accepted


@given(policies(), events, accesses, follow_lists)
@some
def test_a_stranger_gets_no_more_than_nobody(
    policy: Json, event: AnEvent, access: str, follows: Follows
) -> None:
    """Authenticating with a key that nothing names opens nothing that was closed."""
    stranger = "0f" * 32
    assume(event.pubkey != stranger)
    unauthenticated = decided(policy, access, event, (), follows)
    assert (
        decided(policy, access, event, (stranger,), follows).accepted == unauthenticated.accepted
    )


@given(policies(), events, submitters, accesses, follow_lists)
@some
def test_the_order_of_authenticated_keys_does_not_matter(
    policy: Json, event: AnEvent, submitter: Submitter, access: str, follows: Follows
) -> None:
    """A submitter is a set."""
    assert decided(policy, access, event, submitter, follows) == decided(
        policy, access, event, submitter[::-1], follows
    )


_KEY = re.compile(r"[0-9a-f]{64}|n(pub|profile|sec)1", re.IGNORECASE)

leaky = st.sampled_from((*KEYS, *map(str.upper, KEYS), NPUB, NPUB.upper(), "x" + ALICE * 2))


@given(policies(), events, submitters, accesses, follow_lists, leaky, tag_names, st.booleans())
@many
def test_no_message_ever_shows_a_key(
    policy: Json,
    event: AnEvent,
    submitter: Submitter,
    access: str,
    follows: Follows,
    leak: str,
    names: list[str],
    own: bool,
) -> None:
    """Not from a list, a tag, a tag's name or a regular expression; nor a path, and all with a
    known prefix.
    """
    policy = with_rule(
        policy,
        event.kind if own else None,
        tag_validation=dict.fromkeys(names, f"^({leak}|{'0' * 64})$"),
        must_have_tags=[leak] if own else [],
        identifier_regex=leak,
        description=f"/etc/passwd {leak}",
    )
    event = AnEvent(
        pubkey=event.pubkey,
        created_at=event.created_at,
        kind=event.kind,
        tags=[*event.tags, ["d", leak], ["expiration", leak], [leak, leak], ["p", leak]],
    )
    decision = decided(policy, access, event, submitter, follows)
    assert not _KEY.search(decision.message)
    assert "/etc" not in decision.message
    assert decision.accepted or decision.message.startswith(PREFIXES)
    assert len(decision.message) < 500


@given(policies(), events, submitters, accesses, follow_lists)
@many
def test_an_explanation_tells_what_was_decided(
    policy: Json, event: AnEvent, submitter: Submitter, access: str, follows: Follows
) -> None:
    """It ends at the step that decided: a denial is the last and only one of its kind, and an
    accept comes from a grant or from the default.
    """
    snapshot = compile_policy(structure_policy(policy), follows=follows)
    ask = snapshot.write if access == "write" else snapshot.read
    decision = ask(event, submitter, NOW)
    explanation = snapshot.explain(access, event, submitter, NOW)  # type: ignore[arg-type]
    assert explanation.decision == decision
    outcomes = [step.outcome for step in explanation.steps]
    assert ("deny" in outcomes) is not decision.accepted
    assert "deny" not in outcomes[:-1]
    last = explanation.steps[-1] if outcomes else None
    if decision.accepted and "grant" not in outcomes:
        assert last is not None
        assert last.place == "default_policy"
    for step in explanation.steps:
        assert step.place
        assert step.seen or step.place
        assert step.limit.strip(": ")
    named = [step.place.split(".")[0] for step in explanation.steps]
    order = ["global", "kind", "rules", "default_policy"]
    assert [order.index(name) for name in named] == sorted(order.index(name) for name in named)


@given(policies(), events, submitters, accesses)
@some
def test_only_the_default_is_a_fallback(
    policy: Json, event: AnEvent, submitter: Submitter, access: str
) -> None:
    """What another plugin may vouch against is default_policy alone, never a rule's no."""
    decision = decided(policy, access, event, submitter)
    opened = decided(policy | {"default_policy": "allow"}, access, event, submitter)
    assert (decision.verdict is Verdict.FALLBACK) == (opened.accepted and not decision.accepted)


@given(kinds, accesses)
def test_the_smallest_policy_allows_everything(kind: int, access: str) -> None:
    """{} says nothing, so nothing is denied."""
    assert decided({}, access, AnEvent(kind=kind), ()).accepted


@given(policies(), st.lists(st.tuples(events, submitters, accesses), min_size=10), follow_lists)
@many
def test_the_place_that_denies_is_the_explanations(
    policy: Json, asked: list[tuple[AnEvent, Submitter, Any]], follows: Follows
) -> None:
    """Found without an explanation, it is the same."""
    snapshot = compile_policy(structure_policy(policy), follows=follows)
    for event, submitter, access in asked:
        explanation = snapshot.explain(access, event, submitter, NOW)
        if not explanation.decision.accepted:
            plan = snapshot.plans(access).for_kind(event.kind)
            place = denied_at(plan, event, submitter, NOW)
            assert place == decided_at(explanation) == explanation.steps[-1].place
