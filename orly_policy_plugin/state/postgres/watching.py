"""Following what others change: a notification says that there is something, and once a second
the revision is read, whether one came or not. So one that gets lost costs a second.
"""

import random
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from orly_policy_hookspecs.logs import get_log

from ...errors import PolicyError, Unreachable, Unreadable
from ..address import Address
from ..store import Watcher
from .link import Link, Patience
from .writing import channel_of

THREAD_NAME: Final = "orly-policy-store"
LOOK_SECONDS: Final = 1.0
"""Between looks at the revision."""
_FIRST_PAUSE_SECONDS: Final = 0.1
_LONGEST_PAUSE_SECONDS: Final = 3.0
"""Between attempts to connect; the second is less than what an operator notices."""

log = get_log(__name__)


class PostgresWatch:
    """A thread with a connection of its own."""

    def __init__(
        self,
        read_policy: Callable[[], bytes],
        address: Address,
        patience: Patience,
        content: bytes,
        watcher: Watcher,
    ) -> None:
        self._read_policy = read_policy
        self._fleet = address.fleet
        self._watcher = watcher
        self._stopping = threading.Event()
        self._link = Link(address, patience, is_stopping=self._stopping.is_set)
        self._told: bytes | None = content
        self._lost: str | None = None
        self._lost_since: datetime | None = None
        self._seen: tuple[int, str] | None = None
        self._pause_seconds = _FIRST_PAUSE_SECONDS
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """See :meth:`.Watch.start`."""
        self._thread = threading.Thread(target=self._run, name=THREAD_NAME, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """See :meth:`.Watch.stop`."""
        self._stopping.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._follow()
            except PolicyError as error:
                self._tell_lost(error)
            except Exception:
                log.exception("a change of the store could not be followed")
            self._link.close()
            self._pause()

    def _follow(self) -> None:
        """Follow it as long as it answers."""
        self._link.listen(channel_of(self._fleet))
        while not self._stopping.is_set():
            self._look()
            self._pause_seconds = _FIRST_PAUSE_SECONDS
            self._link.wait_for_notification(LOOK_SECONDS)

    def _look(self) -> None:
        rows = self._link.run(
            "SELECT f.revision, coalesce(c.token, '') FROM orly_policy.fleet f "
            "LEFT JOIN orly_policy.change c ON c.fleet = f.name AND c.revision = f.revision "
            "WHERE f.name = %s",
            [self._fleet],
        )
        seen = rows[0] if rows else None
        if seen is not None and seen == self._seen and self._lost is None:
            return
        if self._tell():
            self._seen = seen

    def _tell(self) -> bool:
        """Tell of what has changed.

        :return: whether it is dealt with: else it is told again.
        """
        try:
            content = self._read_policy()
        except Unreachable:
            raise
        except PolicyError as error:
            self._tell_lost(error)
            return isinstance(error, Unreadable)
        if content != self._told or self._lost is not None:
            if not self._watcher.policy_changed(content):
                return False
            self._told, self._lost, self._lost_since = content, None, None
        self._watcher.others_changed()
        return True

    def _tell_lost(self, error: PolicyError) -> None:
        """Tell why the store cannot be read: each reason once, and since when that is so."""
        if self._stopping.is_set() or self._lost == str(error):
            return
        self._lost_since = self._lost_since or datetime.now(UTC)
        self._lost = str(error)
        since = self._lost_since.strftime("%Y-%m-%dT%H:%M:%SZ")
        self._watcher.policy_lost(Unreadable(f"{error} (since {since})"))

    def _pause(self) -> None:
        """The nodes of a fleet come back one after the other."""
        self._stopping.wait(self._pause_seconds * random.uniform(0.5, 1))  # noqa: S311 -- no secret
        self._pause_seconds = min(2 * self._pause_seconds, _LONGEST_PAUSE_SECONDS)
