"""Many filters at once: which of them does an event match? Pure.

Each filter is found by the values of one of its members, the one that lets the fewest events
through, and by its kinds besides, where they are few: an event is held only against filters that
name something of it.
"""

from collections import Counter
from collections.abc import Collection, Hashable, Iterable, Iterator
from itertools import product
from typing import Final, Generic, NamedTuple, TypeVar

from .events import Event
from .filters import Filter
from .tags import TagValues, tag_values

K = TypeVar("K", bound=Hashable)

_MOST_KINDS: Final = 4
"""By which a filter is found besides its values: each value is entered for each of them."""

_ID: Final = "id"
_AUTHOR: Final = "author"
_ANY: Final = "any"


class _Slot(NamedTuple):
    """Where a filter is entered, and looked for."""

    member: str
    """``id``, ``author``, the letter of a tag, or ``any``."""
    value: str
    kind: int | None
    """``None`` for filters that are not found by their kind."""


class FilterIndex(Generic[K]):
    """Filters, each belonging to somebody, by what they ask for."""

    def __init__(self) -> None:
        self._slots: dict[_Slot, dict[tuple[K, int], Filter]] = {}
        self._filters: dict[K, tuple[Filter, ...]] = {}
        self._letters: Counter[str] = Counter()
        self._kinds: Counter[int | None] = Counter()

    def __len__(self) -> int:
        """To how many the filters belong."""
        return len(self._filters)

    def add(self, key: K, filters: Iterable[Filter]) -> None:
        """Enter the filters of somebody, in the place of those that were."""
        self.remove(key)
        self._filters[key] = tuple(each for each in filters if each.can_match)
        for number, each in enumerate(self._filters[key]):
            self._kinds.update(_kinds(each))
            for slot in _slots(each):
                self._slots.setdefault(slot, {})[key, number] = each
                self._letters[slot.member] += 1

    def remove(self, key: K) -> None:
        """Forget the filters of somebody, if there are any."""
        for number, each in enumerate(self._filters.pop(key, ())):
            self._kinds.subtract(_kinds(each))
            for slot in _slots(each):
                entered = self._slots[slot]
                del entered[key, number]
                if not entered:
                    del self._slots[slot]
                self._letters[slot.member] -= 1

    def asks_for_kind(self, kind: int) -> bool:
        """Whether a filter lets an event of a kind through, as far as the kind tells."""
        return self._kinds[kind] > 0 or self._kinds[None] > 0

    def matching(self, event: Event) -> list[K]:
        """To whom the filters belong that an event matches, each once."""
        tags = tag_values(event)
        found: dict[K, None] = {}
        for slot in self._slots_of(event, tags):
            for (key, _), each in self._slots.get(slot, {}).items():
                if key not in found and each.matches(event, tags):
                    found[key] = None
        return list(found)

    def _slots_of(self, event: Event, tags: TagValues) -> Iterator[_Slot]:
        for kind in (event.kind, None):
            yield _Slot(_ANY, "", kind)
            yield _Slot(_ID, event.id, kind)
            yield _Slot(_AUTHOR, event.pubkey, kind)
            for letter in tags.keys() & self._asked_letters():
                yield from (_Slot(letter, value, kind) for value in tags[letter])

    def _asked_letters(self) -> set[str]:
        return {letter for letter, count in self._letters.items() if count}


def _kinds(each: Filter) -> Collection[int | None]:
    return (None,) if each.kinds is None else each.kinds


def _slots(each: Filter) -> list[_Slot]:
    member, values = _narrowest(each)
    kinds: Iterable[int | None] = (None,)
    if each.kinds is not None and (member == _ANY or len(each.kinds) <= _MOST_KINDS):
        kinds = each.kinds
    return [_Slot(member, value, kind) for value, kind in product(values, kinds)]


def _narrowest(each: Filter) -> tuple[str, frozenset[str]]:
    """The member that lets the fewest events through."""
    if each.ids is not None:
        return _ID, each.ids
    members = list(each.tags.items())
    if each.authors is not None:
        members.append((_AUTHOR, each.authors))
    return min(members, key=lambda member: len(member[1]), default=(_ANY, frozenset({""})))
