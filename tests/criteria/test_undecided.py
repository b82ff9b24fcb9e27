"""What events take that are being decided."""

from orly_policy_criteria import undecided
from orly_policy_criteria.undecided import Undecided


def test_what_is_refused_is_given_back_and_what_is_accepted_is_not() -> None:
    it: Undecided[str] = Undecided(9)
    for thing in ("a", "b"):
        it.take("1", thing)
    it.take("2", "c")
    assert it.refused("1") == ["a", "b"]
    assert it.accepted("2") == []
    assert it.refused("2") == []
    assert len(it) == 0


def test_what_is_accepted_after_all_takes_again() -> None:
    """Once."""
    it: Undecided[str] = Undecided(9)
    it.take("1", "a")
    assert [it.refused("1"), it.refused("1")] == [["a"], []]
    assert [it.accepted("1"), it.accepted("1")] == [["a"], []]


def test_what_is_asked_about_anew_takes_anew() -> None:
    """A refusal that is over has no effect on it."""
    it: Undecided[str] = Undecided(9)
    it.take("1", "a")
    it.refused("1")
    it.take("1", "b")
    assert it.accepted("1") == []
    assert it.refused("1") == []


def test_memory_is_bounded() -> None:
    """Of those that are undecided, and of those that were refused; the oldest is forgotten."""
    it: Undecided[int] = Undecided(2)
    for i in range(3):
        it.take(str(i), i)
    assert len(it) == 2
    assert [it.refused(str(i)) for i in range(3)] == [[], [1], [2]]
    for i in range(3, 3 + undecided.MOST_REFUSED):
        it.take(str(i), i)
        it.refused(str(i))
    assert [it.accepted(str(i)) for i in (1, 2, 3)] == [[], [], [3]]
    assert len(it._refused) == undecided.MOST_REFUSED - 1
