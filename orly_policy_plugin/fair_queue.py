"""A queue that is shared fairly, so that one who floods waits behind himself. Pure.

Both halves are trees: what waits lies in the leaves, under the names of who asks, outermost first
(:data:`Asker`). :class:`Turns` says who is next: at each level the names take turns, one
item a turn, so that nobody gets more of an address's share by making more connections, nor more of
a connection's by making more keys. :class:`Shares` says who gives up an item when there is no
room: whoever holds the most, so that a full queue keeps nobody out who holds little. They are two
because what waits its turn is not all that takes up room.
"""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

T = TypeVar("T", bound=Hashable)

Asker = tuple[Hashable, ...]
"""Names of one who asks: the outermost first."""


class Turns(Generic[T]):
    """Items by who asks, taken in turns at each level, each asker's own in their order."""

    __slots__ = ("_below", "_items")

    def __init__(self) -> None:
        self._below: OrderedDict[Hashable, Turns[T]] = OrderedDict()
        self._items: OrderedDict[T, None] = OrderedDict()

    def __bool__(self) -> bool:
        """Whether anything waits."""
        return bool(self._below or self._items)

    def add(self, asker: Asker, item: T) -> None:
        """Put it behind the same asker's others. Whoever is new comes last in the round."""
        if not asker:
            self._items[item] = None
            return
        below = self._below.get(asker[0])
        if below is None:
            below = self._below[asker[0]] = Turns()
        below.add(asker[1:], item)

    def remove(self, asker: Asker, item: T) -> None:
        """Take it out, which is no turn.

        :raises KeyError: it is not there.
        """
        if not asker:
            del self._items[item]
            return
        below = self._below[asker[0]]
        below.remove(asker[1:], item)
        if not below:
            del self._below[asker[0]]

    def take(self) -> T:
        """The next item. Whoever's it is has had the turn.

        :raises KeyError: nothing waits.
        """
        if not self._below:
            return self._items.popitem(last=False)[0]
        name, below = next(iter(self._below.items()))
        item = below.take()
        if below:
            self._below.move_to_end(name)
        else:
            del self._below[name]
        return item


class Shares(Generic[T]):
    """Items by who asks, and who has the most of them."""

    __slots__ = ("_below", "_by_size", "_items", "_size")

    def __init__(self) -> None:
        self._below: dict[Hashable, Shares[T]] = {}
        self._by_size: dict[int, dict[Hashable, None]] = {}
        self._items: OrderedDict[T, None] = OrderedDict()
        self._size = 0

    def __len__(self) -> int:
        """The number of items."""
        return self._size

    def add(self, asker: Asker, item: T) -> None:
        """Add the newest item."""
        self._size += 1
        if not asker:
            self._items[item] = None
            return
        below = self._below.get(asker[0])
        if below is None:
            below = self._below[asker[0]] = Shares()
        below.add(asker[1:], item)
        self._resized(asker[0], len(below) - 1, len(below))

    def remove(self, asker: Asker, item: T) -> None:
        """Take it out.

        :raises KeyError: it is not there.
        """
        if not asker:
            del self._items[item]
        else:
            below = self._below[asker[0]]
            below.remove(asker[1:], item)
            self._resized(asker[0], len(below) + 1, len(below))
            if not below:
                del self._below[asker[0]]
        self._size -= 1

    def newest_of_largest(self) -> T:
        """The newest item of whoever has the most at each level; of equals, who got so far last.

        :raises ValueError: there is none.
        """
        if self._items:
            return next(reversed(self._items))
        largest = self._by_size[max(self._by_size)]  # some 140 sizes at most of 10,000 items
        return self._below[next(reversed(largest))].newest_of_largest()

    def _resized(self, name: Hashable, before: int, after: int) -> None:
        if before:
            same = self._by_size[before]
            del same[name]
            if not same:
                del self._by_size[before]
        if after:
            self._by_size.setdefault(after, {})[name] = None
