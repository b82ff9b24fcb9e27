"""Looking whether a relay would start again with the policy in force, while it can be mended."""

import threading
import time
from typing import Final

from orly_policy_hookspecs.logs import get_log

from ..starting import start_problems
from .follow_lists import FollowLists
from .in_force import InForce

log = get_log(__name__)

THREAD_NAME: Final = "orly-policy-next-start"
GRACE_SECONDS: Final = 2.0
"""After a change: within a second the host feeds the follow lists that it has stored."""
AGAIN_SECONDS: Final = 30.0
"""Until the next look where something was found: it may be mended without a change."""


class NextStart:
    """Looks a while after each change of the policy in force, and says what it finds, once."""

    def __init__(self, force: InForce, follow_lists: FollowLists) -> None:
        self._force = force
        self._follow_lists = follow_lists
        self._changed = threading.Condition()
        self._looks_at: float | None = None
        self._thread: threading.Thread | None = None
        self._is_running = False
        force.listeners.add(lambda *_: self.look_soon())

    def start(self) -> None:
        """Look after each change from now on."""
        with self._changed:
            self._is_running = True

    def stop(self) -> None:
        """Stop looking; no thread is left on return."""
        with self._changed:
            self._is_running = False
            thread = self._thread
            self._changed.notify()
        if thread is not None:
            thread.join()

    def look_soon(self) -> None:
        """Look a while from now."""
        self._look_in(GRACE_SECONDS)

    def look(self) -> None:
        """Say what would stop the next start, where that is news. Reads the disk."""
        state = self._force.state
        lists_stop = self._force.settings.missing_follow_lists == "stop"
        missing = self._follow_lists.missing_lists if lists_stop else None
        problems = (
            *self._force.lists.problems(state.policy),
            *start_problems(state, self._force.scripts_from, missing, self._force.snapshot.lists),
        )
        before = self._force.note_next_start(problems)
        for problem in problems:
            if problem not in before:
                log.warning("the next start would be refused: %s", problem)
        if before and not problems:
            # As loud as the warning that it ends.
            log.warning("the next start would not be refused now")

    def _look_in(self, seconds: float) -> None:
        """Look soon. A look that is due already is not put off."""
        with self._changed:
            if not self._is_running:
                return
            if self._looks_at is None or self._looks_at > time.monotonic() + seconds:
                self._looks_at = time.monotonic() + seconds
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name=THREAD_NAME, daemon=True)
                self._thread.start()
            self._changed.notify()

    def _run(self) -> None:
        while self._is_due():
            try:
                self.look()
            except Exception:
                log.exception("whether the policy would start again cannot be told")
            if self._force.status.next_start:
                self._look_in(AGAIN_SECONDS)

    def _is_due(self) -> bool:
        """Wait until the next look is due; ``False`` where none is to come."""
        with self._changed:
            while self._is_running and self._looks_at is not None:
                wait = self._looks_at - time.monotonic()
                if wait <= 0:
                    self._looks_at = None
                    return True
                self._changed.wait(wait)
            self._looks_at = None
            self._thread = None
            return False
