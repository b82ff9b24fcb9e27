"""Decisions counted, and added up."""

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orly_policy_hookspecs import Decision
from orly_policy_plugin.desk import counts
from orly_policy_plugin.desk.counts import LIMITS, OTHERS, Counted, Counts, added

DECISIONS = (
    Decision.accept(),
    Decision.reject("blocked: a", "rules.1.size_limit"),
    Decision.reject("blocked: b", "rules.1.size_limit"),
    Decision.fallback("blocked: c", "default_policy").attributed("orly-policy"),
    Decision.shadow_reject().attributed("other"),
)
questions = st.lists(
    st.tuples(
        st.sampled_from(["write", "read", "policy_event"]),
        st.sampled_from(DECISIONS),
        st.sampled_from([0.0, 4e-6, 5e-6, 0.02, 11.0]),
    ),
    max_size=30,
)


def counted(asked: list[tuple[str, Decision, float]]) -> list[Counted]:
    made = Counts()
    for access, decision, seconds in asked:
        made.add(access, decision, seconds)  # type: ignore[arg-type]
    return list(made.taken())


@given(questions)
def test_every_decision_is_counted_once(asked: list[tuple[str, Decision, float]]) -> None:
    """With those of the same access, outcome, plugin and place."""
    found = {each.key: each.count for each in counted(asked)}
    expected: dict[tuple[str, ...], int] = {}
    for access, decision, _ in asked:
        key = access, decision.verdict.value, decision.source, decision.place
        expected[key] = expected.get(key, 0) + 1
    assert found == expected


@given(questions, questions)
def test_the_counts_of_several_workers_are_those_of_one(
    one: list[tuple[str, Decision, float]], other: list[tuple[str, Decision, float]]
) -> None:
    """That would have decided all of it."""
    together = added(counted(one) + counted(other))
    alone = added(counted(one + other))
    assert [attrs.evolve(each, seconds=0.0) for each in together] == [
        attrs.evolve(each, seconds=0.0) for each in alone
    ]
    assert sum(each.seconds for each in together) == pytest.approx(
        sum(each.seconds for each in alone)
    )


def test_a_decision_counts_where_its_time_belongs() -> None:
    """At a limit, to those that took no longer."""
    made = Counts()
    for seconds in (*LIMITS, 99.0):
        made.add("write", DECISIONS[0], seconds)
    (all_of_them,) = made.taken()
    assert all_of_them.took == (1,) * (len(LIMITS) + 1)
    assert all_of_them.seconds == pytest.approx(sum(LIMITS) + 99)


def test_places_that_come_and_go_do_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the most, they are counted together."""
    monkeypatch.setattr(counts, "MOST_PLACES", 3)
    made = counted([("write", Decision.reject("no", f"rules.{i}"), 0.0) for i in range(5)])
    assert [(each.place, each.count) for each in made] == [
        *((f"rules.{i}", 1) for i in range(3)),
        (OTHERS, 2),
    ]
