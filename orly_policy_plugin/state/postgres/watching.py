"""Following what others change in the store."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

import attrs

from orly_policy_hookspecs.logs import get_log

from ...errors import PolicyError, Unreachable, Unreadable
from ..store import Watcher
from .line import Seen
from .link import Link
from .listening import Listening
from .writing import channel_of

THREAD_NAME: Final = "orly-policy-store-changes"

log = get_log(__name__)


@attrs.frozen
class _Seen:
    """A revision that was seen, and its token."""

    revision: int | None
    token: str | None


class PostgresWatch:
    """A thread that takes up what the listening one has seen: that takes long, and others listen
    on that one, too.
    """

    def __init__(
        self,
        read_policy: Callable[[], bytes],
        last_read: Callable[[], Seen | None],
        listening: Listening,
        fleet: str,
        content: bytes,
        watcher: Watcher,
    ) -> None:
        """:param read_policy: the policy that the database holds.
        :param last_read: the newest revision that was read of it.
        :param content: the policy as the caller last read it.
        """
        self.channel = channel_of(fleet)
        self._read_policy = read_policy
        self._last_read = last_read
        self._listening = listening
        self._fleet = fleet
        self._told = content
        self._watcher = watcher
        self._lost: str | None = None
        self._lost_since: datetime | None = None
        self._dealt_with: _Seen | None = None
        self._news: _Seen | PolicyError | None = None
        self._changed = threading.Condition()
        self._is_stopping = False
        self._thread = threading.Thread(target=self._run, name=THREAD_NAME, daemon=True)

    def start(self) -> None:
        """See :meth:`.Watch.start`."""
        self._thread.start()
        self._listening.add(self)

    def stop(self) -> None:
        """See :meth:`.Watch.stop`."""
        self._listening.remove(self)
        with self._changed:
            self._is_stopping = True
            self._changed.notify()
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join()

    # --- on the listening thread

    def look(self, link: Link) -> None:
        """See :meth:`.Listener.look`."""
        rows = link.run(
            "SELECT f.revision, c.token FROM orly_policy.fleet f "
            "LEFT JOIN orly_policy.change c ON c.fleet = f.name AND c.revision = f.revision "
            "WHERE f.name = %s",
            [self._fleet],
        )
        seen = _Seen(*rows[0]) if rows else _Seen(None, None)
        if seen != self._dealt_with or self._lost is not None or self._has_gone_back(seen):
            self._note(seen)

    def _has_gone_back(self, seen: _Seen) -> bool:
        """Whether the database lacks what this process has read or written, which it may have done
        since the last look.
        """
        read = self._last_read()
        return read is not None and read.revision > (seen.revision or 0)

    def heard(self, payload: str) -> None:
        """See :meth:`.Listener.heard`. A look follows."""

    def lost(self, error: PolicyError) -> None:
        """See :meth:`.Listener.lost`."""
        self._note(error)

    def _note(self, news: _Seen | PolicyError) -> None:
        with self._changed:
            self._news = news  # what was not taken up yet is no news any more
            self._changed.notify()

    # --- on the watch's own

    def _run(self) -> None:
        while (news := self._next()) is not None:
            try:
                self._take_up(news)
            except PolicyError as error:  # the next look has it taken up again
                self._tell_lost(error)
            except Exception:
                log.exception("a change of the store could not be taken up")

    def _next(self) -> _Seen | PolicyError | None:
        with self._changed:
            while self._news is None and not self._is_stopping:
                self._changed.wait()
            news, self._news = self._news, None
            return None if self._is_stopping else news

    def _take_up(self, news: _Seen | PolicyError) -> None:
        if isinstance(news, PolicyError):
            self._tell_lost(news)
            return
        content = self._read()
        if content != self._told or self._lost is not None:
            if not self._watcher.policy_changed(content):
                return
            self._told, self._lost, self._lost_since = content, None, None
        self._watcher.others_changed()
        self._dealt_with = news

    def _read(self) -> bytes:
        """The policy. Where it cannot be used, what is kept beside it counts all the same: else a
        withdrawal would have to wait for whoever mends the policy.
        """
        try:
            return self._read_policy()
        except Unreachable:
            raise
        except PolicyError:
            self._watcher.others_changed()
            raise

    def _tell_lost(self, error: PolicyError) -> None:
        """Tell why the store cannot be read: each reason once, and since when that is so."""
        if self._lost != str(error):
            self._lost_since = self._lost_since or datetime.now(UTC)
            self._lost = str(error)
            since = self._lost_since.strftime("%Y-%m-%dT%H:%M:%SZ")
            self._watcher.policy_lost(Unreadable(f"{error} (since {since})"))
