"""Sets of long lists are made once."""

from orly_policy_plugin.decisions.key_sets import KeySets

LONG = tuple(f"{number:064x}" for number in range(1_000))


def test_a_long_list_is_known_again() -> None:
    """By being the same object; as long as every policy in between had it."""
    first = KeySets()
    made = first.of(LONG)
    assert made == frozenset(LONG)
    assert first.of(LONG) is made
    assert first.of(LONG[:-1] + LONG[-1:]) is not made
    second, third = KeySets(first), KeySets(first)
    assert second.of(LONG) is made
    for one in second, third:
        one.forget_before()
    assert second.of(LONG) is made
    assert KeySets(second).of(LONG) is made
    assert third.of(LONG) is not made


def test_another_list_at_the_same_address_is_another() -> None:
    """An address is given out again once its object is gone: the list itself is kept."""
    sets = KeySets()
    for number in range(100):
        keys = (str(number),) * 1_000
        assert sets.of(keys) == {str(number)}
        del keys


def test_a_short_list_is_not_kept() -> None:
    """It costs nothing to make its set again."""
    sets = KeySets()
    assert sets.of(LONG[:999]) == frozenset(LONG[:999])
    assert sets.of(()) == frozenset()
    short = LONG[:999]
    assert sets.of(short) is not sets.of(short)
