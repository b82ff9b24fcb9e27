"""The thread on which signed events change the policy.

A change reads files, compiles and waits for the disk. It has a thread of its own, so that it
takes none of those that the relay's storage or validators need, and so that changes come one after
the other: owners' first.
"""

import asyncio
import heapq
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future
from typing import Final

import attrs

from orly_policy_hookspecs import Decision
from orly_policy_hookspecs.logs import get_log

log = get_log(__name__)

THREAD_NAME: Final = "orly-policy-changes"
MOST_WAITING: Final = 8
"""Changes of one author that wait at a time."""

OWNERS_FIRST: Final = 0
ADMINS: Final = 1
FOLLOW_LISTS: Final = 1
"""In turn with admins' changes: neither holds the other up."""

_IDLE_SECONDS: Final = 1.0
_TOO_MANY: Final = Decision.reject(
    f"rate-limited: {MOST_WAITING} of your changes are waiting; send this one again later"
)
_STOPPING: Final = Decision.reject("error: the relay is stopping")
_FAILED: Final = Decision.reject("error: the policy cannot be changed now")


class GivenUp(Exception):
    """Nobody waits for a change, and it has not been written."""


class Request:
    """A change that was asked for. It can be given up until it begins to be written: from then on
    it is waited for, however long it takes.
    """

    def __init__(self, make: "MakeChange") -> None:
        self.decision: Future[Decision] = Future()
        self._make = make
        self._lock = threading.Lock()
        self._is_given_up = False
        self._is_written = False

    def give_up(self) -> bool:
        """Do not make the change; ``False`` where it is too late for that."""
        with self._lock:
            self._is_given_up = not self._is_written
            return self._is_given_up

    def begin_to_write(self) -> None:
        """Make sure that somebody waits, and that nobody gives up from now on.

        :raises GivenUp: nobody waits.
        """
        with self._lock:
            if self._is_given_up:
                raise GivenUp
            self._is_written = True

    def run(self) -> None:
        """Make the change, and set its decision."""
        decision = None
        try:
            if not self._is_given_up:
                decision = self._make(self)
        except GivenUp:
            pass
        except Exception:
            log.exception("a change of the policy failed")
            decision = _FAILED
        if decision is None:
            self.decision.cancel()
        elif self.decision.set_running_or_notify_cancel():
            self.decision.set_result(decision)


MakeChange = Callable[[Request], Decision]
"""Makes a change, and calls :meth:`Request.begin_to_write` before it writes the first byte."""


@attrs.frozen(order=True)
class _Waiting:
    rank: int
    number: int
    whose: str = attrs.field(order=False)
    request: Request = attrs.field(order=False)


class ChangeThread:
    """Makes changes one after the other. The thread starts when it is needed, in whichever process
    that is, and ends when there is nothing to do.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._waiting: list[_Waiting] = []
        self._count: Counter[str] = Counter()
        self._number = 0
        self._thread: threading.Thread | None = None
        self._is_stopping = False

    async def make(
        self, change: MakeChange, *, rank: int, whose: str = "", may_give_up: bool = True
    ) -> Decision:
        """Have a change made, and wait for its decision.

        :param rank: which goes first: :data:`OWNERS_FIRST`, :data:`ADMINS`, :data:`FOLLOW_LISTS`.
        :param whose: its author, who may have so many waiting; no bound where empty.
        :param may_give_up: whether the change is given up where nobody waits for it.
        :raises asyncio.CancelledError: whoever waited was told to stop waiting, and the change is
            given up. Where it is being written already, its decision is waited for all the same.
        """
        request = Request(change)
        if not self._add(request, rank, whose):
            return _TOO_MANY
        try:
            return await asyncio.shield(asyncio.wrap_future(request.decision))
        except asyncio.CancelledError:
            if request.decision.cancelled():
                return _STOPPING
            if not may_give_up or request.give_up():
                raise
            return await asyncio.shield(asyncio.wrap_future(request.decision))

    def begin(self, change: Callable[[], None], *, rank: int) -> None:
        """Have a change made for which nobody waits. What it raises is in the log.

        :param rank: as of :meth:`make`.
        """

        def made(_: Request) -> Decision:
            change()
            return Decision.accept()

        self._add(Request(made), rank, "")

    def stop(self) -> None:
        """Finish the change that is being made, give up the others, and end the thread."""
        with self._changed:
            self._is_stopping = True
            thread = self._thread
            for waiting in self._waiting:
                waiting.request.give_up()
            self._changed.notify()
        if thread is not None and thread.is_alive() and thread is not threading.current_thread():
            thread.join()

    def _add(self, request: Request, rank: int, whose: str) -> bool:
        with self._changed:
            if whose and self._count[whose] >= MOST_WAITING:
                return False
            self._number += 1
            self._count[whose] += 1
            heapq.heappush(self._waiting, _Waiting(rank, self._number, whose, request))
            self._is_stopping = False
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name=THREAD_NAME, daemon=True)
                self._thread.start()
            self._changed.notify()
        return True

    def _run(self) -> None:
        while (waiting := self._next()) is not None:
            try:
                waiting.request.run()
            finally:
                with self._changed:
                    self._count -= Counter([waiting.whose])

    def _next(self) -> _Waiting | None:
        """The change to make next; ``None`` where none has come for a while: the thread ends."""
        with self._changed:
            while not self._waiting:
                if self._is_stopping or not self._changed.wait(_IDLE_SECONDS):
                    if self._waiting:
                        continue
                    self._thread = None  # under the lock: whoever asks from now on starts another
                    return None
            return heapq.heappop(self._waiting)
