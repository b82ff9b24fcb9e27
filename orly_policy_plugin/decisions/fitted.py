"""What the relay's other plugins make of a policy (section 12 of the spec). Pure but for them."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Final, Self

import attrs

from orly_policy_hookspecs.criteria import Registered, Used


def _tell_nobody(_: Sequence[Used]) -> None:
    """No criterion is there that could be told of decisions."""


@attrs.frozen(eq=False)
class Fitted:
    """A policy's settings of plugins, checked by the plugins."""

    _changes: tuple[Callable[[], None], ...] = ()
    criteria: Mapping[str, Registered] = MappingProxyType({})
    """The criteria that rules may use, by their names."""
    use: Callable[[Sequence[Used]], None] = _tell_nobody
    """Has these told of decisions, and no others. Does not raise."""

    def put_in_force(self) -> None:
        """Have the plugins use their settings. Does not raise."""
        for change in self._changes:
            change()

    def with_criteria(self, criteria: Mapping[str, Registered]) -> Self:
        """The same with these criteria, and settings that are in force already."""
        return attrs.evolve(self, changes=(), criteria=criteria)


NOT_FITTED: Final = Fitted()
"""Before it is known which plugins there are."""
