"""A clock that stands still while nobody attends to it."""

from hypothesis import given
from hypothesis import strategies as st

from orly_policy_plugin.scripts.attentive_clock import LONGEST_GAP_SECONDS, AttentiveClock


class Time:
    """Another clock."""

    seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def test_what_goes_by_unattended_does_not_count() -> None:
    """But for a second, after each look."""
    time = Time()
    clock = AttentiveClock(time)
    began = clock.now()
    time.seconds += 0.75
    clock.tick()
    assert clock.now() == began + 0.75
    time.seconds += 600.0
    assert clock.now() == began + 0.75 + LONGEST_GAP_SECONDS
    clock.tick()
    time.seconds += 0.25
    assert clock.now() == began + 1.0 + LONGEST_GAP_SECONDS


@given(st.lists(st.tuples(st.floats(0.0, 10.0), st.booleans()), max_size=50))
def test_it_never_goes_back_nor_ahead(steps: list[tuple[float, bool]]) -> None:
    """Whenever it is looked at."""
    time = Time()
    clock = AttentiveClock(time)
    before = clock.now()
    for seconds, ticks in steps:
        time.seconds += seconds
        if ticks:
            clock.tick()
        assert before - 1e-9 <= clock.now() <= time.seconds
        before = clock.now()
