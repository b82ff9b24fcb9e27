"""One script: its process, started and restarted, and the questions to it."""

import asyncio
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from orly_policy_hookspecs.logs import get_log

from ..decisions.replies import Action, Reply
from ..fair_queue import Asker
from . import our_replies
from .asked import Question, Request, Waiter
from .attentive_clock import AttentiveClock
from .backoff import Backoff
from .child import Child, ChildEvents
from .endings import in_words, is_ours, why_not_started
from .files import FileId, FollowedFile, why_not_run
from .killers import Killers
from .mentions import Mentions
from .noise import Noise
from .protocol import NotAnAnswer, read_answer
from .questions import Questions
from .running_process import RunningProcess
from .starting import start_process

log = get_log(__name__)

TICK_SECONDS: Final = 0.25
"""Between two calls of :meth:`ScriptRunner.look`."""
WORTH_WAITING_SECONDS: Final = 1.0
"""Questions wait for a restart within this time. Otherwise they fail at once."""
MOST_LATE: Final = 1_000
"""A process that owes more answers is restarted."""
MOST_STRAY: Final = 100
"""A process that gives more answers in a row to nothing it was asked is restarted."""
SILENT_TIMEOUTS: Final = 2
"""A process that says nothing for so many time-outs after it was asked is restarted; for one,
where others wait.
"""
OUR_LACK_SECONDS: Final = 2.0
"""Before the next try, where a start failed because we had no handles or memory left."""
GONE_SECONDS: Final = 1.0
"""How long a file may be missing, as while it is saved, before its process is stopped."""
PROOF_SECONDS: Final = 0.3
"""After a process that ended unproven, or while it was asked something, the next one is asked
nothing for so long: one that ends at its start is to be told from one that an event has ended."""


class ScriptRunner(ChildEvents):
    """Keeps one script running and asks it. Used on one event loop's thread alone."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        name: str,
        path: Path,
        folder: Path,
        *,
        environment: Mapping[str, str],
        timeout_seconds: float,
        longest_wait_seconds: float,
        most_questions: int,
    ) -> None:
        """:param name: for the log, as the policy file has it.
        :param path: of the script, absolute.
        :param folder: to run it in.
        :param environment: that it finds.
        :param timeout_seconds: how long it may take for what it was sent.
        :param longest_wait_seconds: how long a question may wait to be sent.
        """
        self.is_wanted = True
        """Whether a policy in force names it. If not, it ends when it has answered."""
        self.failure = ""
        """What is wrong with it, until it has proved to be sound again."""
        self._name = name
        self._path = path
        self._folder = folder
        self._environment = environment
        self._loop = loop
        self._clock = AttentiveClock(loop.time)
        self._timeout_seconds = timeout_seconds
        self._longest_wait_seconds = longest_wait_seconds
        self._questions = Questions(most_questions, timeout_seconds)
        self._killers = Killers()
        self._noise = Noise(name)
        self._mentions = Mentions()
        self._running: RunningProcess | None = None
        self._is_paused = False
        self._is_stopped = False
        self._is_proven = True
        self._backoff = Backoff()
        self._meanwhile = our_replies.STOPPED
        self._restart: asyncio.TimerHandle | None = None
        self._is_pump_due = False
        self._file = FollowedFile(path, loop.time())
        self._failed_file: FileId = None
        self._killed_file: FileId = None

    @property
    def pid(self) -> int | None:
        """The id of the process; ``None`` where none runs."""
        running = self._running  # read once: another thread may ask
        return running.child.pid if running else None

    @property
    def is_over(self) -> bool:
        """Whether it is not wanted, nothing runs and nobody waits."""
        return not (self.is_wanted or self._running or self._restart or len(self._questions))

    # --- asking

    def ask(self, question: Question, asker: Asker, waiter: Waiter) -> None:
        """Ask the script; the waiter is told the reply.

        The time-out counts from when the script is sent the question, so that many askers make no
        failure of it. A question that waits too long before that, or finds no room, is answered
        *overloaded*, which denies.
        """
        now = self._clock.now()
        if self._killers.has(question.asked, now):
            waiter.tell(our_replies.ENDED_IT)
            return
        if self._restart_seconds > WORTH_WAITING_SECONDS:
            waiter.tell(self._meanwhile)
            return
        if over := self._questions.add(question, asker, waiter, now):
            self._mention("too many questions are waiting")
            _tell(over, our_replies.NO_ROOM)
        if self._running is None and self._restart is None:
            self.start()
        self._pump_soon()

    @property
    def _restart_seconds(self) -> float:
        """Seconds until the process is started again; 0 where no restart is due."""
        return self._restart.when() - self._loop.time() if self._restart is not None else 0.0

    def writable(self) -> None:
        """Send more questions: there is room."""
        self._pump()

    def _pump(self) -> None:
        """Send the questions that the process has room for."""
        self._is_pump_due = False
        running = self._running
        if running is None or running.leaving or running.has_to_prove:
            return
        now = self._clock.now()
        while running.child.has_room:
            sent = False
            while running.child.has_room and (question := self._questions.ask_next(now)):
                sent = self._send(running, question) or sent
            if not sent:
                return
            running.child.flush()

    def _send(self, running: RunningProcess, question: Question) -> bool:
        try:
            line = question.line
        except Exception as error:  # noqa: BLE001 -- an event is whatever the host takes for one
            self._mention("an event cannot be written as JSON", repr(error))
            self._questions.answered(question.asked.event_id, question.sent)
            question.tell(our_replies.NOT_WRITABLE)
            return False
        running.child.send(line)
        return True

    def _pump_soon(self) -> None:
        """Send questions in the loop's next turn: together, and once every answer that was read
        is handled. None of those answers can then be taken for one to them.
        """
        if not self._is_pump_due:
            self._is_pump_due = True
            self._loop.call_soon(self._pump)

    def _expire(self, now: float) -> None:
        self._questions.forget_given_up()
        late = self._questions.unsent(now - self._longest_wait_seconds)
        late += self._questions.unheard(now - self._longest_wait_seconds - self._timeout_seconds)
        if late:
            self._mention("does not get to questions in time")
            _tell(late, our_replies.NOT_IN_TIME)
        failed = self._questions.failed(now - self._timeout_seconds)
        for question in failed:
            self._unanswered(question)
        if late or failed:
            self._pump()

    def _unanswered(self, question: Question) -> None:
        why = f"no answer within {self._timeout_seconds:g} s"
        if question.overtaken is not None or self._running is None:
            self._mention(why)
            question.tell(Reply.failed(why))
        else:
            self._blame(question, self._running.file, "hangs", why)

    # --- answers

    def line(self, line: bytes) -> None:
        """Take a line of output: an answer."""
        running = self._running
        if running is None or running.is_broken_off:
            return
        try:
            event_id, reply = read_answer(line)
            question = self._questions.answered(event_id, self._clock.now())
        except NotAnAnswer as error:
            self._break_off(str(error))
        except KeyError:
            self._stray(running)
        else:
            running.answers += 1
            running.strays = 0
            if question is not None:
                self._deliver(question, reply)
            self._pump_soon()

    def _deliver(self, question: Question, reply: Reply) -> None:
        if reply.action is Action.FAILED:
            self._mention("gives answers that cannot be used", reply.message)
        elif self.failure:
            self._is_sound()
        question.tell(reply)

    def _stray(self, running: RunningProcess) -> None:
        running.strays += 1
        if running.strays > MOST_STRAY:
            self._break_off(f"answered {running.strays} times in a row what it was not asked")
        else:
            self._mention("answers what it was not asked, or twice; that is ignored")

    def too_long(self) -> None:
        """End a process that prints a line longer than an answer may be."""
        self._break_off("printed a line of over 1 MiB")

    def noise(self, data: bytes) -> None:
        """Log some standard error."""
        self._noise.heard(data, self._loop.time())

    def _mention(self, what: str, more: str = "") -> None:
        """Log what goes on, once in a while.

        :param what: by this it is told apart from other things that go on.
        :param more: may differ each time.
        """
        if self._mentions.is_news(what, self._loop.time()):
            log.warning("script %s: %s", self._name, f"{what}: {more}" if more else what)

    # --- starting and ending

    def start(self) -> None:
        """Start the process, unless it runs or is paused."""
        self._cancel_restart()
        if self._running is not None or self._is_paused:
            return
        file = self._file.look(self._loop.time())
        if why := why_not_run(self._path):
            self._failed(why, file)
            return
        try:
            process = start_process(self._path, self._folder, self._environment)
        except OSError as error:
            why = f"cannot be started: {why_not_started(error)}"
            self._failed(why, file, meanwhile=our_replies.NO_RESOURCES if is_ours(error) else None)
            return
        child = Child(self._loop, process, self)
        log.info("script %s runs as process %d", self._name, child.pid)
        if file != self._killed_file:
            self._killers.forget()
        running = self._running = RunningProcess(child, file, has_to_prove=not self._is_proven)
        self._loop.call_later(PROOF_SECONDS, self._has_proved, running)
        self._pump()

    def _has_proved(self, running: RunningProcess) -> None:
        running.has_to_prove, running.proved_at = False, self._clock.now()
        self._pump()

    def pause(self) -> None:
        """End the process; questions wait, as long as they may."""
        self._is_paused = True
        self._cancel_restart()
        self._leave("paused", at_once=True)

    def resume(self) -> None:
        """Start it again."""
        self._is_paused = False
        self.start()

    def leave_now(self) -> None:
        """End the process for good; whoever waits is told so."""
        self.is_wanted, self._is_stopped = False, True
        self._cancel_restart()
        _tell(self._questions.drop_waiting(), our_replies.STOPPED)
        self._leave("stopped", at_once=True)

    def let_go(self) -> None:
        """This is a fork: the process is another's."""
        if self._running is not None:
            self._running.child.let_go()

    def _leave(self, why: str, *, at_once: bool = False) -> None:
        """End the process, once it has answered what it was asked, or at once."""
        running = self._running
        if running is None:
            return
        if not running.leaving:
            running.leaving, running.leaving_since = why, self._loop.time()
            running.child.close_input()
        if at_once:
            running.child.stop()

    def _break_off(self, why: str) -> None:
        """Kill the process at once: its output makes no sense."""
        running = self._running
        if running is None or running.is_broken_off:
            return
        running.leaving, running.leaving_is_failure, running.is_broken_off = why, True, True
        running.child.kill()

    def ended(self, status: int) -> None:
        """Handle the end of the process, and start the next one."""
        running, self._running = self._running, None
        assert running is not None
        self._noise.finish(self._loop.time())
        said = self._noise.last_lines
        self._noise.forget()
        why = running.leaving or f"ended by itself ({in_words(status)})"
        is_failure = running.leaving_is_failure or not running.leaving
        was_asked = self._questions.sent > 0
        killer = self._questions.process_ended(running.proved_at if is_failure else float("inf"))
        self._is_proven = running.answers > 0 and not self._questions.has_suspects
        if killer is not None:
            self._blame(killer, running.file, "ends", why)
        if self._is_stopped:
            _tell(self._questions.drop_waiting(), our_replies.STOPPED)
        elif is_failure:
            self._failed(why, running.file, said, was_asked=was_asked)
        elif self.is_wanted or len(self._questions):
            self.start()

    def _blame(self, question: Question, file: FileId, does: str, why: str) -> None:
        """Answer a question that the script has failed at, and do not ask it for a while."""
        self._mention(f"{does} when it is asked about an event", str(question.asked.event_id))
        self._killed_file = file
        self._killers.add(question.asked, self._clock.now())
        question.tell(Reply.failed(why))

    def _failed(
        self,
        why: str,
        file: FileId,
        said: str = "",
        *,
        was_asked: bool = False,
        meanwhile: Reply | None = None,
    ) -> None:
        """Start the script again after a while, as it does not run, or not properly."""
        seconds = OUR_LACK_SECONDS
        if meanwhile is None:
            seconds, self._backoff = self._backoff.after_failure(was_asked=was_asked)
        if why != self.failure:
            last = f"; it said: {said}" if said else ""
            log.error("script %s %s%s; the next start is in %g s", self._name, why, last, seconds)
        self.failure = why
        self._meanwhile = meanwhile or Reply.failed(why)
        self._failed_file = file
        if seconds > WORTH_WAITING_SECONDS:
            _tell(self._questions.drop_waiting(), self._meanwhile)
        if not self._is_paused and (self.is_wanted or len(self._questions)):
            self._restart = self._loop.call_later(seconds, self.start)

    def _is_sound(self) -> None:
        log.warning("script %s answers again", self._name)
        self.failure = ""

    def _cancel_restart(self) -> None:
        if self._restart is not None:
            self._restart.cancel()
            self._restart = None

    # --- looking after it

    def look(self) -> None:
        """Look after the script: its file, its silence, its time-outs. To be called every
        :data:`TICK_SECONDS`.
        """
        now = self._loop.time()
        self._noise.tidy(now)
        self._clock.tick()
        self._expire(self._clock.now())
        self._look_at_file(now)
        if not (self.is_wanted or len(self._questions)):
            self._cancel_restart()
        running = self._running
        if running is None:
            return
        if running.leaving:
            waited = now - running.leaving_since
            if not self._questions.in_flight or waited > self._timeout_seconds:
                running.child.stop()
            return
        silence = self._timeout_seconds * (1 if len(self._questions) else SILENT_TIMEOUTS)
        if self._questions.silent_seconds(self._clock.now()) >= silence:
            self._break_off(f"has answered nothing for {silence:g} s")
        elif self._questions.late > MOST_LATE:
            self._break_off(f"has left {self._questions.late} questions without an answer")
        elif not self.is_wanted and not len(self._questions):
            self._leave("no longer named by the policy")

    def _look_at_file(self, now: float) -> None:
        """Restart the process where the file has changed and settled."""
        if not self._file.has_settled(now, TICK_SECONDS, GONE_SECONDS):
            return
        file = self._file.seen
        running = self._running
        if running is None:
            if self._restart is not None and file != self._failed_file:
                self.start()
        elif running.file != file and not running.leaving:
            running.leaving_is_failure = file is None
            self._leave("restarted: its file has changed" if file else "is not there")


def _tell(asked: Iterable[Question | Request], reply: Reply) -> None:
    for each in asked:
        each.tell(reply)
