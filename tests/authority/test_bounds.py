"""One admin's standing contributions have bounds, and a refusal says what to withdraw."""

from collections.abc import Callable

import attrs
import pytest

from orly_policy_plugin.authority import Contribution
from orly_policy_plugin.authority.bounds import Holdings
from orly_policy_plugin.policy import Problem

from .making import contribution

Make = Callable[[range], Contribution]
"""Makes a contribution that has each of these, of what is bounded."""


def of_bytes(numbers: range) -> Contribution:
    return attrs.evolve(contribution(), content_bytes=len(numbers))


def of_kinds(numbers: range) -> Contribution:
    return contribution(kind_blacklist_add=[20_000 + i for i in numbers])


def of_authors(numbers: range) -> Contribution:
    keys = [f"{i:064x}" for i in numbers]
    return contribution(
        global_extend={"follows_whitelist_admins_add": keys[::2]},
        rules_extend={"1": {"follows_whitelist_admins_add": keys}},
    )


def of_regexes(numbers: range) -> Contribution:
    first, *others = numbers
    rules = {f"{20_000 + first}": {"identifier_regex": "a"}}
    if others:
        rules[f"{20_000 + others[0]}"] = {"tag_validation": {f"t{i}": "a" for i in others}}
    return contribution(rules_add=rules)


BOUNDED: list[tuple[Make, int, str]] = [
    (of_bytes, 1_048_576, "bytes of content"),
    (of_kinds, 2_000, "kinds"),
    (of_authors, 1_000, "authors whose follow lists are used"),
    (of_regexes, 100, "regular expressions"),
]
bounded = pytest.mark.parametrize(("make", "most", "what"), BOUNDED)


def excess(new: Contribution, *held: Contribution) -> list[Problem]:
    """Why there is no room beside those that are held."""
    holdings = Holdings()
    for one in held:
        holdings.add(one)
    return list(holdings.excess(new))


def full(most: int, what: str, rest: str) -> list[Problem]:
    return [Problem("", f"an admin's contributions have together at most {most} {what}; {rest}")]


@bounded
def test_all_together_have_a_bound(make: Make, most: int, what: str) -> None:
    """The last that fits, and one more; the largest of what stands is the one to withdraw."""
    held = [
        attrs.evolve(make(numbers), event_id=f"{i}{i}" * 32)
        for i, numbers in enumerate((range(9), range(9, most - 20), range(most - 20, most - 5)))
    ]
    how = f"first, which has {most - 29} (with a kind 5 event that names it)"
    assert excess(make(range(most - 5, most)), *held) == []
    assert excess(make(range(most - 5, most + 1)), *held) == full(
        most, what, f"with this one it would be {most + 1}: withdraw {'11' * 32} {how}"
    )


@bounded
def test_one_that_is_too_much_by_itself_is_told_so(make: Make, most: int, what: str) -> None:
    """Whatever else stands: to withdraw that would not help."""
    alone = full(most, what, f"this one alone has {most + 1}")
    assert excess(make(range(most + 1))) == alone
    assert excess(make(range(most + 1)), make(range(1))) == alone
    assert excess(make(range(1, most + 1))) == []
    (beside,) = excess(make(range(1, most + 1)), make(range(1)))
    assert "withdraw" in beside.message


@pytest.mark.parametrize(("make", "most"), [(of_kinds, 2_000), (of_authors, 1_000)])
def test_a_kind_and_an_author_count_once(make: Make, most: int) -> None:
    """In however many contributions."""
    all_of_them = make(range(most))
    assert excess(all_of_them, all_of_them, make(range(5))) == []


def test_only_so_many_stand() -> None:
    """However small they are."""
    assert excess(contribution(), *[contribution()] * 99) == []
    assert excess(contribution(), *[contribution()] * 100) == [
        Problem(
            "",
            "an admin has at most 100 contributions at a time; withdraw one first (with a kind 5 "
            "event that names it)",
        )
    ]
