"""What one client asks of the store: REQ, COUNT and CLOSE (section 11 of the spec)."""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from orly_policy_hookspecs import Context
from orly_policy_hookspecs.logs import get_log
from orly_policy_hookspecs.nip01 import Filter, UnreadableFilter

from .closing import why_closed
from .host import Search, StoreUnavailable
from .messages import closed, count
from .outbox import Outbox
from .reading import TooMuch
from .subscriptions import Subscription
from .tasks import Tasks

if TYPE_CHECKING:
    from .server import Server

log = get_log(__name__)


class _NoRoom(Exception):
    """A client asks for more at a time than it may; the text is for the client, without prefix."""


def _values_in(filters: list[Any]) -> int:
    """The number of values in the lists of filters that nobody has read yet."""
    members = (member for each in filters if isinstance(each, dict) for member in each.values())
    return sum(len(member) for member in members if isinstance(member, list))


class Requests:
    """The subscriptions and counts of one client, by the names that it gave them."""

    def __init__(
        self, server: "Server", outbox: Outbox, tasks: Tasks, reader: Callable[[], Context]
    ) -> None:
        """:param tasks: the session's, which end with it.
        :param reader: the client as of now.
        """
        self.outbox = outbox
        self._server = server
        self._settings = server.settings
        self._tasks = tasks
        self._reader = reader
        self._subscriptions: dict[str, tuple[Subscription, asyncio.Task[None]]] = {}
        self._counting: dict[asyncio.Task[None], str] = {}
        self._at_a_time = asyncio.Semaphore(server.settings.requests_in_flight)

    @property
    def context(self) -> Context:
        """The reader as of now."""
        return self._reader()

    def request(self, name: str, values: list[Any]) -> None:
        """Serve a REQ."""
        self._unsubscribe(
            name
        )  # another REQ of the same name takes its place, whatever comes of it
        if (filters := self._asked(name, values)) is None:
            return
        subscription = Subscription(self, name, filters, most_held=self._settings.live_events_held)
        subscription.values = _values_in(values)
        subscription.searches = self._searches_of(filters)
        self._server.live.add(subscription)
        self._subscriptions[name] = subscription, self._tasks.start(self._serve(subscription))

    def _asked(self, name: str, values: list[Any]) -> list[Filter] | None:
        """The filters of a REQ or COUNT; ``None`` where it is answered CLOSED."""
        try:
            self._check_room(values)
            filters = self._filters(values)
        except _NoRoom as error:
            self.outbox.put(closed(name, f"error: {error}"))
            return None
        except UnreadableFilter as error:
            self.outbox.put(closed(name, f"invalid: {error}"))
            return None
        reason = why_closed(filters, self._server.gate.read_scopes(self.context), self.context)
        if reason is not None:
            self.outbox.put(closed(name, reason))
            return None
        return filters

    def _check_room(self, filters: list[Any]) -> None:
        """:raises _NoRoom: the client has too much open already."""
        if len(self._subscriptions) + len(self._counting) >= self._settings.subscriptions:
            raise _NoRoom(f"at most {self._settings.subscriptions} subscriptions at a time")
        open_values = sum(each.values for each, _ in self._subscriptions.values())
        most = self._settings.subscription_values
        if open_values + _values_in(filters) > most:
            raise _NoRoom(f"the filters of all subscriptions may have {most} values")

    def _filters(self, values: list[Any]) -> list[Filter]:
        """:raises UnreadableFilter: one is none, or there are none, or too many."""
        most = self._settings.filters
        if not 0 < len(values) <= most:
            raise UnreadableFilter(f"there are {len(values)} filters, 1 to {most} may be")
        filters = [Filter.read(value, self._settings.filter_bounds) for value in values]
        self._searches_of(filters)
        return filters

    def _searches_of(self, filters: Sequence[Filter]) -> dict[str, Search]:
        """:raises UnreadableFilter: the store does not search, or not for that."""
        return {text: self._server.search_for(text) for each in filters if (text := each.search)}

    async def _serve(self, subscription: Subscription) -> None:
        async with self._at_a_time:
            try:
                stored = self._server.reading.stored(subscription.filters, self._reader)
                async with contextlib.aclosing(stored):
                    async for events in stored:
                        await subscription.send_stored(events)
            except StoreUnavailable as error:
                subscription.close(f"error: {error}")
                return
            except Exception:
                log.exception("a REQ could not be served")
                subscription.close("error: the REQ could not be served")
                return
        subscription.end_of_stored(self._server.late_seconds)

    def count(self, name: str, values: list[Any]) -> None:
        """Answer a COUNT."""
        if (filters := self._asked(name, values)) is not None:
            task = self._tasks.start(self._answer_count(name, filters))
            self._counting[task] = name
            task.add_done_callback(self._counting.pop)

    async def _answer_count(self, name: str, filters: Sequence[Filter]) -> None:
        try:
            async with self._at_a_time:
                number = await self._server.reading.count(filters, self._reader)
            answer = count(name, number)
        except TooMuch:
            most = self._settings.counted_events
            answer = closed(name, f"error: this is more than {most} events to look at")
        except StoreUnavailable as error:
            answer = closed(name, f"error: {error}")
        except Exception:
            log.exception("a COUNT could not be answered")
            answer = closed(name, "error: the COUNT could not be answered")
        self.outbox.put(answer)

    def close(self, name: str) -> None:
        """End what has this name, as CLOSE does."""
        self._unsubscribe(name)
        for task in [task for task, counted in self._counting.items() if counted == name]:
            task.cancel()

    async def end(self) -> None:
        """End all subscriptions: the client has gone."""
        while self._subscriptions:
            self.drop(next(iter(self._subscriptions.values()))[0])
            await asyncio.sleep(0)

    def _unsubscribe(self, name: str) -> None:
        if name in self._subscriptions:
            self.drop(self._subscriptions[name][0])

    def drop(self, subscription: Subscription) -> None:
        """Forget a subscription, and what is still to be sent of it."""
        known = self._subscriptions.get(subscription.name)
        if known is None or known[0] is not subscription:
            return
        del self._subscriptions[subscription.name]
        subscription.end()
        self._server.live.remove(subscription)
        if known[1] is not asyncio.current_task():
            known[1].cancel()
