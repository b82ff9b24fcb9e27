"""The replies of the engine's own, where no script was asked. Pure."""

from typing import Final

from ..decisions.replies import Action, Reply

NOT_WRITABLE: Final = Reply(Action.REJECT, "error: the policy could not be evaluated")
"""The event cannot be written as JSON. That is no failure of the script."""
NO_ROOM: Final = Reply.overloaded("too many events are waiting for the policy script")
NOT_IN_TIME: Final = Reply.overloaded("the policy script did not get to this event in time")
STOPPED: Final = Reply.overloaded("the policy's scripts are stopped")
NO_RESOURCES: Final = Reply.overloaded("the policy script cannot be started now")
ENDED_IT: Final = Reply.failed("the script ended or hung when it was asked this a while ago")
