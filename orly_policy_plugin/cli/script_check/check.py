"""The check: what a script is asked in which order, and what it does wrong."""

import contextlib
import json
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import Final

from orly_policy_plugin.counted import counted, listed
from orly_policy_plugin.decisions.replies import Action, Reply
from orly_policy_plugin.scripts.protocol import NotAnAnswer, read_answer
from orly_policy_plugin.scripts.starting import environment_for_scripts

from .faults import Fault, Finding, Question, Report, took
from .interruptions import uninterrupted
from .samples import TOGETHER, Sample, together
from .trial import Trial

SLOW_SECONDS: Final = 1.0
"""What takes longer is told, though the relay waits longer."""

_MOST_USELESS_LINES: Final = 1_000
_LEAVING_SECONDS: Final = 0.5
_MOST_NAMED: Final = 3
_INSTEAD_OF_AN_ANSWER: Final = (
    Fault.NOT_JSON, Fault.NO_ID, Fault.OTHER_ID, Fault.LONG_LINE, Fault.NO_NEWLINE,
)  # fmt: skip


def check_script(
    path: Path,
    folder: Path,
    asked: Iterable[Sample],
    timeout: float,
    pass_environment: Collection[str] = (),
) -> Report:
    """Run a script on questions, first one by one, then many at once, then to its end.

    :param folder: the one it runs in.
    :param timeout: seconds that the relay waits for an answer.
    :param pass_environment: names of variables that it finds besides what every script does.
    :raises CannotStart: it cannot be started.
    """
    check = _Check(path, folder, timeout, environment_for_scripts(pass_environment))
    try:
        return check.run(tuple(asked))
    finally:
        check.stop()


class _Enough(Exception):
    """Nothing more is to be learned."""


class _Check:
    """One script's check, and what was seen so far."""

    def __init__(
        self, path: Path, folder: Path, timeout: float, environment: Mapping[str, str]
    ) -> None:
        self._path, self._folder, self._timeout = path, folder, timeout
        self._environment = environment
        self._findings: dict[Fault, Finding] = {}
        self._times: Counter[Fault] = Counter()
        self._questions: dict[str, Question] = {}
        self._answered_again: list[Question] = []
        self._lines = 0
        self._input_ended = False
        self._asked_of_this: list[Question] = []
        self._started: Trial | None = None

    @property
    def _trial(self) -> Trial:
        assert self._started is not None
        return self._started

    def _start(self) -> None:
        self._asked_of_this = []
        with uninterrupted():
            self._started = Trial(self._path, self._folder, self._environment, self._hear)

    def stop(self) -> None:
        """End the script, whatever it does."""
        if self._started is not None:
            self._started.kill()

    def run(self, asked: tuple[Sample, ...]) -> Report:
        """Start it, ask, end the input, and judge."""
        self._start()
        with contextlib.suppress(_Enough):
            self._one_by_one(asked)
            if not self._open():
                self._all_together()
            self._end_of_input()
        self._judge_output()
        self._judge_again()
        self._judge_silence()
        questions = tuple(self._questions.values())
        findings = (finding.with_times(self._times[f]) for f, finding in self._findings.items())
        return Report(questions[: len(asked)], questions[len(asked) :], tuple(findings))

    def _found(self, fault: Fault, seen: str, said: str = "") -> None:
        """Of each fault the first is kept; the rest are counted."""
        self._findings.setdefault(fault, Finding(fault, seen, said))
        self._times[fault] += 1

    # --- asking

    def _ask(self, *asked: Sample) -> list[Question]:
        questions = [Question(sample, time.monotonic()) for sample in asked]
        self._questions |= {question.sample.event.id: question for question in questions}
        self._asked_of_this += questions
        self._trial.send(b"".join(sample.line() for sample in asked))
        return questions

    def _open(self) -> list[Question]:
        return [question for question in self._asked_of_this if question.reply is None]

    def _none_open(self) -> bool:
        return not self._open()

    def _one_by_one(self, asked: tuple[Sample, ...]) -> None:
        """Wait longer than the relay does, to see how slow it is; but for one answer only."""
        for i, sample in enumerate(asked, 1):
            [question] = self._ask(sample)
            answered = self._wait(self._none_open, 2 * self._timeout)
            if stuck := not answered and self._trial.status is None:
                self._ask(*asked[i:])
                self._until_quiet(self._none_open)
            self._judge_speed(question)
            if stuck:
                return
            if not answered:
                self._judge_early_end(f"asked about “{sample.name}”")
                self._trial.kill()
                self._start()

    def _all_together(self) -> None:
        self._ask(*together(int(time.time())))
        self._until_quiet(self._none_open)
        if self._trial.status is not None:
            self._judge_early_end(f"sent {TOGETHER} events together")

    def _until_quiet(self, done: Callable[[], bool]) -> None:
        """Wait while lines come, each within the relay's limit."""
        deadline = time.monotonic() + TOGETHER * self._timeout
        while time.monotonic() < deadline and not done() and self._another_line(done):
            pass

    def _another_line(self, done: Callable[[], bool]) -> bool:
        before = self._lines
        self._wait(lambda: done() or self._lines > before, self._timeout)
        return self._lines > before

    def _wait(self, done: Callable[[], bool], seconds: float) -> bool:
        """:raises _Enough: too many lines have come that are no answers."""
        is_done = self._trial.wait(lambda: self._is_flooded or done(), seconds)
        if self._is_flooded:
            raise _Enough
        return is_done

    @property
    def _is_flooded(self) -> bool:
        return self._lines > len(self._questions) + _MOST_USELESS_LINES

    def _end_of_input(self) -> None:
        trial = self._trial
        if trial.status is not None:
            return
        self._input_ended = True
        trial.close_input()
        self._until_quiet(lambda: False)
        if trial.status is None:
            self._found(Fault.NOT_ENDING, "did not end at the end of input")
        else:
            self._judge_left()

    # --- what it prints

    def _hear(self, line: bytes | None) -> None:
        self._lines += 1
        if self._is_flooded:
            return
        if line is None:
            self._found(Fault.LONG_LINE, "prints a line over 1 MiB")
            return
        try:
            event_id, reply = read_answer(line)
        except NotAnAnswer as error:
            fault = Fault.NOT_JSON if error.__cause__ else Fault.NO_ID
            self._found(fault, str(error), line.decode("utf-8", "replace"))
            return
        question = self._questions.get(event_id)
        if question is None:
            seen = f"answers with the id {event_id!r:.80}, which no event has that it was asked"
            self._found(Fault.OTHER_ID, f"{seen} about")
        elif question.reply:
            self._answered_again.append(question)
        else:
            self._answered(question, reply, line)

    def _answered(self, question: Question, reply: Reply, line: bytes) -> None:
        question.reply, question.at_the_end = reply, self._input_ended
        question.seconds = time.monotonic() - question.asked_at
        seen = f"answered “{question.sample.name}”: {reply.message}"
        if reply.action is not Action.FAILED:
            return
        if reply.message.startswith("msg"):
            self._found(Fault.MSG_NOT_A_TEXT, seen)
        else:
            self._found(Fault.UNKNOWN_ACTION, seen, str(json.loads(line).get("action")))

    # --- what it comes to

    def _judge_speed(self, question: Question) -> None:
        start = ", its start included" if question in self._asked_of_this[:1] else ""
        seen = f"slow: took {took(question.seconds)} for “{question.sample.name}”{start}"
        if question.seconds > self._timeout:
            self._found(Fault.TOO_SLOW, f"too {seen}: the relay waits {took(self._timeout)}")
        elif question.seconds > SLOW_SECONDS:
            self._found(Fault.SLOW, seen)

    def _judge_early_end(self, when: str) -> None:
        """It ended though there was more to come."""
        trial, answered = self._trial, len(self._asked_of_this) - len(self._open())
        self._asked_of_this = []
        if not any(question.reply for question in self._questions.values()):
            seen = f"ended without any answer{trial.ending}"
            fault = Fault.ENDS_AT_ONCE if trial.status == 0 else Fault.CRASHES
            self._found(fault, seen, trial.stderr)
            raise _Enough
        if trial.status == 0:
            seen = f"ended after {counted(answered, 'answer')}, though there was more to read"
            self._found(Fault.ENDS_EARLY, seen)
            raise _Enough
        self._found(Fault.CRASHES, f"ended when {when}{trial.ending}", trial.stderr)

    def _judge_left(self) -> None:
        deadline = time.monotonic() + _LEAVING_SECONDS
        while (left := self._trial.left()) and time.monotonic() < deadline:
            time.sleep(0.02)
        if left:
            self._found(Fault.CHILDREN_LEFT, f"ended, and left behind: {', '.join(left[:3])}")

    def _judge_output(self) -> None:
        if line := self._trial.line_begun:
            text = line[:200].decode("utf-8", "replace")
            self._found(Fault.NO_NEWLINE, f"printed {text!r:.80} without an end of line")
        late = sum(question.at_the_end for question in self._questions.values())
        if late > 1:
            self._found(
                Fault.NOT_FLUSHED,
                f"does not flush its output: no answer came within {took(self._timeout)}, and at "
                f"the end of input {late} came at once",
            )

    def _judge_again(self) -> None:
        """An answer with an earlier event's id answers twice, or it was meant for another."""
        if not self._answered_again:
            return
        first, times = self._answered_again[0].sample.name, len(self._answered_again)
        if silent := self._open():
            seen = f"answered “{silent[0].sample.name}” with the id of “{first}”"
            self._found(Fault.OTHER_ID, seen)
        else:
            seen = f"answered “{first}” twice ({times} answers more than questions)"
            self._found(Fault.TWICE, seen)

    def _judge_silence(self) -> None:
        """Questions that stayed open, where nothing that it printed explains them."""
        silent = [question.sample for question in self._open()]
        if not silent or any(fault in self._findings for fault in _INSTEAD_OF_AN_ANSWER):
            return
        names = listed(silent, _MOST_NAMED, shown=lambda sample: f"“{sample.name}”")
        if len(silent) == len(self._questions):
            seen = (
                f"gave no answer to any of {counted(len(silent), 'event')}{self._trial.last_words}"
            )
            self._found(Fault.NO_ANSWER, seen)
        elif all(sample.access == "read" for sample in silent):
            self._found(Fault.READS_UNANSWERED, f"does not answer reads: {names}")
        elif all(sample.logged_in_pubkey is None for sample in silent):
            self._found(Fault.NOBODY_UNANSWERED, f"gave no answer where {names}")
        else:
            self._found(Fault.SOME_UNANSWERED, f"gave no answer to {names}")
