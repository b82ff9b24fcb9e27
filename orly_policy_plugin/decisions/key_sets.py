"""Sets of a policy's long lists, made once.

One of a million keys takes a tenth of a second, in which nothing else can run, and most changes
leave the owner's lists as they are.
"""

from typing import Final

_LONG: Final = 1_000


class KeySets:
    """The sets of one compiled policy, those of the one before it used again."""

    def __init__(self, before: "KeySets | None" = None) -> None:
        self._before = before._made if before else {}
        self._made: dict[int, tuple[tuple[str, ...], frozenset[str]]] = {}

    def of(self, keys: tuple[str, ...]) -> frozenset[str]:
        """The set of these keys. A list is known again by being the same object."""
        if len(keys) < _LONG:
            return frozenset(keys)
        name = id(keys)
        for known in (self._made, self._before):
            if name in known and known[name][0] is keys:
                self._made[name] = known[name]
                return known[name][1]
        made = frozenset(keys)
        self._made[name] = keys, made
        return made

    def forget_before(self) -> None:
        """Let go of what was not used again."""
        self._before = {}
