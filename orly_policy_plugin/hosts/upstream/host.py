"""The upstream as a session's store."""

import asyncio
import re
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import attrs

from orly_policy_hookspecs.logs import get_log
from orly_policy_hookspecs.nip01 import Filter, FrozenEvent, Position, frozen

from ...session import Added, Deletion, HandOn, Known, NotStored, StoreUnavailable, Vanishing
from .information import UpstreamInformation
from .lines import Lines
from .paging import Answers, Pager
from .wire import Accepted

MOST_REMEMBERED: Final = 10_000
"""Ids of events that have passed here, so that what the upstream sends of them is told once."""
_USUAL_LARGEST_LIMIT: Final = 1_000
"""Of relays that do not tell. Where one heeds less, it answers with less."""
_MOST_QUESTIONS: Final = 50
"""REQs for one page. A page that takes more ends where they ended."""
_MISSED: Final = 500
"""Events that are asked for after the upstream was gone for a while."""
_UNSEEN: Final = 1_000
"""Live events that wait to be told of; until there is room nothing more is read."""
_REASON: Final = re.compile(r"[a-z-]+: ?")

Announced = Callable[[FrozenEvent], Awaitable[None]]

log = get_log(__name__)


@attrs.define(eq=False)
class _Passing:
    """An event that the upstream has been sent and has not answered."""

    answered: asyncio.Event = attrs.Factory(asyncio.Event)
    answer: Added | None = None
    """``None`` where there was none."""
    has_come_live: bool = False


class UpstreamHost:
    """A relay that speaks NIP-01 as a store (:class:`.session.Host`). What it refuses is refused
    in its words, what it sends is verified, and what it cannot be asked is an ``error:``.
    """

    verifies = True

    def __init__(self, lines: Lines, information: UpstreamInformation) -> None:
        self._lines = lines
        self._complaints = lines.complaints
        told = information.largest_limit
        self._answers = Answers(told or _USUAL_LARGEST_LIMIT, proven=told or 0)
        self._passing: dict[str, _Passing] = {}
        self._passed: OrderedDict[str, None] = OrderedDict()
        self._unseen: asyncio.Queue[FrozenEvent] = asyncio.Queue(_UNSEEN)

    # --- the store

    async def add(self, event: FrozenEvent) -> Added:
        """Send an event up: what the upstream answers counts."""
        while (other := self._passing.get(event.id)) is not None:
            await other.answered.wait()
            if other.answer is not None:
                return Known.DUPLICATE if other.answer is Known.STORED else other.answer
        passing = self._passing[event.id] = _Passing()
        try:
            passing.answer = await self._send_up(event)
        finally:
            del self._passing[event.id]
            passing.answered.set()
            if passing.answer is Known.STORED:
                self._remember(event.id)
            elif passing.has_come_live:  # others can read it, whatever the answer was
                await self._unseen.put(event)
        return passing.answer

    async def relay(self, event: FrozenEvent) -> Added:
        """Send an ephemeral event up, to whoever follows the upstream elsewhere."""
        return await self.add(event)

    async def recall(self, event: FrozenEvent) -> Known | None:
        """Nothing: the upstream says so when it is sent the event."""
        return None

    async def delete(self, deletion: Deletion) -> None:
        """Nothing: the upstream was sent the deletion, and does so itself (NIP-09)."""

    async def _send_up(self, event: FrozenEvent) -> Added:
        self._lines.genuine.remember(event)  # the session has verified it
        async with self._lines.wire() as wire:
            accepted = await wire.publish(event)
        is_known = accepted.is_accepted and event.id in self._passed  # some repeat their answer
        if is_known or accepted.message.startswith("duplicate:"):
            return Known.DUPLICATE
        return Known.STORED if accepted.is_accepted else NotStored(_reason(accepted))

    async def page(
        self, wanted: Filter, before: Position | None, most: int
    ) -> Sequence[FrozenEvent]:
        """A page, put together of as many REQs as it takes."""
        page: list[FrozenEvent] = []
        await self.stream(wanted, before, most, page.extend)
        return page

    async def stream(
        self, wanted: Filter, before: Position | None, most: int, hand_on: HandOn
    ) -> None:
        """A page. Where the upstream keeps the order, events are handed on while more come."""
        pager = Pager(self._answers, wanted, before, most)

        def come(events: Sequence[FrozenEvent]) -> None:
            if first := pager.come(events):
                hand_on(first)

        async with self._lines.wire() as wire:
            for _ in range(_MOST_QUESTIONS):
                pager.end_of_answer(await wire.stored(pager.question, come))
                if pager.is_over:
                    break
        self._answers = self._answers.with_those_of(pager.answers)
        if pager.has_skipped:
            self._complaints.say("has more events of one second than it ever answers with")
        hand_on(pager.rest)

    # --- what comes live

    async def live(self, event: FrozenEvent) -> None:
        """The upstream has taken an event. Returns when there is room for another."""
        if (passing := self._passing.get(event.id)) is not None:
            passing.has_come_live = True
        elif event.id not in self._passed:
            await self._unseen.put(event)

    async def tell(self, announced: Announced) -> None:
        """Tell of what has come live, each event once, until it is cancelled."""
        while True:
            event = await self._unseen.get()
            if event.id in self._passed:
                continue
            self._remember(event.id)
            try:
                await announced(event)
            except Exception:
                log.exception("the live event %s could not be handed on", event.id)
            await asyncio.sleep(0)

    async def missed(self, since: float) -> None:
        """Look up what has come since that Unix time.

        :raises UpstreamGone: the upstream cannot be asked.
        """
        events = await self.page(Filter(since=int(since) - 1), None, _MISSED)
        if len(events) == _MISSED:
            log.warning("more than %d live events may have been missed", _MISSED)
        for event in reversed(events):
            await self.live(event)

    def _remember(self, event_id: str) -> None:
        self._passed[event_id] = None
        if len(self._passed) > MOST_REMEMBERED:
            self._passed.popitem(last=False)


class VanishingHost(UpstreamHost):
    """An upstream that obeys requests to vanish (NIP-62)."""

    async def vanish(self, vanishing: Vanishing) -> None:
        """Send the request up.

        :raises StoreUnavailable: it was not obeyed.
        """
        added = await self.add(frozen(vanishing.request))
        if isinstance(added, NotStored):
            raise StoreUnavailable(f"the request to vanish was refused: {added.message}")


def _reason(accepted: Accepted) -> str:
    """Why the upstream refuses, with a prefix. No client can authenticate to it."""
    message = accepted.message
    if message.startswith("auth-required:"):
        return f"error: the relay's store refuses it: {message}"
    return message if _REASON.match(message) else f"error: {message or 'the store refuses it'}"
