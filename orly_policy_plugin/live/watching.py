"""Putting in force what somebody else has changed in the store."""

from ..errors import PolicyError
from ..policy import InvalidPolicy, Problem
from ..state.store import Watch, Watcher
from .in_force import InForce


class Watching:
    """Follows the store."""

    def __init__(self, force: InForce) -> None:
        self._force = force
        self._watch: Watch | None = None

    def start(self) -> None:
        """Follow it from now on. Starts threads. May be called again."""
        if self._watch is not None:
            return
        watcher = Watcher(
            policy_changed=self._policy_changed,
            policy_lost=self._refused,
            others_changed=self._others_changed,
        )
        self._watch = self._force.store.watch(self._force.state.content, watcher)
        self._watch.start()

    def stop(self) -> None:
        """Stop following it. Decisions go on."""
        watch, self._watch = self._watch, None
        if watch is not None:
            watch.stop()

    def _policy_changed(self, content: bytes) -> bool:
        """The policy has another content.

        :return: whether that is dealt with: else it is to be read again.
        """
        try:
            return self._force.load_policy(content)
        except InvalidPolicy as error:
            self._refused(error)
            return True
        except PolicyError as error:  # not the policy's fault: it may be over in a while
            self._refused(error)
            return False

    def _others_changed(self) -> None:
        """What is beside the policy has changed, or the store answers again."""
        self._force.load_others()
        self._force.keep_again()

    def _refused(self, error: PolicyError) -> None:
        problems = (
            error.problems if isinstance(error, InvalidPolicy) else (Problem("", str(error)),)
        )
        self._force.refused(problems)
