"""All scripts of a policy, on a thread of their own, so that no relay's event loop waits."""

import asyncio
import contextlib
import functools
import os
import threading
import weakref
from collections import defaultdict, deque
from collections.abc import Callable, Collection, Coroutine
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Final

import attrs

from orly_policy_hookspecs import Context, Event
from orly_policy_hookspecs.logs import get_log

from ..decisions.replies import Action, Reply
from ..fair_queue import Asker
from ..policy.fields import Access
from .asked import Asked, Question, Waiter
from .askers import asker
from .child import GRACE_SECONDS
from .files import script_path
from .our_replies import NOT_WRITABLE, STOPPED
from .protocol import logged_in
from .runner import TICK_SECONDS, ScriptRunner
from .starting import environment_for_scripts

log = get_log(__name__)

THREAD_NAME: Final = "orly-policy-scripts"
TIMEOUT_SECONDS: Final = 5.0
MOST_QUESTIONS: Final = 10_000
"""To one script at a time."""
LONGEST_WAIT_SECONDS: Final = 10.0
"""Before a question is sent. It is the gate's budget: after that nobody waits for the reply."""

_PACE_SECONDS: Final = 0.01
_LONGEST_END_SECONDS: Final = 2 * GRACE_SECONDS + 1.0
"""How long the end of a process is waited for. One that has become another user cannot be
signalled, and may not end.
"""

_Future = asyncio.Future[Reply]


@attrs.frozen(eq=False)
class _Asking(Waiter):
    """Somebody who awaits a reply on an event loop. Used on the scripts' thread."""

    scripts: "Scripts"
    loop: asyncio.AbstractEventLoop
    future: _Future
    context: Context
    """Kept with the connection, by whose identity questions are told apart."""

    def tell(self, reply: Reply) -> None:
        self.scripts._reply(self.loop, self.future, reply)

    @property
    def is_gone(self) -> bool:
        return self.future.done()  # another's thread cancels it; seen a moment late does no harm


@attrs.frozen
class ScriptStatus:
    """The state of one script."""

    path: Path
    pid: int | None
    """The id of its process; ``None`` where none runs."""
    failure: str
    """What is wrong with it; empty where nothing is known to be."""


class Scripts:
    """Runs the scripts that a policy names, one process each, and asks them.

    May be used from any thread; questions are asked from an event loop, whichever. The thread is
    started by the first use: in a server that forks, in each worker.
    """

    def __init__(
        self,
        folder: Path,
        *,
        timeout_seconds: float = TIMEOUT_SECONDS,
        longest_wait_seconds: float = LONGEST_WAIT_SECONDS,
        most_questions: int = MOST_QUESTIONS,
        pass_environment: Collection[str] = (),
    ) -> None:
        """:param folder: the policy file's, to which paths are relative and in which they run.
        :param timeout_seconds: how long a script may take for a question that it was sent.
        :param longest_wait_seconds: how long a question may wait to be sent.
        :param most_questions: that wait for one script's answers at a time.
        :param pass_environment: names of our environment's variables that scripts find in theirs,
            besides ``PATH``, ``LANG`` and ``HOME``.
        """
        self._folder = folder.absolute()
        self._timeout_seconds = timeout_seconds
        self._longest_wait_seconds = longest_wait_seconds
        self._most_questions = most_questions
        self._environment = environment_for_scripts(pass_environment)
        self._is_started = False
        self._is_stopped = False
        self._wanted: frozenset[str] = frozenset()
        self._is_paused = False
        self._path = functools.cache(functools.partial(script_path, self._folder))
        self._begin()
        _in_this_process.add(self)

    def _begin(self) -> None:
        """Set up what belongs to this process alone: nothing runs, and nobody waits."""
        self._lock = threading.Lock()
        self._one_at_a_time = threading.Lock()  # starting, pausing, resuming, stopping
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._runners: dict[Path, ScriptRunner] = {}
        self.failures = 0
        """Questions to which no answer came, for a fault of the script, since the start."""
        self._inbox: deque[tuple[str, Question, Asker, Waiter]] = deque()
        self._is_woken = False
        self._replies: defaultdict[asyncio.AbstractEventLoop, list[tuple[_Future, Reply]]]
        self._replies = defaultdict(list)

    def _begin_in_fork(self) -> None:
        """Leave the scripts' processes to the parent process, and begin with none."""
        for runner in self._runners.values():
            runner.let_go()
        self._begin()

    # --- from any thread

    def use(self, scripts: Collection[str]) -> None:
        """Run these scripts from now on, and no others. One that runs already goes on; one that
        is no longer named answers what it was asked, and ends.

        :param scripts: as the policy file names them.
        """
        with self._lock:
            self._wanted = frozenset(scripts)
            self._call(self._follow_wanted)
            if self._is_started and self._wanted:
                self._ensure_thread()

    def start(self) -> None:
        """Start the scripts that :meth:`use` has named, without waiting for a question, and from
        now on each that it names.
        """
        with self._one_at_a_time, self._lock:
            self._is_started, self._is_stopped = True, False
            if self._wanted:
                self._ensure_thread()

    def pause(self) -> None:
        """End every process until :meth:`resume`, and return when all have ended. Questions wait
        meanwhile, for as long as they may.
        """
        with self._one_at_a_time:
            with self._lock:
                self._is_paused = True
                ended = self._run(self._pause_all())
            if ended is not None:
                ended.result()

    def resume(self) -> None:
        """Start the scripts again after :meth:`pause`."""
        with self._one_at_a_time, self._lock:
            self._is_paused = False
            self._call(self._resume_all)

    def stop(self) -> None:
        """End every process and the thread, and return when they have ended. Questions are
        answered *overloaded*, which denies. May be called again; :meth:`start` starts anew.
        """
        with self._one_at_a_time:
            with self._lock:
                self._is_started, self._is_stopped = False, True
                self._run(self._leave())
                thread, self._thread, self._loop = self._thread, None, None
            if thread is not None:
                thread.join()

    @property
    def status(self) -> tuple[ScriptStatus, ...]:
        """The state of each script that runs or is to run."""
        return tuple(
            ScriptStatus(path, runner.pid, runner.failure)
            for path, runner in sorted(self._runners.copy().items())
        )

    def ask(
        self, script: str, event: Event, access: Access, context: Context, now: int
    ) -> _Future:
        """Ask a script. The reply is *failed* where no answer came in time after the question was
        sent, and *overloaded* where the question could not be sent in time.

        To be called on the event loop that awaits it. Cancel the future where the reply is not
        needed any more.

        :param script: as the policy file names it.
        :param now: Unix seconds.
        """
        loop = asyncio.get_running_loop()
        future: _Future = loop.create_future()
        asked = Asked(event.id, access, logged_in(event, context.authenticated), context.ip)
        question = Question(asked, event, context.origin, now)
        whose = asker(context, asked.logged_in_pubkey)
        with self._lock:
            if self._is_stopped:
                future.set_result(STOPPED)
                return future
            self._ensure_thread()
            waiter = _Asking(self, loop, future, context)
            self._inbox.append((script, question, whose, waiter))
            if not self._is_woken:
                self._is_woken = True
                self._call(self._take_questions)
        return future

    def _ensure_thread(self) -> None:
        """Start the thread where it does not run. Called with the lock held, as is every method
        that talks to the loop from outside.
        """
        if self._thread is not None and self._thread.is_alive():
            return
        loop = self._loop = asyncio.SelectorEventLoop()
        self._is_woken = False
        self._call(self._follow_wanted)
        self._call(self._look)
        self._thread = threading.Thread(
            target=_run_and_close, args=(loop,), name=THREAD_NAME, daemon=True
        )
        self._thread.start()

    def _call(self, function: Callable[[], None]) -> None:
        if self._loop is not None:
            self._loop.call_soon_threadsafe(function)

    def _run(self, work: Coroutine[Any, Any, None]) -> Future[None] | None:
        if self._loop is None:
            work.close()
            return None
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    # --- on the scripts' thread

    def _take_questions(self) -> None:
        self._is_woken = False  # before looking: whoever comes later wakes again
        while self._inbox:
            script, question, whose, waiter = self._inbox.popleft()
            try:
                self._runner(script).ask(question, whose, waiter)
            except Exception:
                log.exception("the script %s could not be asked", script)
                waiter.tell(NOT_WRITABLE)

    def _runner(self, script: str) -> ScriptRunner:
        """The runner of a script; a new one where a decision began under an older policy."""
        path = self._path(script)
        runner = self._runners.get(path)
        if runner is None:
            assert self._loop is not None
            runner = self._runners[path] = ScriptRunner(
                self._loop,
                script,
                path,
                self._folder,
                environment=self._environment,
                timeout_seconds=self._timeout_seconds,
                longest_wait_seconds=self._longest_wait_seconds,
                most_questions=self._most_questions,
            )
            runner.is_wanted = script in self._wanted
            if self._is_paused:
                runner.pause()
        return runner

    def _follow_wanted(self) -> None:
        wanted = {self._path(script): script for script in sorted(self._wanted)}
        ran = {path for path, runner in self._runners.items() if runner.is_wanted}
        for path, runner in self._runners.items():
            runner.is_wanted = path in wanted
        for path, script in wanted.items():
            if path not in ran:  # what fails is left alone for a while, whatever else changes
                self._runner(script).start()

    def _look(self) -> None:
        loop = asyncio.get_running_loop()
        loop.call_later(TICK_SECONDS, self._look)
        for path, runner in self._runners.copy().items():
            try:
                runner.look()
            except Exception:
                log.exception("looking after the script %s failed", path)
            if runner.is_over:
                del self._runners[path]

    def _reply(self, loop: asyncio.AbstractEventLoop, future: _Future, reply: Reply) -> None:
        """Hand a reply to the loop that asked, together with others for the same loop."""
        if reply.action is Action.FAILED:
            self.failures += 1
        if not self._replies:
            asyncio.get_running_loop().call_soon(self._hand_over)
        self._replies[loop].append((future, reply))

    def _hand_over(self) -> None:
        for loop, replies in self._replies.items():
            with contextlib.suppress(RuntimeError):  # it is closed: nobody waits
                loop.call_soon_threadsafe(_set_results, replies)
        self._replies.clear()

    def _resume_all(self) -> None:
        for runner in self._runners.values():
            runner.resume()

    async def _pause_all(self) -> None:
        for runner in self._runners.values():
            runner.pause()
        await self._all_ended()

    async def _leave(self) -> None:
        self._take_questions()
        for runner in self._runners.values():
            runner.leave_now()
        await self._all_ended()
        self._hand_over()
        self._runners.clear()
        asyncio.get_running_loop().stop()

    async def _all_ended(self) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _LONGEST_END_SECONDS
        while loop.time() < deadline and any(  # noqa: ASYNC110 -- processes end on their own
            runner.pid is not None for runner in self._runners.values()
        ):
            await asyncio.sleep(_PACE_SECONDS)


def _set_results(replies: list[tuple[_Future, Reply]]) -> None:
    for future, reply in replies:
        if not future.done():
            future.set_result(reply)


def _run_and_close(loop: asyncio.AbstractEventLoop) -> None:
    try:
        loop.run_forever()
    finally:
        loop.close()


_in_this_process: "weakref.WeakSet[Scripts]" = weakref.WeakSet()


def _begin_in_fork() -> None:
    for scripts in _in_this_process:
        scripts._begin_in_fork()


os.register_at_fork(after_in_child=_begin_in_fork)
