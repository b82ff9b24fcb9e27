"""Replies of scripts to one event (section 5 of the spec)."""

import enum
from typing import Final

import attrs


class Action(enum.Enum):
    """The thing to be done with the event. The values are those of a script's answer."""

    ACCEPT = "accept"
    REJECT = "reject"
    SHADOW_REJECT = "shadowReject"
    FAILED = "failed"
    """No answer came that could be used: a script cannot say this itself."""
    OVERLOADED = "overloaded"
    """It was not asked, for want of room or time on our side."""


@attrs.frozen
class Reply:
    """A script's answer, or why there is none."""

    action: Action
    message: str = ""
    """For the client where the script rejects or was not asked; for the operator where there is no
    answer."""

    @classmethod
    def failed(cls, why: str) -> "Reply":
        """There is no answer: the script's fault."""
        return cls(Action.FAILED, why)

    @classmethod
    def overloaded(cls, why: str) -> "Reply":
        """The script was not asked: our fault, which denies whatever the policy says.

        :param why: for the client, behind ``error:``.
        """
        return cls(Action.OVERLOADED, why)


ACCEPTED: Final = Reply(Action.ACCEPT)
