"""How many questions a script is sent before it answers."""

import heapq

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orly_policy_plugin.scripts.window import FIRST, LEAST, MOST, Window

TIMEOUT = 5.0


def latest_answer(each_seconds: float, at_a_time: int, count: int = 400) -> tuple[float, float]:
    """The longest that an answer took after the first ones, and how long all took, of a script
    that works on so many events at a time.
    """
    window, now, sent, longest = Window(TIMEOUT), 0.0, 0, 0.0
    free = [0.0] * at_a_time
    in_flight: list[tuple[float, int, float]] = []
    while sent < count or in_flight:
        while sent < count and window.has_room:
            began = max(heapq.heappop(free), now)
            heapq.heappush(free, began + each_seconds)
            heapq.heappush(in_flight, (began + each_seconds, window.send(), now))
            sent += 1
        ends, number, since = heapq.heappop(in_flight)
        now = max(now, ends)
        longest = max(longest, now - since)
        window.answered(number, now - since)
    return longest, now


@given(st.floats(0.0001, TIMEOUT / FIRST - 0.01))
def test_one_after_the_other_is_never_sent_too_much(each_seconds: float) -> None:
    """However slow it is: no answer comes later than the time-out for want of its turn."""
    longest, _ = latest_answer(each_seconds, 1)
    assert longest < TIMEOUT


def test_a_slow_one_is_sent_little() -> None:
    """So that whoever comes does not wait behind what was sent already."""
    longest, _ = latest_answer(1.0, 1)
    assert longest <= FIRST


@pytest.mark.parametrize("each_seconds", [0.1, 0.5])
def test_one_that_works_on_many_at_a_time_is_sent_many(each_seconds: float) -> None:
    """It is found out in a few rounds."""
    _, took = latest_answer(each_seconds, 1_000)
    assert took <= 8 * each_seconds


def test_it_is_never_less_than_two_nor_without_bound() -> None:
    """One question without an answer does not hold up the next."""
    window = Window(TIMEOUT)
    for _ in range(10):
        window.unanswered(window.send())
    assert room(window) == LEAST
    window = Window(TIMEOUT)
    for _ in range(5_000):
        numbers = [window.send() for _ in range(room(window))]
        window.answered(numbers[-1], 0.0)
    assert room(window) == MOST


def test_a_window_that_nobody_fills_does_not_grow() -> None:
    """One question at a time proves nothing about many."""
    window = Window(TIMEOUT)
    for _ in range(1_000):
        window.answered(window.send(), 0.0)
    assert room(window) == FIRST


def test_what_was_overtaken_takes_no_room() -> None:
    """A script that never answers about some events is asked about others."""
    window = Window(TIMEOUT)
    for _ in range(1_000):
        window.send()
        window.answered(window.send(), 0.0)
        assert window.has_room


def room(window: Window) -> int:
    """How many more may be sent, without sending them."""
    return int(window._size) - (window.sent - window._done)
