"""Whether the policy in force would start again: told while there is somebody to mend it."""

import threading
from typing import Final

from orly_policy_hookspecs.logs import get_log

from ..starting import start_problems
from .follow_lists import FollowLists
from .in_force import InForce

log = get_log(__name__)

THREAD_NAME: Final = "orly-policy-next-start"
GRACE_SECONDS: Final = 2.0
"""After a change: within a second the host feeds the follow lists that it has stored."""


class NextStart:
    """Looks a while after each change of the policy in force, and says what it finds, once."""

    def __init__(self, force: InForce, follow_lists: FollowLists) -> None:
        self._force = force
        self._follow_lists = follow_lists
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None
        self._is_running = False
        force.listeners.add(lambda *_: self._look_soon())

    def start(self) -> None:
        """Look after each change from now on."""
        with self._lock:
            self._is_running = True

    def stop(self) -> None:
        """Look no more; no thread is left on return."""
        with self._lock:
            self._is_running = False
        self._end_timer()

    def look(self) -> None:
        """Say what would stop the next start, where that is news. Reads the disk."""
        state = self._force.state
        lists_stop = self._force.settings.missing_follow_lists == "stop"
        missing = self._follow_lists.missing_lists if lists_stop else frozenset()
        problems = start_problems(state, self._force.scripts_from, missing)
        before = self._force.note_next_start(problems)
        for problem in problems:
            if problem not in before:
                log.warning("the next start would be refused: %s", problem)
        if before and not problems:
            log.info("the next start would not be refused any more")

    def _look_soon(self) -> None:
        self._end_timer()
        with self._lock:
            if not self._is_running:
                return
            self._timer = threading.Timer(GRACE_SECONDS, self._look)
            self._timer.name = THREAD_NAME
            self._timer.daemon = True
            self._timer.start()

    def _end_timer(self) -> None:
        with self._lock:
            timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()
            timer.join()

    def _look(self) -> None:
        try:
            self.look()
        except Exception:
            log.exception("whether the policy would start again cannot be told")
