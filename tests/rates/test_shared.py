"""Rates that nodes share: together they let through what one would, but for what was not told."""

import math
from collections.abc import Sequence

import attrs
import pytest
from depth import times
from examples import ALICE, BOB, by
from hypothesis import given, settings
from hypothesis import strategies as st

from orly_policy_plugin.decisions.rates import decayed
from orly_policy_plugin.rates import RateLimiter, SharedRateLimiter, Told

from .test_limiter import EMPTY_SIZE, SECONDS, Clock, limit, of_size

many = settings(max_examples=times(50, 2_000))
PLACE = "rules.1.rate_limit"


@attrs.define
class Fleet:
    """Nodes that tell each other when they are made to."""

    nodes: Sequence[SharedRateLimiter]
    clock: Clock

    @classmethod
    def of(cls, count: int, most_keys: int = 1_000) -> "Fleet":
        clock = Clock()
        return cls([SharedRateLimiter(most_keys, clock) for _ in range(count)], clock)

    def tell(self) -> None:
        """All tell all."""
        told = [(f"{number}", node.untold()) for number, node in enumerate(self.nodes)]
        for number, node in enumerate(self.nodes):
            node.take((name, each) for name, some in told if name != f"{number}" for each in some)


steps = st.lists(
    st.tuples(st.integers(0, 2), st.floats(0, 2), st.integers(EMPTY_SIZE, 20_000)), max_size=40
)


@many
@given(steps, st.integers(1, 5_000))
def test_told_of_all_they_are_like_one(steps: list[tuple[int, float, int]], most: int) -> None:
    """Whichever node somebody writes to, the answers are those of one limiter."""
    fleet = Fleet.of(3)
    one = RateLimiter(1_000, fleet.clock)
    for number, seconds, size in steps:
        fleet.clock.now += seconds
        event, limits = of_size(size), [limit(most)]
        expected = one.charge(limits, event, by(ALICE))
        if expected is not None and _is_close(fleet.nodes[number], most, size):
            return  # a sum of three is not to the last bit the sum of all
        answer = fleet.nodes[number].charge(limits, event, by(ALICE))
        assert (answer is None) == (expected is None)
        fleet.tell()


def _is_close(node: SharedRateLimiter, most: int, size: int) -> bool:
    average = _of_others(node, node._clock())
    own = decayed(*node._seen((PLACE, ALICE), node._clock()), SECONDS)
    return math.isclose(average + own + size / SECONDS, most, rel_tol=1e-9)


def _of_others(node: SharedRateLimiter, now: float) -> float:
    average, at = node._others.get((PLACE, ALICE), (0.0, now))
    return decayed(average, now - at, SECONDS)


def test_what_was_not_told_is_the_error() -> None:
    """Each of three lets through what the limit allows, before they have heard of each other."""
    fleet = Fleet.of(3)
    event, limits = of_size(1_000), [limit(100)]
    for node in fleet.nodes:
        assert node.charge(limits, event, by(ALICE)) is None
    fleet.tell()
    for node in fleet.nodes:
        assert node.charge(limits, event, by(ALICE)) is not None
    fleet.clock.now += SECONDS * math.log(3)  # the three have come down to one
    assert fleet.nodes[0].charge(limits, of_size(EMPTY_SIZE), by(ALICE)) is not None


def test_what_several_have_told_adds_up() -> None:
    """Who has let nothing through refuses what together they have used up."""
    fleet = Fleet.of(4)
    *writers, last = fleet.nodes
    event, limits = of_size(1_000), [limit(300)]
    for node in writers:
        assert node.charge(limits, event, by(ALICE)) is None
    fleet.tell()
    assert _of_others(last, fleet.clock.now) == 300
    assert last.charge(limits, event, by(ALICE)) is not None
    fleet.clock.now += SECONDS
    assert last.charge(limits, event, by(ALICE)) is None


def test_only_what_changed_is_told() -> None:
    """Once, unless it has to be told again."""
    (node,) = Fleet.of(1).nodes
    for key in (ALICE, BOB):
        assert node.charge([limit(1_000)], of_size(500), by(key)) is None
    told = node.untold()
    assert {each.key for each in told} == {(PLACE, ALICE), (PLACE, BOB)}
    assert [each.average for each in told] == [50, 50]
    assert node.untold() == []
    node.tell_again(told)
    assert node.charge([limit(1_000)], of_size(500), by(BOB)) is None
    assert [(each.key, each.average) for each in node.untold()] == [
        ((PLACE, ALICE), 50),
        ((PLACE, BOB), 100),
    ]


def test_the_age_of_what_is_told() -> None:
    """It has come down since."""
    fleet = Fleet.of(2)
    first, second = fleet.nodes
    assert first.charge([limit(1_000)], of_size(1_000), by(ALICE)) is None
    fleet.clock.now += SECONDS
    (told,) = first.untold()
    assert told.age_seconds == SECONDS
    second.take([("first", told)])
    assert _of_others(second, fleet.clock.now) == pytest.approx(100 / math.e)


def test_a_refused_event_is_told_to_nobody() -> None:
    """It was not charged."""
    (node,) = Fleet.of(1).nodes
    assert node.charge([limit(1)], of_size(500), by(ALICE)) is not None
    assert node.untold() == []


def test_it_is_bounded() -> None:
    """The submitters of others as one's own."""
    node = Fleet.of(1, most_keys=10).nodes[0]
    node.take(("n", Told((PLACE, f"{number}"), 1.0, 0.0)) for number in range(5_000))
    last = {(PLACE, f"{number}") for number in range(4_990, 5_000)}
    assert node._others.keys() == node._of_nodes.keys() == last


def test_what_has_come_down_to_nothing_is_forgotten() -> None:
    """Node by node."""
    fleet = Fleet.of(1)
    (node,) = fleet.nodes
    node.take([("old", Told((PLACE, ALICE), 1.0, 100.0)), ("old", Told((PLACE, BOB), 1.0, 100.0))])
    node.take([("new", Told((PLACE, ALICE), 1.0, 0.0))])
    node.forget_others(50)
    assert {key: [*nodes] for key, nodes in node._of_nodes.items()} == {(PLACE, ALICE): ["new"]}
    assert node._others.keys() == {(PLACE, ALICE)}


def test_a_clock_ahead_makes_nothing_of_the_future() -> None:
    """An age below nothing is none."""
    fleet = Fleet.of(1)
    (node,) = fleet.nodes
    node.take([("n", Told((PLACE, ALICE), 10.0, -1_000.0))])
    assert _of_others(node, fleet.clock.now) == 10.0


@pytest.mark.parametrize("average", [-1.0, math.inf, math.nan])
def test_what_is_no_average(average: float) -> None:
    """Nobody's limit is raised by it."""
    with pytest.raises(ValueError, match="average"):
        Told((PLACE, ALICE), average, 0.0)
