"""Which lists are needed: sections 7 and 14 of the spec."""

from typing import NoReturn

import pytest
from examples import ALICE, BOB

from orly_policy_hookspecs.nip01 import Address
from orly_policy_plugin.follows import NeededLists


class Many(frozenset[str]):
    """Keys that are too many to go through."""

    def __iter__(self) -> NoReturn:
        pytest.fail("all keys are gone through")

    union = __or__ = __iter__  # type: ignore[assignment]


def test_a_list_that_comes_is_looked_for_without_a_copy_of_all_that_are_needed() -> None:
    """A follows field may name a list of a million keys, and anybody may send a kind 3."""
    nobody = frozenset[str]()
    needed = NeededLists(nobody, nobody, Many({ALICE}), frozenset({Address(3, BOB, "")}))
    names = (ALICE, f"3:{BOB}:", BOB, f"3:{ALICE}:")
    assert list(map(needed.keeps, names)) == [True, True, False, False]
