"""What is told where no script has been asked. Pure."""

from typing import Final

from ..decisions.replies import Action, Reply

NOT_WRITABLE: Final = Reply(Action.REJECT, "error: the policy could not be evaluated")
"""Where an event cannot be written as JSON: no failure of the script, but no event."""
NO_ROOM: Final = Reply.overloaded("too many events are waiting for the policy script")
NOT_IN_TIME: Final = Reply.overloaded("the policy script did not get to this event in time")
STOPPED: Final = Reply.overloaded("the policy's scripts are stopped")
NO_RESOURCES: Final = Reply.overloaded("the policy script cannot be started now")
ENDED_IT: Final = Reply.failed("the script ended or hung when it was asked this a while ago")
