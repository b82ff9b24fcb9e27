"""Two hops of follows: whom somebody follows, and whom enough of these follow. Pure."""

from collections import Counter
from collections.abc import Collection, Iterable
from typing import Final

import attrs

from orly_policy_hookspecs.nip01 import Address, kinds

from .lists import FollowList

MOST_LISTS: Final = 5_000
"""That are counted for one root. With 500 keys each they take some 100 MB."""


@attrs.frozen
class _Counted:
    """A follow list that counts. Its keys are shared with other lists."""

    position: tuple[int, str]
    """Lower for the newer one."""
    keys: tuple[str, ...]


class TwoHops:
    """Whom a root follows, and how many of these follow each key.

    The newest follow list that was taken of each counts; one that was not counts for nothing. To
    take one costs what it has more or less than the one before it, however many there are. Not
    for several threads at a time.
    """

    def __init__(self, root: FollowList) -> None:
        self._root = root
        self._lists: dict[str, _Counted] = {}
        self._followers: Counter[str] = Counter()
        self._own: dict[str, str] = {}
        self._with: dict[int, set[str]] = {}
        self._made: dict[int, frozenset[str]] = {}
        self.authors = _first(root)
        """Those whose lists count: whom the root follows, :data:`MOST_LISTS` of them at most."""
        self.addresses = _of_kind_3(self.authors)
        """The events that hold these lists."""

    @property
    def left_out(self) -> int:
        """The number of those whom the root follows whose lists do not count."""
        return len(self._root.followed) - len(self.authors)

    def follow(self, root: FollowList) -> None:
        """Take a newer follow list of the root. What was counted of those who are not in it any
        more is forgotten.
        """
        if not root.replaces(self._root):
            return
        self._root, self.authors = root, _first(root)
        self.addresses = _of_kind_3(self.authors)
        self._made.clear()
        for author in self._lists.keys() - self.authors:
            self._uncount(self._lists.pop(author).keys)

    def take(self, newer: FollowList) -> bool:
        """Count a list, if its author is one who counts and it is newer than what is counted.

        :return: whether somebody has enough followers now, or no longer.
        """
        known = self._lists.get(newer.author)
        position = (-newer.created_at, newer.event_id)
        if newer.author not in self.authors or (known and known.position <= position):
            return False
        before = frozenset(known.keys) if known else frozenset[str]()
        is_other = self._uncount(before - newer.followed) | self._count(newer.followed - before)
        keys = tuple(self._own[key] for key in newer.followed)
        self._lists[newer.author] = _Counted(position, keys)
        return is_other

    def keys(self, followers: int) -> frozenset[str]:
        """Whom the root follows, and who has so many followers among these; the same object until
        something changes.
        """
        if followers not in self._made:
            if followers not in self._with:
                counts = self._followers.items()
                self._with[followers] = {key for key, count in counts if count >= followers}
            self._made[followers] = self._root.followed.union(self._with[followers])
        return self._made[followers]

    def forget_all_but(self, followers: Iterable[int]) -> None:
        """Keep no sets for other numbers of followers than these."""
        for number in self._with.keys() - set(followers):
            del self._with[number]
            self._made.pop(number, None)

    def _count(self, keys: Collection[str]) -> bool:
        """Count a follower more of each; return whether one has enough now."""
        is_other = False
        for key in keys:
            self._followers[self._own.setdefault(key, key)] += 1
            number = self._followers[key]
            if number in self._with:
                self._with[number].add(key)
                self._made.pop(number, None)
                is_other = True
        return is_other

    def _uncount(self, keys: Collection[str]) -> bool:
        """Count a follower less of each; return whether one has too few now."""
        is_other = False
        for key in keys:
            number = self._followers[key]
            if number in self._with:
                self._with[number].discard(key)
                self._made.pop(number, None)
                is_other = True
            if number > 1:
                self._followers[key] = number - 1
            else:
                del self._followers[key], self._own[key]
        return is_other


def _of_kind_3(authors: Iterable[str]) -> frozenset[Address]:
    return frozenset(Address(kinds.FOLLOW_LIST, author, "") for author in authors)


def _first(root: FollowList) -> frozenset[str]:
    return frozenset(sorted(root.followed)[:MOST_LISTS])
