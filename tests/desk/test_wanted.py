"""Which decisions somebody wants to be told of."""

from typing import Any

import pytest
from examples import ALICE, BOB, NOBODY, AnEvent, by

from orly_policy_hookspecs import Context, Decision
from orly_policy_plugin.desk.wanted import Wanted

NO = Decision.reject("blocked: no", "rules.1.size_limit").attributed("orly-policy")
YES = Decision.accept()
LET_IN = Decision.reject("restricted: no", "rules.1.write_allow, rules.1.privileged")


@pytest.mark.parametrize(
    ("wanted", "decision", "has"),
    [
        ({}, YES, True),
        ({"outcomes": {"refused"}}, NO, True),
        ({"outcomes": {"refused"}}, Decision.shadow_reject(), True),
        ({"outcomes": {"refused"}}, YES, False),
        ({"outcomes": {"accept"}}, YES, True),
        ({"outcomes": {"fallback", "vouch"}}, NO, False),
        ({"places": {"rules.1"}}, NO, True),
        ({"places": {"rules.1.size_limit"}}, NO, True),
        ({"places": {"rules.1.size"}}, NO, False),
        ({"places": {"rules.1.privileged"}}, LET_IN, True),
        ({"places": {"orly-policy"}}, NO, True),
        ({"places": {"rules.1"}}, YES, False),
        ({"kinds": {1}}, NO, True),
        ({"kinds": {7}}, NO, False),
        ({"keys": {ALICE}}, NO, True),
        ({"keys": {BOB}}, NO, False),
        ({"kinds": {7}, "keys": {ALICE}}, NO, False),
    ],
)
def test_each_filter_must_let_it_through(
    wanted: dict[str, Any], decision: Decision, has: bool
) -> None:
    """One that asks for nothing lets everything through."""
    made = Wanted(**{name: frozenset(values) for name, values in wanted.items()})
    assert made.has(AnEvent(pubkey=ALICE, kind=1), NOBODY, decision) is has


@pytest.mark.parametrize(("context", "has"), [(by(BOB), True), (NOBODY, False)])
def test_a_key_is_also_that_of_who_asks(context: Context, has: bool) -> None:
    """Whoever has authenticated."""
    assert Wanted(keys=frozenset({BOB})).has(AnEvent(pubkey=ALICE), context, NO) is has
