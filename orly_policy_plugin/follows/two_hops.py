"""Two hops of follows: whom somebody follows, and whom enough of these follow. Pure."""

from collections import Counter
from collections.abc import Collection, Iterable
from typing import Final, Self

import attrs

from orly_policy_hookspecs.nip01 import Address, kinds

from .lists import FollowList

MOST_LISTS: Final = 5_000
"""That are counted for one root. With 500 keys each they take some 100 MB."""

MOST_LEFT: Final = 500
"""Lists that are kept of those whom the root follows no more."""


@attrs.frozen
class _Counted:
    """A follow list that counts, or did. Its keys are shared with other lists."""

    position: tuple[int, str]
    """Lower for the newer one."""
    keys: tuple[str, ...]

    @classmethod
    def of(cls, made: FollowList, keys: Iterable[str]) -> Self:
        """The list with these keys, which are its own."""
        return cls((-made.created_at, made.event_id), tuple(keys))


class TwoHops:
    """Whom a root follows, and how many of these follow each key.

    The newest follow list that was taken of each counts; one that was not counts for nothing. To
    take one costs what it has more or less than the one before it, however many there are. Not
    for several threads at a time.
    """

    def __init__(self, root: FollowList) -> None:
        self._root = root
        self._lists: dict[str, _Counted] = {}
        self._left: dict[str, _Counted] = {}
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
        """Take a newer follow list of the root.

        The lists of those who are not in it any more count no longer, but are kept for a while:
        where one leaves and comes back before the host has asked what is needed, it sees no
        change, and will not hand over that list again.
        """
        if not root.replaces(self._root):
            return
        self._root, self.authors = root, _first(root)
        self.addresses = _of_kind_3(self.authors)
        self._made.clear()
        for author in self._lists.keys() - self.authors:
            self._left[author] = self._lists.pop(author)
            self._uncount(self._left[author].keys)
        for author in self._left.keys() & self.authors:
            self._lists[author] = self._left.pop(author)
            self._count(self._lists[author].keys)
        while len(self._left) > MOST_LEFT:
            del self._left[next(iter(self._left))]

    def looks_at(self, author: str) -> bool:
        """Whether an author's list counts, or may soon count again."""
        return author in self.authors or author in self._left

    def take(self, newer: FollowList) -> bool:
        """Count a list, if its author is one who counts and it is newer than what is counted.

        :return: whether somebody has enough followers now, or no longer.
        """
        author = newer.author
        known = self._lists.get(author) or self._left.get(author)
        made = _Counted.of(newer, newer.followed)
        if not self.looks_at(author) or (known and known.position <= made.position):
            return False
        if author in self._left:
            self._left[author] = made
            return False
        before = frozenset(known.keys) if known else frozenset[str]()
        is_other = self._uncount(before - newer.followed) | self._count(newer.followed - before)
        self._lists[author] = _Counted.of(newer, (self._own[key] for key in newer.followed))
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
