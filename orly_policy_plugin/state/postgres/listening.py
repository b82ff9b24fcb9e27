"""The connection that listens: one a process, on a thread of its own, for whoever wants to hear.

A notification says that there is something. Once a second everybody looks, whether one came or
not; so one that gets lost costs a second.
"""

import random
import threading
from typing import Final, Protocol

from orly_policy_hookspecs.logs import get_log

from ...errors import PolicyError
from ..address import Address
from .link import Link, Patience

THREAD_NAME: Final = "orly-policy-store"
LOOK_SECONDS: Final = 1.0
_FIRST_PAUSE_SECONDS: Final = 0.1
_LONGEST_PAUSE_SECONDS: Final = 3.0
"""Between attempts to connect."""

log = get_log(__name__)


class Listener(Protocol):
    """Whoever wants to hear. All is called on the listening thread, and must not take long: the
    others wait.
    """

    @property
    def channel(self) -> str:
        """The channel to listen on, at most 63 bytes."""

    def look(self, link: Link) -> None:
        """Look at the database: when it is connected, every second, and after notifications. The
        connection is in no transaction.

        :raises PolicyError: it does not answer; it is connected again.
        """

    def heard(self, payload: str) -> None:
        """A notification came on the channel."""

    def lost(self, error: PolicyError) -> None:
        """The database cannot be looked at; called again at each attempt."""


class Listening:
    """The thread, which runs as long as somebody wants to hear."""

    def __init__(self, address: Address, patience: Patience) -> None:
        self._address = address
        self._patience = patience
        self._lock = threading.Lock()
        self._listeners: tuple[Listener, ...] = ()
        self._running: _Running | None = None

    def add(self, listener: Listener) -> None:
        """Let one hear from now on."""
        with self._lock:
            self._listeners = (*self._listeners, listener)
            running, self._running = self._running, None
            if running is not None:  # it has to ask for the channel, too
                running.stop()
            self._run()

    def remove(self, listener: Listener) -> None:
        """Let one hear no more; it is not called after return. May be called again."""
        with self._lock:
            if listener not in self._listeners:
                return
            self._listeners = tuple(each for each in self._listeners if each is not listener)
            running, self._running = self._running, None
            if running is not None:
                running.stop()
            if self._listeners:
                self._run()

    def _run(self) -> None:
        self._running = _Running(self._address, self._patience, self._listeners)
        self._running.thread.start()


class _Running:
    """One thread and its connection, for listeners that do not change."""

    def __init__(
        self, address: Address, patience: Patience, listeners: tuple[Listener, ...]
    ) -> None:
        self._stopping = threading.Event()
        self._link = Link(address, patience, is_stopping=self._stopping.is_set)
        self._listeners = listeners
        self._pause_seconds = _FIRST_PAUSE_SECONDS
        self.thread = threading.Thread(target=self._run, name=THREAD_NAME, daemon=True)

    def stop(self) -> None:
        self._stopping.set()
        if self.thread is not threading.current_thread():
            self.thread.join()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._follow()
            except PolicyError as error:
                self._tell_lost(error)
            except Exception:
                log.exception("the store cannot be listened to")
            self._link.close()
            self._pause()

    def _follow(self) -> None:
        """Listen as long as the database answers."""
        for listener in self._listeners:
            self._link.listen(listener.channel)
        while not self._stopping.is_set():
            for listener in self._listeners:
                listener.look(self._link)
            self._pause_seconds = _FIRST_PAUSE_SECONDS
            for channel, payload in self._link.notifications(LOOK_SECONDS):
                for listener in self._listeners:
                    if listener.channel == channel:
                        listener.heard(payload)

    def _tell_lost(self, error: PolicyError) -> None:
        if not self._stopping.is_set():
            for listener in self._listeners:
                listener.lost(error)

    def _pause(self) -> None:
        """The nodes of a fleet come back one after the other."""
        self._stopping.wait(self._pause_seconds * random.uniform(0.5, 1))  # noqa: S311 -- no secret
        self._pause_seconds = min(2 * self._pause_seconds, _LONGEST_PAUSE_SECONDS)
