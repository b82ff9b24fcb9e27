"""The people a field of a rule is about, and the step of section 2 of the spec it belongs to."""

from enum import Enum, IntEnum
from typing import Final

import attrs


class Step(IntEnum):
    """The steps of a rule, in their order."""

    DENY = 2
    """Whoever it is about is denied."""
    GRANT = 3
    """Whoever it is about is granted, whatever the allow lists say."""
    ALLOW = 4
    """Whoever it is about is granted; where a rule has such fields, all others are denied."""


class Whom(Enum):
    """The people a field is about, in words."""

    LISTED = ("by {key}", "{keys}")
    PARTIES = ("by the author and those whom p tags name", "the author and whom p tags name")
    FOLLOWED_BY_ADMINS = (
        "by those whom a policy admin follows",
        "whom a policy admin follows",
    )
    FOLLOWED = ("by those whom {key} follows", "whom one of {keys} follows")
    LISTED_AND_FOLLOWED = (
        "by {key} and those whom {key} follows",
        "{keys} and whom they follow",
    )
    TAGGED = ("with a p tag that names {key}", "events that name one of {keys} in a p tag")

    def __init__(self, of_one: str, of_all: str) -> None:
        self.of_one = of_one
        """The words for one ``{key}``, behind ``writes`` or ``reads``."""
        self._of_all = of_all

    def of_all(self, keys: str) -> str:
        """The words for all of them, in summaries and explanations.

        :param keys: those that the field names, in words: ``2 keys``.
        """
        return self._of_all.format(keys=keys)

    @property
    def is_by_follow_lists(self) -> bool:
        """Whether follow lists say whom."""
        return self in _BY_FOLLOW_LISTS

    @property
    def names_keys(self) -> bool:
        """Whether the field lists public keys: else it is a switch."""
        return "{key}" in self.of_one


_BY_FOLLOW_LISTS: Final = (Whom.FOLLOWED_BY_ADMINS, Whom.FOLLOWED, Whom.LISTED_AND_FOLLOWED)


@attrs.frozen
class Who:
    """A field that says who may, or who may not."""

    step: Step
    whom: Whom
