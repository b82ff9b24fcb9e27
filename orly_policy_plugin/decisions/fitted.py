"""What the relay's other plugins make of a policy (section 12 of the spec). Pure but for them."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

import attrs

from orly_policy_hookspecs.criteria import Registered


@attrs.frozen(eq=False)
class Fitted:
    """A policy's settings of plugins, checked by the plugins."""

    _changes: tuple[Callable[[], None], ...] = ()
    criteria: Mapping[str, Registered] = MappingProxyType({})
    """The criteria that rules may use, by their names."""

    def put_in_force(self) -> None:
        """Have the plugins use their settings. Does not raise."""
        for change in self._changes:
            change()


NOT_FITTED: Final = Fitted()
"""Before it is known which plugins there are."""
