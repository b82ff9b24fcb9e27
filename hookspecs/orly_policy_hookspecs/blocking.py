"""The gate for relays that do not run on an event loop."""

import asyncio
import os
import threading
from collections.abc import Callable, Collection, Coroutine, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakSet

from .at_once import at_once
from .context import Context
from .decision import Decision
from .errors import RunningLoopError
from .logs import get_log
from .nip01.events import Event
from .observing import Observers
from .registry import AskAll

if TYPE_CHECKING:
    from .gate import Gate

log = get_log(__name__)

_T = TypeVar("_T")


class BlockingGate:
    """A :class:`.Gate`'s questions for synchronous code. Safe to use from several threads.

    What must be awaited runs on an event loop of its own in a background thread, which is
    started when it is first needed; after a fork, again in the child.

    Each question raises :class:`.RunningLoopError` on the thread of a running event loop, also
    where nothing would have to be awaited: whether it must is up to the plugins.
    """

    def __init__(self, gate: "Gate") -> None:
        self._gate = gate
        self._lock = threading.Lock()
        self._background: _Background | None = None
        _BLOCKING_GATES.add(self)

    def _forget_loop(self) -> None:
        """Begin anew in a forked process, which has not the thread, nor who holds the lock."""
        _OF_PARENTS.append(self._background)
        self._lock = threading.Lock()
        self._background = None

    def _observe(self, observers: Observers) -> None:
        """See :meth:`.Gate._observe`. The other questions are the gate's, and told of there."""
        of_writes, of_reads = observers.of("write"), observers.of("read")
        write, read = partial(BlockingGate.write, self), partial(BlockingGate.read, self)
        of_writes.replace(self, write=of_writes.behind_blocking(write, "write"))
        of_reads.replace(self, read=of_reads.behind_blocking(read, "read"))

    def write(self, event: Event, context: Context) -> Decision:
        """See :meth:`.Gate.write`."""
        gate = self._gate
        may_vouch = gate.settings.may_vouch_write
        return self._decide(gate._registry.ask_write, event, context, may_vouch)

    def read(self, event: Event, context: Context) -> Decision:
        """See :meth:`.Gate.read`."""
        gate = self._gate
        may_vouch = gate.settings.may_vouch_read
        return self._decide(gate._registry.ask_read, event, context, may_vouch)

    def reads(self, events: Iterable[Event], context: Context) -> list[Decision]:
        """See :meth:`.Gate.reads`."""
        _check_no_loop_runs()
        return self._run(self._gate.reads(events, context))

    def kind3(self, event: Event, context: Context) -> None:
        """See :meth:`.Gate.kind3`."""
        _check_no_loop_runs()
        self._run(self._gate.kind3(event, context))

    def list_event(self, event: Event, context: Context) -> None:
        """See :meth:`.Gate.list_event`."""
        _check_no_loop_runs()
        self._run(self._gate.list_event(event, context))

    def policy_event(self, event: Event, context: Context) -> Decision:
        """See :meth:`.Gate.policy_event`."""
        _check_no_loop_runs()
        return self._run(self._gate.policy_event(event, context))

    def withdrawal(self, event: Event, context: Context) -> Decision | None:
        """See :meth:`.Gate.withdrawal`."""
        _check_no_loop_runs()
        return self._run(self._gate.withdrawal(event, context))

    def start(
        self, *, relay_urls: Iterable[str] = (), changed: Callable[[], None] | None = None
    ) -> None:
        """See :meth:`.Gate.start`. The plugins' event loop is this gate's own."""
        _check_no_loop_runs()
        told = {} if changed is None else {"changed": changed}
        self._run(self._gate.start(relay_urls=relay_urls, **told))

    def stop(self) -> None:
        """See :meth:`.Gate.stop`. To be called before :meth:`close`."""
        _check_no_loop_runs()
        self._run(self._gate.stop())

    def close(self) -> None:
        """Stop the background thread, if there is one, once it has answered what was asked."""
        with self._lock:
            background, self._background = self._background, None
        if background is not None:
            background.stop()

    def _decide(
        self, ask: AskAll, event: Event, context: Context, may_vouch: Collection[str]
    ) -> Decision:
        _check_no_loop_runs()
        answers = ask(event, context)
        decision = at_once(answers, may_vouch)
        return decision or self._run(self._gate._later(answers, may_vouch))

    def _run(self, question: Coroutine[Any, Any, _T]) -> _T:
        with self._lock:  # so that no question comes after the stop
            if self._background is None:
                self._background = _Background(self._gate.settings.budget_seconds)
            future = asyncio.run_coroutine_threadsafe(question, self._background.loop)
        return future.result()


class _Background:
    """An event loop in a thread of its own. No plugin can end it."""

    def __init__(self, budget_seconds: float) -> None:
        self.loop = asyncio.new_event_loop()
        self._budget_seconds = budget_seconds
        self._is_stopping = False
        threading.Thread(target=self._run, name="orly-policy-gate", daemon=True).start()

    def stop(self) -> None:
        """End the loop, once it has answered what it was asked."""
        self.loop.call_soon_threadsafe(self._stop)

    def _stop(self) -> None:
        self._is_stopping = True
        self.loop.stop()

    def _run(self) -> None:
        try:
            while not self._is_stopping:
                try:
                    self.loop.run_forever()
                except BaseException:  # that of a plugin's callback, such as SystemExit
                    log.exception("a plugin tried to end the gate's event loop, which goes on")
            self.loop.run_until_complete(_all_answered(self._budget_seconds))
        finally:
            self.loop.close()


_BLOCKING_GATES: "WeakSet[BlockingGate]" = WeakSet()
"""All gates of this process, for a fork."""
_OF_PARENTS: list[_Background | None] = []
"""Loops of parent processes, never closed here: that would stop them in the parent, too."""


def _forget_loops() -> None:
    for blocking in _BLOCKING_GATES:
        blocking._forget_loop()


if hasattr(os, "register_at_fork"):  # not on Windows, which does not fork
    os.register_at_fork(after_in_child=_forget_loops)


def _check_no_loop_runs() -> None:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    raise RunningLoopError(
        "gate.blocking was used on the thread of a running event loop, which would stop until the "
        "answer is there: await the gate's own method there (await gate.write(event, context)), "
        "or call this one in another thread (await asyncio.to_thread(gate.blocking.write, event, "
        "context))"
    )


async def _all_answered(budget_seconds: float) -> None:
    """Wait until every question that this loop was asked is answered."""
    if questions := asyncio.all_tasks() - {asyncio.current_task()}:
        await asyncio.wait(questions, timeout=2 * budget_seconds + 1)  # as policy_event may take
    await asyncio.sleep(0)
