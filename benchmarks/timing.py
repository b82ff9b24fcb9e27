"""The best of several repeats, with V measured between them."""

import time
from collections.abc import Callable, Sequence
from typing import Final

import attrs

from . import verification

_REPEATS: Final = 20
_REPEAT_SECONDS: Final = 0.05


@attrs.frozen
class Effort:
    """The length of a measurement."""

    quick: bool = False
    """Whether the figures need only be there, not be good."""

    @property
    def repeats(self) -> int:
        """Of each workload, after the warm-up."""
        return 2 if self.quick else _REPEATS

    @property
    def repeat_seconds(self) -> float:
        """The rough length of one repeat."""
        return 0.005 if self.quick else _REPEAT_SECONDS


@attrs.frozen
class Timed:
    """The seconds of one operation and of one verification, the best of a run."""

    seconds: float
    v_seconds: float

    @property
    def in_v(self) -> float:
        """The operation in V."""
        return self.seconds / self.v_seconds


Run = Callable[[int], object]
"""Does something so many times."""


def timed(run: Run, effort: Effort, operations: int = 1) -> Timed:
    """Time an operation.

    :param operations: what it does each time counts as so many operations.
    """
    (time_of_run,) = timed_together([run], effort)
    return attrs.evolve(time_of_run, seconds=time_of_run.seconds / operations)


def timed_together(runs: Sequence[Run], effort: Effort) -> list[Timed]:
    """Time several operations that are to be compared: all in each repeat, so that what disturbs
    the machine for a while disturbs them alike.
    """
    times = [_times_that_take(run, effort.repeat_seconds) for run in runs]
    repeats = [_one_repeat(runs, times) for _ in range(effort.repeats)]
    return [
        Timed(min(one.seconds for one in each), min(one.v_seconds for one in each))
        for each in zip(*repeats, strict=True)
    ]


def _one_repeat(runs: Sequence[Run], times: Sequence[int]) -> list[Timed]:
    """Each operation with the better V of those before and after it."""
    seen = []
    v_seconds = verification.seconds_now()
    for run, count in zip(runs, times, strict=True):
        seconds = _seconds_of(run, count)
        v_before, v_seconds = v_seconds, verification.seconds_now()
        seen.append(Timed(seconds, min(v_before, v_seconds)))
    return seen


def _seconds_of(run: Run, times: int) -> float:
    start = time.perf_counter_ns()
    run(times)
    return (time.perf_counter_ns() - start) / times / 1e9


def _times_that_take(run: Run, seconds: float) -> int:
    """The number of times to run it; finding out warms it up."""
    times = 1
    while (each := _seconds_of(run, times)) * times < seconds / 4:
        times *= 4
    return max(1, round(seconds / each))
