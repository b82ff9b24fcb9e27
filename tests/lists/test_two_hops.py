"""Two hops of follows: section 14 of the spec."""

import pytest
from examples import ALICE, BOB, CAROL, DAVE
from hypothesis import given
from hypothesis import strategies as st
from strategies import many

from orly_policy_plugin.follows import FollowList, TwoHops, two_hops

KEYS = (ALICE, BOB, CAROL, DAVE)


def following(author: str, *followed: str, at: int = 1, number: int = 0) -> FollowList:
    return FollowList(author, at, f"{number:064x}", frozenset(followed))


sets = st.sets(st.sampled_from(KEYS))
steps = st.lists(st.tuples(st.sampled_from((ALICE, *KEYS)), sets, st.integers(1, 3)), max_size=12)


@given(sets, steps)
@many
def test_counting_comes_to_what_the_newest_lists_say(
    first: set[str], taken: list[tuple[str, set[str], int]]
) -> None:
    """Whatever comes in which order; and nothing that changes goes unsaid."""
    root, taken_of = following("root", *first), dict[str, FollowList]()
    newest: dict[str, FollowList] = {}
    hops = TwoHops(root)
    for number, (author, followed, at) in enumerate(taken):
        before = {least: hops.keys(least) for least in (1, 2)}
        list_ = following(author, *followed, at=at, number=number)
        if number % 5 == 4:  # the root follows others
            list_ = following("root", *followed, at=at, number=number)
            root = list_ if list_.replaces(root) else root
            hops.follow(list_)
        else:
            if author in root.followed | taken_of.keys() and list_.replaces(taken_of.get(author)):
                taken_of[author] = list_
            if not hops.take(list_):
                assert all(hops.keys(least) is made for least, made in before.items())
        newest = {key: each for key, each in taken_of.items() if key in root.followed}
        for least in (1, 2):
            followers = [key for each in newest.values() for key in each.followed]
            enough = {key for key in KEYS if followers.count(key) >= least}
            assert hops.keys(least) == root.followed | enough
    hops.forget_all_but([2])
    assert hops.keys(2) == root.followed | {k for k in KEYS if followers_of(k, newest) >= 2}


def test_so_many_are_kept_of_those_who_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those who left last; what others have sent meanwhile is nothing to it."""
    monkeypatch.setattr(two_hops, "MOST_LEFT", 1)
    hops = TwoHops(following("root", ALICE, BOB))
    for author, key in ((ALICE, CAROL), (BOB, DAVE)):
        hops.take(following(author, key))
    hops.follow(following("root", BOB, at=2))
    assert not hops.take(following(ALICE, DAVE, at=2))
    assert hops.keys(1) == {BOB, DAVE}
    hops.follow(following("root", at=3))
    assert [hops.looks_at(author) for author in (ALICE, BOB)] == [False, True]
    hops.follow(following("root", ALICE, BOB, at=4))
    assert hops.keys(1) == {ALICE, BOB, DAVE}


def followers_of(key: str, newest: dict[str, FollowList]) -> int:
    return sum(key in each.followed for each in newest.values())


def test_so_many_lists_are_counted_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """Always the same; all whom the root follows are in the list."""
    monkeypatch.setattr(two_hops, "MOST_LISTS", 2)
    hops = TwoHops(following("root", *KEYS))
    assert hops.left_out == 2
    assert hops.authors == set(sorted(KEYS)[:2])
    left_out = max(KEYS)
    assert not hops.take(following(left_out, "somebody"))
    assert hops.keys(1) == set(KEYS)
