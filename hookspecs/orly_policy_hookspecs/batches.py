"""Many reads for one reader, within one budget."""

import asyncio
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import islice
from time import monotonic
from typing import Final

from .answers import TOO_SLOW, Attributed
from .at_once import VOUCH, as_list, at_once
from .combining import combine
from .context import Context
from .decision import Decision
from .logs import get_log
from .nip01.events import Event
from .registry import Registry
from .waiting import Question, wait_for_all

log = get_log(__name__)

_EVENTS_AT_A_TIME: Final = 128


class Batch:
    """The events of one REQ's result, about which the plugins are asked. Used once.

    Plugins that must be waited for are asked about many events together, but not about all of a
    large result, which would fill their queues. In between the event loop is let go on.
    """

    def __init__(
        self, registry: Registry, may_vouch: Collection[str], budget_seconds: float
    ) -> None:
        """:param budget_seconds: for all events together."""
        self._registry = registry
        self._may_vouch = may_vouch
        self._budget_seconds = budget_seconds
        self._began = monotonic()
        self._ends = self._began + budget_seconds
        self._asking_seconds = 0.0
        """Seconds spent in plugins' own functions."""

    async def decide(self, events: Iterable[Event], context: Context) -> list[Decision]:
        """One decision for each event, in their order. Never raises."""
        decisions: list[Decision] = []
        remaining = iter(events)
        while some := list(islice(remaining, _EVENTS_AT_A_TIME)):
            begin = len(decisions)
            waiting = self._ask_some(some, context, decisions)
            await asyncio.sleep(0)
            questions = {i: Question(answers, self._ends) for i, answers in waiting.items()}
            if questions:
                await wait_for_all(questions.values(), self._ends)
            for i, question in questions.items():
                decisions[i] = combine(question.decisions, self._may_vouch)
            if monotonic() >= self._ends:  # no plugin is asked what nobody would wait for
                unasked = len(some) - (len(decisions) - begin) + await _count(remaining)
                return [*decisions, *self._out_of_time(decisions[begin:], unasked)]
        return decisions

    def _ask_some(
        self, events: Iterable[Event], context: Context, decisions: list[Decision]
    ) -> dict[int, list[Attributed]]:
        """Ask about events one after the other until the time ends.

        :param decisions: where to add one for each.
        :return: the answers that must be waited for, by the index of their decision, which is
            still to be written.
        """
        ask, may_vouch = self._registry.ask_read, self._may_vouch
        waiting: dict[int, list[Attributed]] = {}
        begun = monotonic()
        for event in events:
            if (now := monotonic()) >= self._ends:
                break
            answers = ask(event, context, now)  # a look at the clock less in many turns
            if type(answers) is Decision and answers.verdict is not VOUCH:
                decisions.append(answers)  # as at_once would
                continue
            decision = at_once(answers, may_vouch)
            if decision is None:
                waiting[len(decisions)] = as_list(answers)
            decisions.append(decision or TOO_SLOW)
        self._asking_seconds += monotonic() - begun
        return waiting

    def _out_of_time(self, last: Sequence[Decision], unasked: int) -> list[Decision]:
        """Decisions for the events that nobody was asked about, in the name of the plugin that
        has most probably used up the budget; of none, where it went by elsewhere.
        """
        if not unasked:
            return []
        late = (each.source for each in last if each.message == TOO_SLOW.message)
        slow = next(late, "")
        if not slow and self._plugins_used_it_up:
            slow = self._registry.slow_reader(self._began)
        log.error(
            "the budget of %g seconds for a batch of reads was used up with %d events left; "
            "plugin %s is the likely cause",
            self._budget_seconds,
            unasked,
            slow or "(none)",
        )
        return [TOO_SLOW.attributed(slow)] * unasked

    @property
    def _plugins_used_it_up(self) -> bool:
        """Whether plugins took the time, and not the event loop or whoever hands out events."""
        return self._asking_seconds > self._budget_seconds / 2


async def _count(remaining: Iterator[Event]) -> int:
    """Count the events that are left, and let the event loop go on in between."""
    count = 0
    while some := sum(1 for _ in islice(remaining, _EVENTS_AT_A_TIME)):
        count += some
        await asyncio.sleep(0)
    return count
