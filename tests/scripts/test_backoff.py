"""How long a script that fails is left alone."""

from orly_policy_plugin.scripts.backoff import LONGEST_SECONDS, SHORTEST_SECONDS, Backoff


def waits(*was_asked: bool) -> list[float]:
    """Seconds before each start, one failure after another."""
    backoff, found = Backoff(), []
    for asked in was_asked:
        seconds, backoff = backoff.after_failure(was_asked=asked)
        found.append(seconds)
    return found


def test_it_doubles_up_to_a_minute() -> None:
    """From a tenth of a second; never more."""
    assert (SHORTEST_SECONDS, LONGEST_SECONDS) == (0.1, 60.0)
    assert waits(*[False] * 12) == [
        *(0.1 * 2**number for number in range(10)),
        60.0,
        60.0,
    ]


def test_who_was_asked_is_started_soon_and_begins_anew() -> None:
    """An event may have ended it."""
    assert waits(False, False, False, True, False, False) == [0.1, 0.2, 0.4, 0.1, 0.1, 0.2]
