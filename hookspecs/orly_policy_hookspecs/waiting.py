"""Waiting for the answers of plugins that do not answer at once."""

import asyncio
from collections import Counter
from collections.abc import Collection, Sequence
from time import monotonic

from .answers import OUR_FAULT, Answerer, Attributed, Late, Later, come_and_awaited
from .decision import Decision, Verdict

_Task = asyncio.Task[Decision | Late | None]


class Question:
    """One question, some of whose answers must be awaited. Each is awaited in a task, as a plugin
    might not end when it is told to. It is answered by a firm no, or else by the last answer.

    Made on a running event loop.
    """

    def __init__(self, answers: Sequence[Attributed], deadline: float) -> None:
        """:param deadline: by the monotonic clock: what comes later is late."""
        self.decisions, awaited = come_and_awaited(answers)
        """The answers that have come."""
        self.answered = asyncio.get_running_loop().create_future()
        """A future that is done when no more answers are waited for."""
        self._late: list[Answerer] = []
        self._waiting = _begun(awaited, deadline)
        for task in self._waiting:
            task.add_done_callback(self._take)
        if not self._waiting:
            self.answered.set_result(None)

    def late(self) -> list[Answerer]:
        """Give up the answers that have not come, and return the plugins that are late."""
        late = [*self._late, *(later.by for later in self._waiting.values())]
        self.give_up()
        return late

    def give_up(self) -> None:
        """Cancel the answers that have not come."""
        waiting, self._waiting = self._waiting, {}
        for task in waiting:
            task.cancel()
        if not self.answered.done():
            self.answered.set_result(None)

    def _take(self, task: _Task) -> None:
        later = self._waiting.pop(task, None)
        if later is None:  # given up; so that Python does not warn of an exception
            _ = task.cancelled() or task.exception()
            return
        outcome: Decision | Late | None = OUR_FAULT.attributed(later.by.plugin)
        try:
            outcome = _outcome(task, later.by)
        finally:  # whatever fails, what is lost is not an abstention
            self._note(outcome, later.by)

    def _note(self, outcome: Decision | Late | None, by: Answerer) -> None:
        if isinstance(outcome, Late):
            self._late.append(by)
        elif outcome is not None:
            self.decisions.append(outcome)
        is_no = is_firm_no(outcome) or (isinstance(outcome, Late) and not by.acts)
        if is_no or not self._waiting:
            self.give_up()


def is_firm_no(answer: object) -> bool:
    """Whether no other answer can change this one."""
    return isinstance(answer, Decision) and answer.verdict is Verdict.REJECT


async def wait_for_all(questions: Collection[Question], deadline: float) -> None:
    """Wait until all questions are answered, or until the deadline, by the monotonic clock."""
    waiting = [question.answered for question in questions if not question.answered.done()]
    try:
        if waiting:
            await asyncio.wait(waiting, timeout=max(deadline - monotonic(), 0))
    except asyncio.CancelledError:
        for question in questions:
            question.give_up()
        raise
    _reject_late(questions)


def _reject_late(questions: Collection[Question]) -> None:
    """Add a rejection for each answer that is late, and log each late plugin once."""
    late = [(question, by) for question in questions for by in question.late()]
    counts = Counter(by for _, by in late)
    rejections = {by: by.late(count) for by, count in counts.items()}
    for question, by in late:
        rejection = rejections[by]
        if rejection is not None:
            question.decisions.append(rejection)


async def all_ended(answers: Sequence[Attributed], seconds: float) -> list[Decision]:
    """The answers of hooks that act, each of which is waited for, whatever the others say.

    What takes longer than ``seconds`` is cancelled, and waited for as long again: until it has
    ended, nobody knows what it has done. So it is where the caller is cancelled.
    """
    decisions, awaited = come_and_awaited(answers)
    tasks = _begun(awaited, monotonic() + seconds)
    if not tasks:
        return decisions
    try:
        await asyncio.wait(tasks, timeout=seconds)
    finally:
        late = await _cancelled(tasks, seconds)
    ends = [_end(task, later.by, late) for task, later in tasks.items()]
    return [*decisions, *(end for end in ends if end is not None)]


async def _cancelled(tasks: dict[_Task, Later], seconds: float) -> set[_Task]:
    """Cancel the tasks that take too long, wait for them to end, and return them."""
    late = {task for task in tasks if not task.done()}
    for task in late:
        task.cancel()
    if late:
        _, endless = await asyncio.wait(late, timeout=seconds)
        for task in endless:
            task.add_done_callback(tasks[task].by.ended_after_all)
    return late


def _end(task: _Task, by: Answerer, late: Collection[_Task]) -> Decision | None:
    """The answer of a hook that acts, once its task has ended or is given up."""
    if not task.done():
        return by.unknown()
    if task in late and task.cancelled():  # it has let the cancellation through: nothing is done
        return by.late()
    outcome = _outcome(task, by)
    if isinstance(outcome, Late):
        by.late()
        return outcome.decision
    return outcome


def _begun(awaited: Sequence[Later], deadline: float) -> dict[_Task, Later]:
    return {asyncio.ensure_future(each.decision_until(deadline)): each for each in awaited}


def _outcome(task: _Task, by: Answerer) -> Decision | Late | None:
    """The result of a task that has ended. An exception is one that no guard may stop."""
    if task.cancelled():
        return by.failed(asyncio.CancelledError("cancelled by nobody who asked"))
    error = task.exception()
    return task.result() if error is None else by.failed(error)
