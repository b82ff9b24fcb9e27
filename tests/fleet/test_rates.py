"""Rate limits hold for a fleet, with an error that can be foreseen."""

import math
import multiprocessing
import os
import threading
from collections.abc import Iterator
from typing import Any

import postgres
import pytest
from depth import times
from examples import ALICE, BOB, NOBODY, AnEvent, by
from rates.test_limiter import Clock, limit, of_size

from orly_policy_hookspecs import Decision
from orly_policy_plugin.rates import SharedRateLimiter

SECONDS = 10.0
"""The time constant of :func:`limit`."""
PLACE = "rules.1.rate_limit"


@pytest.fixture
def fleet() -> Iterator[Any]:
    """A fleet in the database that the tests share."""
    url = postgres.libpq_url()
    from state.fleets import Fleet

    made = Fleet(url, postgres.new_fleet())
    yield made
    made.close()


def exchange(fleet: Any, limiter: SharedRateLimiter) -> Any:
    from orly_policy_plugin.state.postgres import RatesExchange

    store = fleet.store()
    return RatesExchange(store.lent, fleet.name, limiter)


def test_20000_writes_over_three_nodes(fleet: Any) -> None:
    """Each node writes as much as it may, and they tell each other once a second.

    At most ``L (T + c) (1 + (n - 1) d / c) + (n - 1) min(D d, L c)`` bytes: for a limit of L bytes
    a second, T seconds, a time constant of c, n nodes, d seconds between two tellings, and D bytes
    a second that are sent to each node.
    """
    most, size, seconds = 40_000, 1_000, 20
    a_second = 20_000 // (3 * seconds)
    clock = Clock()
    limiters = [SharedRateLimiter(1_000, clock) for _ in range(3)]
    exchanges = [exchange(fleet, limiter) for limiter in limiters]
    event, limits, accepted = of_size(size), [limit(most)], 0
    for _ in range(seconds):
        for _ in range(a_second):
            clock.now += 1 / a_second
            for limiter in limiters:
                accepted += limiter.charge(limits, event, by(ALICE)) is None
        for each in [*exchanges, *exchanges]:  # what is told last is heard, too
            each.exchange()
    sent = a_second * size
    expected = most * (seconds + SECONDS)
    error = expected * 2 / SECONDS + 2 * min(sent, most * SECONDS)
    assert expected - size <= accepted * size <= expected + error
    alone = 3 * expected
    assert accepted * size < min(alone, 3 * seconds * sent) * 0.7, "they are not limited together"


def test_a_node_hears_of_another(nodes: Any) -> None:
    """What one has let through, another refuses within two seconds, and an address's, too."""
    content = {"default_policy": "allow", "rules": {"1": {"rate_limit": 200}}}
    first, second = nodes.started(2, {**content, "owners": [BOB]})
    event = AnEvent(pubkey=ALICE, content="x" * 1_500)

    def written(node: Any, context: Any) -> str:
        answer = node.plugin.on_write(event, context)
        assert isinstance(answer, Decision)
        return answer.message

    for context in (by(ALICE), NOBODY):
        assert written(first, context) == ""
        _eventually(lambda context=context: _has_heard_of(second, context))
        assert written(second, context).startswith("rate-limited: ")


def _has_heard_of(node: Any, context: Any) -> bool:
    limiter = node.plugin._pending._rates
    submitter = ALICE if context.authenticated else ""
    return (PLACE, submitter) in limiter._others


def _eventually(holds: Any) -> None:
    for _ in range(300):
        if holds():
            return
        threading.Event().wait(0.1)
    raise AssertionError


def test_local_rates(nodes: Any) -> None:
    """``rates="local"``: each node by itself, and nothing is told."""
    node = nodes.new({"owners": [BOB], "rules": {"1": {"rate_limit": 200}}}, rates="local").start()
    assert not isinstance(node.plugin._pending._rates, SharedRateLimiter)


def told_by(fleet: Any, key: str, average: Any = 5.0) -> None:
    fleet.run(
        "INSERT INTO orly_policy.rate VALUES (%s, 'n', %s, %s, %s, now(), pg_current_xact_id())",
        fleet.name,
        PLACE,
        key,
        average,
    )


def test_only_news_are_read(fleet: Any) -> None:
    """What was read is not read again; what was begun before, and committed after, is."""
    limiter = SharedRateLimiter(1_000)
    reading = exchange(fleet, limiter)
    told_by(fleet, ALICE)
    import psycopg

    with psycopg.connect(fleet.url) as slow:
        slow.execute(
            "INSERT INTO orly_policy.rate VALUES "
            "(%s, 's', %s, %s, 7, now(), pg_current_xact_id())",
            [fleet.name, PLACE, BOB],
        )
        reading.exchange()
        assert limiter._others.keys() == {(PLACE, ALICE)}
        fleet.run("SELECT pg_current_xact_id()")
        reading.exchange()
    reading.exchange()
    assert limiter._others.keys() == {(PLACE, ALICE), (PLACE, BOB)}
    limiter._others.clear()
    fleet.run("SELECT pg_current_xact_id()")
    reading.exchange()
    assert limiter._others == {}


def test_its_own_is_not_heard(fleet: Any) -> None:
    """A node counts what it has let through once."""
    limiter = SharedRateLimiter(1_000)
    assert limiter.charge([limit(1_000)], of_size(500), by(ALICE)) is None
    exchange(fleet, limiter).exchange()
    assert limiter._others == {}


def _lets_through(told: Any, limiter: SharedRateLimiter) -> None:
    limiter.charge([limit(100)], of_size(800), by(ALICE))
    told.exchange()
    os._exit(0)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of a fork beside threads
def test_workers_that_are_forked_hear_each_other(fleet: Any) -> None:
    """A server loads the policy, and then starts its workers."""
    limiter = SharedRateLimiter(1_000)
    made = exchange(fleet, limiter)
    fork = multiprocessing.get_context("fork")
    child = fork.Process(target=_lets_through, args=(made, limiter))
    child.start()
    child.join()
    made.exchange()
    assert limiter.charge([limit(100)], of_size(800), by(ALICE)) is not None


def test_another_fleets_are_not_heard(fleet: Any) -> None:
    """They share the database and nothing else."""
    told_by(fleet, ALICE)
    limiter = SharedRateLimiter(1_000)
    fleet.name = postgres.new_fleet()
    exchange(fleet, limiter).exchange()
    assert limiter._others == {}


@pytest.mark.parametrize("average", [-1, math.inf, math.nan])
def test_the_table_takes_no_nonsense(fleet: Any, average: float) -> None:
    """It would raise or end somebody's limit."""
    import psycopg

    with pytest.raises(psycopg.errors.CheckViolation):
        told_by(fleet, ALICE, average)


def test_what_is_over_is_removed(fleet: Any) -> None:
    """Of nodes that are gone, too."""
    told_by(fleet, ALICE)
    fleet.run(
        "UPDATE orly_policy.rate SET at = now() - interval '101 seconds' WHERE fleet = %s",
        fleet.name,
    )
    told_by(fleet, BOB)
    limiter = SharedRateLimiter(1_000)
    exchange(fleet, limiter).exchange()
    assert limiter._others.keys() == {(PLACE, BOB)}
    assert fleet.run("SELECT submitter FROM orly_policy.rate WHERE fleet = %s", fleet.name) == [
        (BOB,)
    ]


def test_who_cannot_be_told_hinders_nobody(fleet: Any) -> None:
    """A host may call anything an address."""
    limiter, heard = SharedRateLimiter(1_000), SharedRateLimiter(1_000)
    for submitter in ("a\0b", "x" * 65, "\ud800", "192.0.2.1"):
        limiter._keep({(PLACE, submitter): 5.0}, limiter._clock())
    exchange(fleet, limiter).exchange()
    exchange(fleet, heard).exchange()
    assert heard._others.keys() == {(PLACE, "192.0.2.1")}


def test_many_keys(fleet: Any) -> None:
    """More than one statement takes."""
    limiter, heard = SharedRateLimiter(20_000), SharedRateLimiter(20_000)
    for number in range(times(6_000, 20_000)):
        limiter._keep({(PLACE, f"{number:064x}"): 5.0}, limiter._clock())
    exchange(fleet, limiter).exchange()
    exchange(fleet, heard).exchange()
    assert len(heard._others) == times(6_000, 20_000)


def test_without_the_database_a_node_limits_by_itself(machine: Any) -> None:
    """It says so once; what it could not tell it tells later."""
    first, second = machine.nodes.started(
        2, {"owners": [BOB], "rules": {"1": {"rate_limit": 200}}}
    )
    limiter = first.plugin._pending._rates
    machine.kill()
    _eventually(lambda: first.plugin._exchange._is_alone and second.plugin._exchange._is_alone)
    event = AnEvent(pubkey=ALICE, content="x" * 1_500)
    assert first.plugin.on_write(event, by(ALICE)).accepted
    assert first.plugin.on_write(event, by(ALICE)).message.startswith("rate-limited: ")
    assert second.plugin.on_write(event, by(ALICE)).accepted
    machine.start()
    _eventually(lambda: (PLACE, ALICE) in second.plugin._pending._rates._others)
    _eventually(lambda: limiter.untold() == [] and (PLACE, ALICE) in limiter._others)
