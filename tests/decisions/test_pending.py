"""What scripts make of a decision: section 5 of the spec, on generated policies and replies."""

from typing import Any

import pytest
from depth import times
from examples import ADMIN, ALICE, BOB, NOW, OWNER, AnEvent
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import accesses, events, follow_lists, many, policies, submitters

from orly_policy_hookspecs import PREFIXES, Decision, Verdict
from orly_policy_plugin.authority.contributions import read_contribution
from orly_policy_plugin.decisions import (
    Action,
    Pending,
    Reply,
    Snapshot,
    at_best,
    compile_policy,
    decided,
)
from orly_policy_plugin.decisions.pending import UNAVAILABLE
from orly_policy_plugin.policy import structure_policy

ACCEPTS, REJECTS, SHADOWS, FAILS = (
    Reply(Action.ACCEPT),
    Reply(Action.REJECT, "no"),
    Reply(Action.SHADOW_REJECT),
    Reply.failed("dead"),
)
OVERLOADS = Reply.overloaded("too many events are waiting for the policy script")

replies = st.lists(
    st.sampled_from((ACCEPTS, REJECTS, SHADOWS, FAILS, OVERLOADS)), min_size=2, max_size=2
)


@st.composite
def scripted(draw: st.DrawFn) -> dict[str, Any]:
    """A policy in which some rules name scripts, or limit rates that nobody reaches or all do."""
    policy = draw(policies())
    for name, rule in [("g", policy.get("global")), *policy["rules"].items()]:
        if rule is not None and draw(st.booleans()):
            rule["script"] = f"{name}.sh"
        if rule is not None and draw(st.booleans()):
            rule["rate_limit"] = draw(st.sampled_from((1, 10**9)))
    return policy


def without(policy: dict[str, Any], *fields: str) -> dict[str, Any]:
    """The same policy, these fields left out of every rule."""

    def bare(rule: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in rule.items() if name not in fields}

    made = policy | {"rules": {kind: bare(rule) for kind, rule in policy["rules"].items()}}
    return made | {"global": bare(policy["global"])} if "global" in policy else made


def right(
    policy: dict[str, Any], plain: Snapshot, question: Any, given: list[Reply], *, denies: bool
) -> Decision:
    """The answer of the spec's words: criteria, then the global script, the kind's."""
    access, event, submitter = question
    explained = plain.explain(access, event, submitter, NOW)
    decision = explained.decision
    if decision.verdict is Verdict.REJECT:
        return decision
    rules = [policy.get("global", {}), policy["rules"].get(str(event.kind), {})]
    asked = [rule for rule in rules if "script" in rule] if event.kind != 12345 else []
    for reply in given[: len(asked)]:
        if reply is REJECTS:
            return Decision.reject("no")
        if reply is SHADOWS:
            return Decision.shadow_reject()
        if reply is FAILS and (denies or policy.get("default_policy") == "deny"):
            return Decision.reject(UNAVAILABLE)
        if reply is OVERLOADS:
            return Decision.reject(f"error: {OVERLOADS.message}")
    granted_by_script = "script" in rules[1] and given[len(asked) - 1] is ACCEPTS
    failed = FAILS in given[: len(asked)]
    return Decision.accept() if granted_by_script or failed else decision


@given(scripted(), follow_lists, st.tuples(accesses, events, submitters), replies, st.booleans())
@settings(max_examples=times(40, 1_500))
def test_scripts_come_last_and_the_first_no_decides(
    policy: dict[str, Any], follows: Any, question: Any, given: list[Reply], denies: bool
) -> None:
    """Decided and explained alike, and as the specification's words have it."""
    access, event, submitter = question
    unlimited = without(policy, "rate_limit")
    snapshot = compile_policy(structure_policy(unlimited), follows=follows, owners=[OWNER])
    bare = structure_policy(without(unlimited, "script"))
    plain = compile_policy(bare, follows=follows, owners=[OWNER])
    outcome = (snapshot.write if access == "write" else snapshot.read)(event, submitter, NOW)
    asked = outcome.scripts if isinstance(outcome, Pending) else ()
    used = given[: len(asked)]
    decision = (
        decided(outcome, used, failure_denies=denies) if isinstance(outcome, Pending) else outcome
    )
    assert decision == right(policy, plain, question, given, denies=denies)
    explained = snapshot.explain(access, event, submitter, NOW, used, failure_denies=denies)
    assert explained.decision == decision


@given(scripted(), st.tuples(events, submitters), replies)
@settings(many)
def test_an_explanation_knows_rates_that_nothing_fits(
    policy: dict[str, Any], question: Any, given: list[Reply]
) -> None:
    """A rate is the last step of what would be accepted, and denies what can never fit."""
    event, submitter = question
    snapshot = compile_policy(structure_policy(policy))
    outcome = snapshot.write(event, submitter, NOW)
    if not isinstance(outcome, Pending):
        return
    decision = decided(outcome, given[: len(outcome.scripts)])
    assert decision is not None
    explained = snapshot.explain("write", event, submitter, NOW, given).decision
    if decision.accepted and any(rate.most == 1 for rate in outcome.rates):
        assert explained.message.startswith("rate-limited: ")
    else:
        assert explained == decision


@pytest.mark.parametrize("default", ["allow", "deny"])
def test_replies_are_waited_for_in_their_order(default: str) -> None:
    """Nothing is decided before the global script's reply is known, whatever the kind's says."""
    policy = {
        "default_policy": default,
        "global": {"script": "g.sh"},
        "rules": {"1": {"script": "k.sh"}},
    }
    outcome = compile_policy(structure_policy(policy)).write(AnEvent(), (), NOW)
    assert isinstance(outcome, Pending)
    assert [script.path for script in outcome.scripts] == ["g.sh", "k.sh"]
    assert decided(outcome, []) is None
    assert decided(outcome, [ACCEPTS]) is None
    assert decided(outcome, [REJECTS]) == Decision.reject("blocked: no")
    assert decided(outcome, [ACCEPTS, ACCEPTS]) == Decision.accept()


@pytest.mark.parametrize(
    ("default", "settings", "accepted"),
    [
        ("allow", {}, True),
        ("allow", {"failure_denies": True}, False),
        ("deny", {}, False),
        ("deny", {"failure_denies": False}, False),
    ],
)
def test_a_failure_gets_the_default(
    default: str, settings: dict[str, bool], accepted: bool
) -> None:
    """Unless a setting has it denied; that it failed is no secret, why is the operator's."""
    policy = {"default_policy": default, "rules": {"1": {"script": "k.sh"}}}
    outcome = compile_policy(structure_policy(policy)).write(AnEvent(), (), NOW)
    assert isinstance(outcome, Pending)
    failed = Reply.failed("dead")
    assert failed.message == "dead"
    refusal = Decision.reject("error: policy script unavailable")
    assert decided(outcome, [failed], **settings) == (Decision.accept() if accepted else refusal)


@pytest.mark.parametrize("denies", [False, True])
@pytest.mark.parametrize("access", ["write", "read"])
@pytest.mark.parametrize("default", ["allow", "deny"])
def test_overload_denies_whatever_else_is_said(default: str, access: str, denies: bool) -> None:
    """As our fault; neither the default nor a setting nor another script lets it through."""
    policy = {
        "default_policy": default,
        "global": {"script": "g.sh"},
        "rules": {"1": {"script": "k.sh"}},
    }
    snapshot = compile_policy(structure_policy(policy))
    outcome = (snapshot.write if access == "write" else snapshot.read)(AnEvent(), (), NOW)
    assert isinstance(outcome, Pending)
    full = Reply.overloaded("too many events")
    for given_replies in [full], [ACCEPTS, full], [full, ACCEPTS]:
        decision = decided(outcome, given_replies, failure_denies=denies)
        assert decision == Decision.reject("error: too many events")


@pytest.mark.parametrize("message", ["", "no reason", "pow: 20", "restricted: no", "odd: thing"])
def test_a_rejection_has_a_prefix(message: str) -> None:
    """The script's own where it is known, else ``blocked:``."""
    snapshot = compile_policy(structure_policy({"rules": {"1": {"script": "x"}}}))
    outcome = snapshot.write(AnEvent(), (), NOW)
    assert isinstance(outcome, Pending)
    decision = decided(outcome, [Reply(Action.REJECT, message)])
    assert decision is not None
    assert decision.message.startswith(PREFIXES)
    assert decision.message.endswith(message)
    assert decision.message.startswith("blocked: ") is (
        message.split(":")[0] not in ("pow", "restricted")
    )


def test_a_kind_with_a_script_of_its_own_is_not_closed_to_the_unauthenticated() -> None:
    """The script might let them read; a global one, which grants nothing, might not."""
    rules = {"1": {"script": "x"}, "2": {}, "3": {"script": "x", "read_allow": [ALICE]}}
    policy = {"default_policy": "deny", "rules": rules}
    snapshot = compile_policy(structure_policy(policy))
    of = {kind: snapshot.readers.scopes(()).of_kind(kind).denial for kind in (1, 2, 3)}
    assert of[1] is None
    assert of[2] is not None
    assert of[3] is not None
    policy = {"default_policy": "deny", "global": {"script": "x"}}
    readers = compile_policy(structure_policy(policy)).readers
    assert readers.scopes(()).of_kind(1).denial is not None


def test_what_is_left_open_is_not_mistaken_for_an_accept() -> None:
    """A caller that takes it for a decision fails, and does not let through."""
    snapshot = compile_policy(structure_policy({"rules": {"1": {"script": "x"}}}))
    with pytest.raises(AttributeError):
        _ = snapshot.write(AnEvent(), (BOB,), NOW).accepted  # type: ignore[union-attr]


def test_kind_12345_is_asked_of_no_script() -> None:
    """Who may read it is not the rules' to say."""
    policy = {"owners": [OWNER], "global": {"script": "x"}, "rules": {"12345": {"script": "x"}}}
    snapshot = compile_policy(structure_policy(policy))
    assert isinstance(snapshot.read(AnEvent(kind=12345), (OWNER,), NOW), Decision)


def test_at_best_is_what_an_explanation_says_where_scripts_accept() -> None:
    """Of an event that fits the rate, and of one that never does; and where something denies."""
    rule = {"script": "ask", "rate_limit": 35}
    for default in ("allow", "deny"):
        policy = {"rules": {"1": rule}, "global": {"script": "all"}, "default_policy": default}
        snapshot = compile_policy(structure_policy(policy))
        for content in ("", "x" * 100):
            event = AnEvent(content=content)
            pending = snapshot.write(event, (), NOW)
            assert isinstance(pending, Pending)
            accepts = (ACCEPTS,) * 2
            explained = snapshot.explain("write", event, (), NOW, accepts)
            assert at_best(pending, event, ()) is explained.decision.accepted is (content == "")
    closed = {"global": {"script": "all"}, "default_policy": "deny"}
    pending = compile_policy(structure_policy(closed)).write(AnEvent(), (), NOW)
    assert isinstance(pending, Pending)
    assert not at_best(pending, AnEvent(), ())


@pytest.mark.parametrize(
    ("author", "keys", "fits"),
    [(OWNER, (BOB,), True), (ALICE, (OWNER,), True), (ALICE, (BOB,), False), (ALICE, (), False)],
)
def test_at_best_an_admins_rate_is_for_no_owner(
    author: str, keys: tuple[str, ...], fits: bool
) -> None:
    """Whoever submits an owner's event, and whatever an owner submits."""
    limit = {"rules_add": {"8": {"rate_limit": 1}}}
    by_admin = read_contribution(limit, admin=ADMIN, created_at=NOW, event_id="1d" * 32)
    policy = structure_policy({"owners": [OWNER], "policy_admins": [ADMIN]})
    snapshot = compile_policy(policy, contributions=[by_admin])
    event = AnEvent(kind=8, pubkey=author)
    pending = snapshot.write(event, keys, NOW)
    assert isinstance(pending, Pending)
    assert at_best(pending, event, keys) is fits


def test_at_best_there_is_no_rate_to_fit() -> None:
    snapshot = compile_policy(structure_policy({"rules": {"1": {"script": "ask"}}}))
    pending = snapshot.write(AnEvent(), (), NOW)
    assert isinstance(pending, Pending)
    assert at_best(pending, AnEvent(), ())


@pytest.mark.parametrize("reply", [REJECTS, SHADOWS, FAILS, OVERLOADS])
def test_a_scripts_no_has_its_place(reply: Reply) -> None:
    """That of the one that said it."""
    policy = {"global": {"script": "all"}, "rules": {"1": {"script": "ask"}}}
    pending = compile_policy(structure_policy(policy)).write(AnEvent(), (), NOW)
    assert isinstance(pending, Pending)
    for said, place in (([reply], "global.script"), ([ACCEPTS, reply], "rules.1.script")):
        decision = decided(pending, said, failure_denies=True)
        assert decision is not None
        assert decision.place == place
