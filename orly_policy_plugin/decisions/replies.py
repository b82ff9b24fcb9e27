"""What a script says of one event (section 5 of SPEC.md)."""

import enum
from typing import Final

import attrs


class Action(enum.Enum):
    """What is to be done with the event. The values are those of a script's answer."""

    ACCEPT = "accept"
    REJECT = "reject"
    SHADOW_REJECT = "shadowReject"
    FAILED = "failed"
    """No answer came that could be used: a script cannot say this itself."""


@attrs.frozen
class Reply:
    """A script's answer, or why there is none."""

    action: Action
    message: str = ""
    """For the client where the script rejects; for the operator where there is no answer."""

    @classmethod
    def failed(cls, why: str) -> "Reply":
        """There is no answer."""
        return cls(Action.FAILED, why)


ACCEPTED: Final = Reply(Action.ACCEPT)
