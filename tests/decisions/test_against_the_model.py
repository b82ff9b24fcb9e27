"""The compiled core against a brute-force model of the spec, on generated questions."""

from typing import Any

import pytest
import spec_model
from examples import ALICE, KEYS, NOW, OWNER, AnEvent
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import accesses, events, follow_lists, many, policies, some, submitters

from orly_policy_plugin.decisions import compile_policy
from orly_policy_plugin.policy import structure_policy

PREFIXES = ("blocked:", "invalid:", "restricted:", "auth-required:")

questions = st.lists(st.tuples(accesses, events, submitters), min_size=20, max_size=20)


@given(policies(), follow_lists, questions)
@settings(many)
def test_every_decision_is_the_models(
    policy: dict[str, Any],
    follows: dict[str, frozenset[str]],
    asked: list[tuple[str, AnEvent, tuple[str, ...]]],
) -> None:
    """The same answer with the same prefix, decided and explained."""
    snapshot = compile_policy(structure_policy(policy), follows=follows, owners=[OWNER])
    for access, event, submitter in asked:
        right = spec_model.answer(policy, access, event, submitter, NOW, follows, (OWNER,))
        decide = snapshot.write if access == "write" else snapshot.read
        decision = decide(event, submitter, NOW)
        said = "accept" if decision.accepted else decision.message.split(" ")[0]
        assert said == right, (access, event, submitter, decision)
        explanation = snapshot.explain(access, event, submitter, NOW)  # type: ignore[arg-type]
        assert explanation.decision == decision
        assert explanation.policy_version == snapshot.version
        if not decision.accepted:  # several ways to be let in are one condition with their places
            places = (decision.place, *decision.place.split(", "))
            assert explanation.steps[-1].place in places


texts = st.text(st.characters(), max_size=12) | st.text(
    '\0\x1f\x7f\b\t\n\f\r"\\\u2028é☺😀a', max_size=12
)


@given(
    st.builds(
        AnEvent,
        id=texts,
        pubkey=texts,
        created_at=st.integers(0, 2**63 - 1),
        kind=st.integers(0, 65535),
        tags=st.lists(st.lists(texts, min_size=1, max_size=3), max_size=3),
        content=texts,
        sig=texts,
    )
)
@settings(some)
def test_size_is_counted_as_the_specification_says(event: AnEvent) -> None:
    """An event of exactly the limit passes, and of one byte more does not."""
    count = spec_model.size(event)
    for limit, passes in ((count, True), (count - 1, False)):
        for rule in ({"size_limit": limit},):
            snapshot = compile_policy(structure_policy({"global": rule}))
            if event.kind != 12345:
                assert snapshot.write(event, (), NOW).accepted is passes
                assert snapshot.read(event, (), NOW).accepted is passes


@given(st.text(st.characters(codec="utf-8"), max_size=20))
@some
def test_content_is_counted_as_utf8(content: str) -> None:
    """The same for the content alone."""
    count = len(content.encode())
    for limit, passes in ((count, True), (count - 1, False)):
        if limit >= 0:
            snapshot = compile_policy(structure_policy({"global": {"content_limit": limit}}))
            assert snapshot.write(AnEvent(content=content), (), NOW).accepted is passes
            assert snapshot.read(AnEvent(content=content), (), NOW).accepted is passes


def test_a_size_by_hand() -> None:
    """One event as it is sent, written out."""
    event = AnEvent(
        id="a", pubkey="b", created_at=1, kind=2, tags=[["t", "é"], ["-"]], content="\n☺", sig="c"
    )
    text = (
        '{"id":"a","pubkey":"b","created_at":1,"kind":2,'
        '"tags":[["t","é"],["-"]],"content":"\\n☺","sig":"c"}'
    )
    assert spec_model.size(event) == len(text.encode())


@pytest.mark.parametrize("submitter", [(), (ALICE,), (OWNER,), KEYS])
@pytest.mark.parametrize("default", ["allow", "deny"])
def test_the_model_agrees_on_policy_events(submitter: tuple[str, ...], default: str) -> None:
    """Kind 12345 is read by owners and admins alone and never written here."""
    policy = {
        "default_policy": default,
        "rules": {"12345": {"read_allow": [], "write_allow": []}},
        "kind": {"whitelist": [12345]},
    }
    snapshot = compile_policy(structure_policy(policy), owners=[OWNER])
    event = AnEvent(kind=12345)
    right = spec_model.answer(policy, "read", event, submitter, NOW, {}, (OWNER,))
    assert snapshot.read(event, submitter, NOW).accepted == (right == "accept")
    assert snapshot.read(event, submitter, NOW).accepted == (OWNER in submitter)
    assert not snapshot.write(event, submitter, NOW).accepted
