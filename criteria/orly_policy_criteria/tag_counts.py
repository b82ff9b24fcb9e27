"""``x_max_mentions`` and ``x_max_hashtags``: the most values that an event may have in its ``p``
and ``t`` tags. A note that mentions hundreds notifies hundreds, which is called a hellthread.
"""

from collections.abc import Callable, Collection
from typing import Final

import attrs

from orly_policy_hookspecs import Context, Criterion, FrozenEvent, hookimpl

from .values import number_shape, whole_number

_MOST: Final = 100_000


@attrs.frozen(eq=False)
class MostTags:
    """A plugin that limits how many values the tags of a name may have. Each counts once."""

    tag: str
    """``p``."""
    criterion: str
    """``x_max_mentions``."""
    counted: str
    """``mentions``."""
    folded: Callable[[str], str]
    """What is alike in two values that are the same."""

    @hookimpl
    def criteria(self) -> Collection[Criterion]:
        """Add the field to rules."""
        return [
            Criterion(
                name=self.criterion,
                unit=self.counted,
                says=f"at most {{}} {self.counted}",
                read=whole_number(self.counted, 0, _MOST),
                shape=number_shape(0, _MOST),
                refuses=self.too_many,
            )
        ]

    def too_many(self, event: FrozenEvent, _: Context, most: int) -> str | None:
        """Say how many there are."""
        if len(event.tags) <= most:
            return None
        tagged = {self.folded(tag[1]) for tag in event.tags if tag[0] == self.tag and len(tag) > 1}
        if len(tagged) <= most:
            return None
        return f"blocked: too many {self.counted}: {len(tagged)}, the limit is {most}"


mentions: Final = MostTags("p", "x_max_mentions", "mentions", str.lower)
hashtags: Final = MostTags("t", "x_max_hashtags", "hashtags", str.casefold)
