"""Decisions by named lists: section 14 of the spec."""

from typing import Any

import attrs
import pytest
from examples import ALICE, BOB, CAROL, DAVE, NOW, AnEvent
from hypothesis import given
from hypothesis import strategies as st
from strategies import KINDS, events, follow_lists, keys, many, policies, submitters

from orly_policy_plugin.decisions import compile_policy
from orly_policy_plugin.policy import InvalidPolicy, Policy, Rule, structure_policy
from orly_policy_plugin.policy.fields import BOTH
from orly_policy_plugin.policy.models import key_lists_of

Json = dict[str, Any]
SOURCES: Json = {name: {"file": f"{name}.txt"} for name in ("one", "two")}
lists_of_keys = st.fixed_dictionaries({name: st.frozensets(keys, max_size=3) for name in SOURCES})


@st.composite
def naming(draw: st.DrawFn) -> Json:
    """A policy in which rules name lists beside keys, and limit rates."""
    policy = draw(policies())
    for rule in (*policy["rules"].values(), policy.get("global")):
        if rule is None:
            continue
        for field in draw(st.sets(st.sampled_from(key_lists_of(Rule)), max_size=3)):
            names = draw(st.lists(st.sampled_from(["@one", "@two"]), min_size=1, max_size=2))
            rule[field] = [*(rule.get(field) or ()), *names]
        if draw(st.booleans()):
            rule["rate_limit"] = 100
    return policy | {"lists": SOURCES}


def with_keys(policy: Json, lists: dict[str, frozenset[str]]) -> Policy:
    """The policy with keys in the place of names, which say nobody where a list is empty."""

    def replaced(rule: Json) -> Json:
        fields = {field: rule[field] for field in key_lists_of(Rule) if rule.get(field)}
        return rule | {
            field: [
                key
                for item in written
                for key in (sorted(lists[item[1:]]) or ["00" * 32] if item[0] == "@" else [item])
            ]
            for field, written in fields.items()
        }

    made = {**policy, "rules": {kind: replaced(rule) for kind, rule in policy["rules"].items()}}
    if policy.get("global") is not None:
        made["global"] = replaced(policy["global"])
    return structure_policy(made)


@given(naming(), lists_of_keys, lists_of_keys, follow_lists, events, submitters)
@many
def test_names_decide_like_keys(
    policy: Json,
    lists: dict[str, frozenset[str]],
    later: dict[str, frozenset[str]],
    follows: dict[str, Any],
    event: AnEvent,
    submitter: tuple[str, ...],
) -> None:
    """Also when lists have changed, and only what names them is compiled again."""
    structured = structure_policy(policy)
    named = None
    for known in (lists, later, lists | {"two": later["two"]}):
        named = compile_policy(structured, follows=follows, lists=known, before=named)
        written = compile_policy(with_keys(policy, known), follows=follows)
        for kind in (*KINDS, 7):
            asked = attrs.evolve(event, kind=kind)
            for access in BOTH:
                said, expected = (
                    each.explain(access, asked, submitter, NOW) for each in (named, written)
                )
                assert said.decision == expected.decision
                rates = (each.plans(access).for_kind(kind).rates for each in (named, written))
                one, other = ([rate.is_named(submitter) for rate in each] for each in rates)
                assert one == other


def compiled(rule: Json, **lists: frozenset[str]) -> Any:
    policy = structure_policy({"lists": SOURCES, "rules": {"1": rule, "7": {}}})
    return compile_policy(policy, lists={"one": frozenset(), "two": frozenset()} | lists)


def test_an_explanation_says_which_list_matched() -> None:
    """Each is a step of its own, with its name and the number of its keys."""
    rule = {"write_allow": [ALICE, "@one", "@two"]}
    snapshot = compiled(rule, one=frozenset({BOB}), two=frozenset({CAROL, DAVE}))
    steps = snapshot.explain("write", AnEvent(kind=1), (CAROL,), NOW).steps
    assert [(step.place, step.limit, step.outcome) for step in steps] == [
        ("rules.1.write_allow", "1 key", "no match"),
        ("rules.1.write_allow", "@one (1 key)", "no match"),
        ("rules.1.write_allow", "@two (2 keys)", "grant"),
    ]
    *_, last = snapshot.explain("write", AnEvent(kind=1), ("ee" * 32,), NOW).steps
    assert (last.limit, last.outcome) == ("@two (2 keys)", "deny")


def test_an_explanation_says_which_list_denied() -> None:
    snapshot = compiled({"write_deny": ["@one", "@two"]}, two=frozenset({CAROL}))
    steps = snapshot.explain("write", AnEvent(kind=1), (CAROL,), NOW).steps
    assert [(step.place, step.limit, step.outcome) for step in steps] == [
        ("rules.1.write_deny", "none of @one (0 keys)", "pass"),
        ("rules.1.write_deny", "none of @two (1 key)", "deny"),
    ]


@pytest.mark.parametrize("access", BOTH)
def test_an_empty_list_lets_nobody_in(access: Any) -> None:
    """It is no allow list that is written out as empty."""
    snapshot = compiled({f"{access}_allow": ["@one"]})
    assert not snapshot.explain(access, AnEvent(kind=1), (ALICE,), NOW).decision.accepted


def test_rules_share_the_set_of_a_list() -> None:
    """A million keys are there once, however many rules name them."""
    one = frozenset({ALICE, BOB})
    snapshot = compiled({"write_allow": ["@one"], "read_allow": [CAROL, "@one"]}, one=one)
    for access in BOTH:
        (condition,) = snapshot.plans(access).for_kind(1).conditions
        assert any(matcher.keys is one for matcher in condition.allows)


def test_what_names_no_changed_list_is_not_compiled_again() -> None:
    policy = structure_policy(
        {
            "lists": SOURCES,
            "rules": {"1": {"write_allow": ["@one"]}, "7": {"write_deny": ["@two"]}},
        }
    )
    two = frozenset({CAROL})
    before = compile_policy(policy, lists={"one": frozenset({ALICE}), "two": two})
    after = compile_policy(policy, lists={"one": frozenset({BOB}), "two": two}, before=before)
    assert after.writes.for_kind(7) is before.writes.for_kind(7)
    assert after.writes.for_kind(1) is not before.writes.for_kind(1)
    assert after.version == before.version


@pytest.mark.parametrize("field", ["write_allow", "write_deny"])
def test_a_list_that_is_not_known_is_not_decided_by(field: str) -> None:
    """Neither at first nor later, and also where a program has made the policy."""
    policy = structure_policy({"lists": SOURCES, "rules": {"1": {field: ["@one"]}}})
    known = {"one": frozenset[str](), "two": frozenset[str]()}
    message = rf"rules\.1\.{field}\[0\]: '@one' names a list whose keys are not known"
    with pytest.raises(InvalidPolicy, match=message):
        compile_policy(policy)
    with pytest.raises(InvalidPolicy, match=message):
        compile_policy(policy, before=compile_policy(policy, lists=known))
    with pytest.raises(InvalidPolicy, match=message):
        compile_policy(Policy(rules={1: Rule(**{field: ("@one",)})}))


OF_AN_AUTHOR: Json = {"people": {"author": ALICE, "kind": 10_000}}


@pytest.mark.parametrize("access", BOTH)
@pytest.mark.parametrize("more", [{}, {"deny": [CAROL]}, {"allow": [BOB]}])
def test_an_authors_list_that_is_not_known_yet_lets_nobody_in_by_its_name(
    access: str, more: Json
) -> None:
    """Nor does a deny list beside it."""
    more = {f"{access}_{field}": keys for field, keys in more.items()}
    rule = {f"{access}_allow": ["@people"]}
    rule |= {field: [*rule.get(field, []), *keys] for field, keys in more.items()}
    snapshot = compile_policy(structure_policy({"lists": OF_AN_AUTHOR, "rules": {"1": rule}}))
    decide = getattr(snapshot, access)
    assert not decide(AnEvent(pubkey=DAVE), (DAVE,), NOW).accepted
    assert decide(AnEvent(pubkey=DAVE), (BOB,), NOW).accepted is (f"{access}_allow" in more)


@pytest.mark.parametrize("access", BOTH)
def test_an_authors_list_that_is_not_known_yet_keeps_everybody_out(access: str) -> None:
    """Whom it would keep out nobody can say; until it comes."""
    rule = {f"{access}_deny": ["@people"]}
    policy = structure_policy({"lists": OF_AN_AUTHOR, "rules": {"1": rule}})
    unknown = compile_policy(policy)
    decision = getattr(unknown, access)(AnEvent(pubkey=DAVE), (BOB,), NOW)
    assert decision.message.startswith("error: a list of people")
    assert getattr(unknown, access)(AnEvent(kind=7), (BOB,), NOW).accepted
    explained = unknown.explain(access, AnEvent(), (BOB,), NOW)  # type: ignore[arg-type]
    assert explained.decision == decision
    assert explained.steps[-1].limit == "none of @people, which is not known yet"
    known = compile_policy(policy, lists={"people": frozenset({CAROL})}, before=unknown)
    assert getattr(known, access)(AnEvent(pubkey=DAVE), (BOB,), NOW).accepted
    assert not getattr(known, access)(AnEvent(pubkey=DAVE), (CAROL,), NOW).accepted


def test_a_reader_foresees_a_list_that_is_not_known_yet() -> None:
    """No store is asked for what nobody may be given."""
    policy = structure_policy({"lists": OF_AN_AUTHOR, "rules": {"1": {"read_deny": ["@people"]}}})
    assert compile_policy(policy).readers.scopes((BOB,)).of_kind(1).denial


def test_a_list_that_comes_empty_is_known() -> None:
    policy = structure_policy({"lists": OF_AN_AUTHOR, "rules": {"1": {"write_deny": ["@people"]}}})
    unknown = compile_policy(policy)
    empty = compile_policy(policy, lists={"people": frozenset()}, before=unknown)
    assert empty.write(AnEvent(), (BOB,), NOW).accepted
