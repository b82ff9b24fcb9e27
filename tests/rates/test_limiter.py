"""Rate limits: the formula of section 6 of the spec, whoever writes how much and when."""

import math
import re
import threading
from typing import Any

import attrs
import pytest
from depth import times
from examples import ALICE, BOB, CAROL, NOBODY, AnEvent, by
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from orly_policy_hookspecs import Context, Decision
from orly_policy_plugin.decisions import RateLimit
from orly_policy_plugin.decisions.exempt import NOBODY as EXEMPT_NOBODY
from orly_policy_plugin.decisions.exempt import Exempt
from orly_policy_plugin.event_size import event_size
from orly_policy_plugin.rates import RateLimiter

many = settings(max_examples=times(50, 2_000))
EMPTY_SIZE = event_size(AnEvent(content=""))
SECONDS = 10.0


@attrs.define
class Clock:
    """A clock that goes on when it is told to."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


def of_size(size: int, **more: Any) -> AnEvent:
    """An event of so many bytes."""
    event = AnEvent(content="x" * (size - EMPTY_SIZE), **more)
    assert event_size(event) == size
    return event


def limit(most: int, place: str = "rules.1.rate_limit", **more: Any) -> RateLimit:
    made: dict[str, Any] = {"exempt": EXEMPT_NOBODY, "is_named": lambda _: False, **more}
    return RateLimit(place, most, SECONDS, **made)


def exact(accepted: list[tuple[float, int]], now: float) -> float:
    """The average, from all that was accepted: a sum, not a recurrence."""
    return sum(size / SECONDS * math.exp(-(now - at) / SECONDS) for at, size in accepted)


traffic = st.lists(
    st.tuples(st.floats(0, 60), st.integers(EMPTY_SIZE, 20_000)), min_size=1, max_size=40
)


@many
@given(traffic, st.integers(1, 5_000))
def test_what_is_accepted_obeys_the_formula(traffic: list[tuple[float, int]], most: int) -> None:
    """Each event is accepted exactly where the average with it is within the limit."""
    clock = Clock()
    limiter = RateLimiter(clock=clock)
    accepted: list[tuple[float, int]] = []
    for gap, size in traffic:
        clock.now += gap
        average = exact(accepted, clock.now) + size / SECONDS
        assume(not math.isclose(average, most, rel_tol=1e-9))
        refused = limiter.charge([limit(most)], of_size(size), by(ALICE))
        assert (refused is None) == (average <= most)
        if refused is None:
            accepted.append((clock.now, size))
        else:
            assert refused.message.startswith("rate-limited: ")


@many
@given(traffic, st.integers(100, 5_000))
def test_no_window_holds_more_than_the_limit_allows(
    traffic: list[tuple[float, int]], most: int
) -> None:
    """In any window of w seconds at most limit x (w + the time constant) bytes are accepted."""
    clock = Clock()
    limiter = RateLimiter(clock=clock)
    accepted: list[tuple[float, int]] = []
    for gap, size in traffic:
        clock.now += gap
        if limiter.charge([limit(most)], of_size(size), by(ALICE)) is None:
            accepted.append((clock.now, size))
    for i, (begin, _) in enumerate(accepted):
        for j in range(i, len(accepted)):
            taken = sum(size for _, size in accepted[i : j + 1])
            window = accepted[j][0] - begin
            assert taken <= most * (window + SECONDS) * (1 + 1e-9)


@many
@given(st.integers(200, 5_000), st.lists(st.integers(EMPTY_SIZE, 9_000), min_size=1))
def test_trying_again_when_told_to_succeeds(most: int, sizes: list[int]) -> None:
    """After the seconds that the message names the event fits; a second earlier it may not."""
    clock = Clock()
    limiter = RateLimiter(clock=clock)
    for size in sizes:
        event = of_size(size)
        refused = limiter.charge([limit(most)], event, by(ALICE))
        if refused is None or "never" in refused.message:
            continue
        wait = re.search(r"try again in (\d+) s$", refused.message)
        assert wait
        clock.now += int(wait[1])
        assert limiter.charge([limit(most)], event, by(ALICE)) is None


@pytest.mark.parametrize(
    ("most", "first", "second", "seconds"),
    [
        (10_240, 100_000, 20_000, 2),  # when the average has come down by a fifth
        (100, 600, 401, 1),  # by a sixth of a hundredth, in 17 ms
        (100, 1_000, 1_000, 379),  # by all that a float can tell
    ],
)
def test_the_message_names_the_limit_and_when_to_try_again(
    most: int, first: int, second: int, seconds: int
) -> None:
    """In whole seconds, after which the second event fits."""
    clock = Clock()
    limiter = RateLimiter(clock=clock)
    assert limiter.charge([limit(most)], of_size(first), by(ALICE)) is None
    assert limiter.charge([limit(most)], of_size(second), by(ALICE)) == Decision.reject(
        f"rate-limited: {most} bytes per second allowed, try again in {seconds} s"
    )
    clock.now += seconds
    assert limiter.charge([limit(most)], of_size(second), by(ALICE)) is None


def test_an_event_that_can_never_fit_is_told_so() -> None:
    """Alone it is over the limit; the largest that fits is named, and fits."""
    limiter = RateLimiter(clock=Clock())
    assert limiter.charge([limit(100)], of_size(1001), by(ALICE)) == Decision.reject(
        "rate-limited: event is 1001 bytes, 100 bytes per second allow at most 1000: "
        "it can never fit"
    )
    assert limiter.charge([limit(100)], of_size(1000), by(ALICE)) is None
    refused = limiter.charge([limit(100)], of_size(1000), by(ALICE))
    assert refused is not None
    assert "never" not in refused.message


def test_a_rejected_event_costs_nothing() -> None:
    """However often it is tried, what fits afterwards is the same."""
    limiter = RateLimiter(clock=Clock())
    assert limiter.charge([limit(100)], of_size(600), by(ALICE)) is None
    for _ in range(50):
        assert limiter.charge([limit(100)], of_size(401), by(ALICE)) is not None
    assert limiter.charge([limit(100)], of_size(400), by(ALICE)) is None


def test_connections_of_one_key_share_the_limit() -> None:
    """From whatever address."""
    limiter = RateLimiter(clock=Clock())
    here, there = (Context((ALICE,), ip=ip) for ip in ("192.0.2.1", "192.0.2.2"))
    assert limiter.charge([limit(100)], of_size(600), here) is None
    assert limiter.charge([limit(100)], of_size(600), there) is not None
    assert limiter.charge([limit(100)], of_size(600), by(BOB)) is None


def test_who_did_not_authenticate_counts_by_address() -> None:
    """And of a host that knows no address, all share one average."""
    limiter = RateLimiter(clock=Clock())
    here, there = Context(ip="192.0.2.1"), Context(ip="192.0.2.2")
    assert limiter.charge([limit(100)], of_size(600), here) is None
    assert limiter.charge([limit(100)], of_size(600), here) is not None
    assert limiter.charge([limit(100)], of_size(600), there) is None
    assert limiter.charge([limit(100)], of_size(600), NOBODY) is None
    assert limiter.charge([limit(100)], of_size(600), NOBODY) is not None


def known(*names: str) -> RateLimit:
    """A limit under a policy that names these keys."""
    return limit(100, is_named=lambda keys: bool(set(keys) & set(names)))


@pytest.mark.parametrize(
    ("one", "other", "is_one"),
    [
        ("192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("192.0.2.1", "::ffff:192.0.2.1", True),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2", False),
        ("2001:db8:0:1::1", "2001:db8:0:1:ffff::2", True),
        ("2001:db8:0:1::1", "2001:db8:0:2::1", False),
        ("unix:", "unix:", True),
    ],
)
def test_throwaway_keys_share_the_average_of_their_address(
    one: str, other: str, is_one: bool
) -> None:
    """A new key for each event gains nothing, nor does another address of the same /64."""
    limiter = RateLimiter(clock=Clock())
    for i in range(20):
        context = Context((f"{i:064x}",), ip=one)
        refused = limiter.charge([known(ALICE)], of_size(600), context)
        assert (refused is None) == (i == 0)
    refused = limiter.charge([known(ALICE)], of_size(600), Context((f"{99:064x}",), ip=other))
    assert (refused is not None) is is_one
    refused = limiter.charge([known(ALICE)], of_size(600), Context(ip=other))
    assert refused is not None  # who did not authenticate at all is at the same address


def test_whom_the_policy_names_is_not_held_back_by_neighbours() -> None:
    """Nor do they pay for a named one."""
    limiter = RateLimiter(clock=Clock())
    here = "192.0.2.1"
    assert limiter.charge([known(ALICE)], of_size(500), Context((ALICE,), ip=here)) is None
    assert limiter.charge([known(ALICE)], of_size(600), Context((BOB,), ip=here)) is None
    assert limiter.charge([known(ALICE)], of_size(600), Context((CAROL,), ip=here)) is not None
    assert limiter.charge([known(ALICE)], of_size(450), Context((ALICE,), ip=here)) is None


def test_a_key_that_is_refused_by_its_address_is_not_charged() -> None:
    """Both must fit, and then both are charged: in one step."""
    limiter = RateLimiter(clock=Clock())
    assert limiter.charge([known()], of_size(900), Context((ALICE,), ip="192.0.2.1")) is None
    assert limiter.charge([known()], of_size(900), Context((BOB,), ip="192.0.2.1")) is not None
    assert limiter.charge([known()], of_size(900), Context((BOB,), ip="192.0.2.2")) is None


def test_of_several_keys_each_must_fit_and_each_is_charged() -> None:
    """One that does not costs the others nothing."""
    limiter = RateLimiter(clock=Clock())
    assert limiter.charge([limit(100)], of_size(600), by(ALICE, BOB)) is None
    assert limiter.charge([limit(100)], of_size(600), by(CAROL, BOB)) is not None
    assert limiter.charge([limit(100)], of_size(1000), by(CAROL)) is None
    assert limiter.charge([limit(100)], of_size(401), by(ALICE)) is not None


def test_each_rule_has_its_own_average_and_all_must_fit() -> None:
    """The first that does not fit answers, and none is charged."""
    limiter = RateLimiter(clock=Clock())
    everywhere, kinds = limit(1000, "global.rate_limit"), limit(100)
    assert limiter.charge([everywhere, kinds], of_size(900), by(ALICE)) is None
    refused = limiter.charge([everywhere, kinds], of_size(500), by(ALICE))
    assert refused is not None
    assert refused.message.startswith("rate-limited: 100 bytes")
    assert limiter.charge([everywhere], of_size(9100), by(ALICE)) is None
    refused = limiter.charge([everywhere, kinds], of_size(500), by(ALICE))
    assert refused is not None
    assert refused.message.startswith("rate-limited: 1000 bytes")


def test_an_admins_limit_is_not_for_owners_and_admins() -> None:
    """As submitter or as author they are neither held to it nor charged."""
    limiter = RateLimiter(clock=Clock())
    admins = limit(1, exempt=Exempt(frozenset({ALICE}), looks_at_author=True))
    assert limiter.charge([admins], of_size(600), by(ALICE)) is None
    assert limiter.charge([admins], of_size(600, pubkey=ALICE), by(BOB)) is None
    assert limiter.charge([admins], of_size(600, pubkey=CAROL), by(BOB)) is not None
    assert len(limiter) == 0


def test_the_state_is_bounded_and_the_least_recently_seen_leaves() -> None:
    """A thousand addresses leave no more averages than allowed; who was just refused stays."""
    limiter = RateLimiter(most_keys=10, clock=Clock())
    assert limiter.charge([limit(100)], of_size(900), by(ALICE)) is None
    for i in range(1000):
        context = Context(ip=f"192.0.2.{i}")
        assert limiter.charge([limit(100)], of_size(900), context) is None
        assert limiter.charge([limit(100)], of_size(900), by(ALICE)) is not None
    assert len(limiter) == 10
    assert limiter.charge([limit(100)], of_size(900), Context(ip="192.0.2.0")) is None


def test_more_keys_than_are_kept_push_no_average_out() -> None:
    """Else a submitter's own would leave in the charge that raises it."""
    limiter = RateLimiter(most_keys=2, clock=Clock())
    assert limiter.charge([limit(100)], of_size(900), by(ALICE)) is None
    for _ in range(3):
        refused = limiter.charge([limit(100)], of_size(400), by(ALICE, BOB, CAROL))
        assert refused == Decision.reject("rate-limited: too many keys on one connection")
    assert limiter.charge([limit(100)], of_size(900), by(ALICE)) is not None


def test_a_clock_that_goes_back_gives_nothing_away() -> None:
    """A negative gap counts as none."""
    clock = Clock()
    limiter = RateLimiter(clock=clock)
    assert limiter.charge([limit(100)], of_size(900), by(ALICE)) is None
    clock.now -= 100
    assert limiter.charge([limit(100)], of_size(900), by(ALICE)) is not None


@pytest.mark.parametrize("keys", [(ALICE,), (ALICE, BOB)])
def test_checking_and_charging_are_one_step(keys: tuple[str, ...]) -> None:
    """Eight threads together get no more than one would."""
    limiter = RateLimiter(clock=Clock())
    accepted: list[bool] = []
    begin = threading.Barrier(8)
    event = of_size(1000)

    def write() -> None:
        begin.wait()
        answers = (limiter.charge([limit(100_000)], event, by(*keys)) for _ in range(200))
        accepted.extend(answer is None for answer in answers)

    threads = [threading.Thread(target=write) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert accepted.count(True) == 1000
