"""Waiting for the answers of plugins that do not answer at once."""

import asyncio
from collections import Counter
from collections.abc import Collection, Sequence

from .answers import Answer, Answerer, Later
from .decision import Decision, Verdict

_Task = asyncio.Task[Decision | None]


class Question:
    """One question, some of whose answers must be awaited: each in a task, as a plugin might not
    end when it is told to. A firm no settles it, whatever else may come; so does the last answer.

    Made on a running event loop.
    """

    def __init__(self, answers: Sequence[Answer]) -> None:
        self.decisions = [answer for answer in answers if isinstance(answer, Decision)]
        """The answers that have come."""
        self.settled = asyncio.get_running_loop().create_future()
        """Done when no more answers are waited for."""
        self._waiting = _begun(answers)
        for task in self._waiting:
            task.add_done_callback(self._take)
        if not self._waiting:
            self.settled.set_result(None)

    def unanswered(self) -> list[Answerer]:
        """Those of whom nothing has come. Their answers are cancelled."""
        unanswered = [later.by for later in self._waiting.values()]
        self.give_up()
        return unanswered

    def give_up(self) -> None:
        """Cancel what has not come."""
        waiting, self._waiting = self._waiting, {}
        for task in waiting:
            task.cancel()
        if not self.settled.done():
            self.settled.set_result(None)

    def _take(self, task: _Task) -> None:
        later = self._waiting.pop(task, None)
        if later is None:  # given up; so that Python does not warn of an exception
            _ = task.cancelled() or task.exception()
            return
        decision = _outcome(task, later.by)
        if decision is not None:
            self.decisions.append(decision)
        if not self._waiting or is_firm_no(decision):
            self.give_up()


def is_firm_no(answer: Answer | None) -> bool:
    """Whether nothing else that plugins say can change the answer."""
    return isinstance(answer, Decision) and answer.verdict is Verdict.REJECT


async def settle(questions: Collection[Question], seconds: float) -> None:
    """Wait until each is settled, all of them together, or until so many seconds have passed."""
    waiting = [question.settled for question in questions if not question.settled.done()]
    try:
        if waiting:
            await asyncio.wait(waiting, timeout=seconds)
    except asyncio.CancelledError:
        for question in questions:
            question.give_up()
        raise
    _reject_late(questions)


def _reject_late(questions: Collection[Question]) -> None:
    """A rejection in the place of each answer that has not come; one line of the log a plugin."""
    late = [(question, by) for question in questions for by in question.unanswered()]
    counts = Counter(by for _, by in late)
    rejections = {by: by.late(count) for by, count in counts.items()}
    for question, by in late:
        rejection = rejections[by]
        if rejection is not None:
            question.decisions.append(rejection)


async def all_ended(answers: Sequence[Answer], seconds: float) -> list[Decision]:
    """The answers of hooks that act, each of which is waited for, whatever the others say.

    What takes longer than ``seconds`` is cancelled, and waited for as long again: until it has
    ended, nobody knows what it has done. So it is where the caller is cancelled.
    """
    tasks = _begun(answers)
    late: set[_Task] = set()
    if tasks:
        try:
            await asyncio.wait(tasks, timeout=seconds)
        finally:
            late = await _cancelled(tasks, seconds)
    decisions = [answer for answer in answers if isinstance(answer, Decision)]
    ends = [_end(task, later.by, late) for task, later in tasks.items()]
    return [*decisions, *(end for end in ends if end is not None)]


async def _cancelled(tasks: dict[_Task, Later], seconds: float) -> set[_Task]:
    """Those that had to be cancelled, and have ended since or never will."""
    late = {task for task in tasks if not task.done()}
    for task in late:
        task.cancel()
    if late:
        _, endless = await asyncio.wait(late, timeout=seconds)
        for task in endless:
            task.add_done_callback(tasks[task].by.ended_after_all)
    return late


def _end(task: _Task, by: Answerer, late: Collection[_Task]) -> Decision | None:
    """What has come of a hook that acts."""
    if not task.done():
        return by.unknown()
    if task in late and task.cancelled():  # it has let the cancellation through: nothing is done
        return by.late()
    return _outcome(task, by)


def _begun(answers: Sequence[Answer]) -> dict[_Task, Later]:
    later = [answer for answer in answers if isinstance(answer, Later)]
    return {asyncio.ensure_future(each.decision()): each for each in later}


def _outcome(task: _Task, by: Answerer) -> Decision | None:
    """What a task has ended with. An exception is one that no guard may stop."""
    if task.cancelled():
        return by.failed(asyncio.CancelledError("cancelled by nobody who asked"))
    error = task.exception()
    return task.result() if error is None else by.failed(error)
