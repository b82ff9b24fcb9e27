"""The session of one client: its messages, and the answers (section 11 of the spec)."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

from orly_policy_hookspecs import Context
from orly_policy_hookspecs.logs import get_log
from orly_policy_hookspecs.nip01 import Filter, UnreadableFilter

from .authentication import NotAuthenticated, authenticated, new_challenge
from .closing import why_closed
from .host import Search
from .in_flight import InFlight
from .messages import (
    ClientMessage,
    Message,
    NoMessage,
    auth,
    closed,
    count,
    id_of,
    neg_err,
    notice,
    ok,
    read_message,
    refusal,
)
from .outbox import Outbox, Send
from .reading import TooMuch
from .subscriptions import Subscription
from .tasks import Tasks

if TYPE_CHECKING:
    from .server import Server

log = get_log(__name__)

_LAST_WORD_SECONDS: Final = 1.0


class SessionEnded(Exception):
    """The session is over: the client has gone, or is not served any more. Where it is raised
    within the session's own ``async with``, it ends there.
    """


class _NoRoom(Exception):
    """A client asks for more at a time than it may; the text is for the client, without prefix."""


def _values_in(filters: list[Any]) -> int:
    """The number of values in the lists of filters that nobody has read yet."""
    members = (member for each in filters if isinstance(each, dict) for member in each.values())
    return sum(len(member) for member in members if isinstance(member, list))


def _answer_to(error: NoMessage) -> Message:
    why = f"invalid: {error}"
    if error.event_id is None:
        return notice(why)
    return ok(error.event_id, accepted=False, message=why)


class Session:
    """A client's session. Made by :meth:`.Server.connect`, and used in the one task that reads
    what the client sends, which it ends where the client is not to be served any more.
    """

    def __init__(self, server: "Server", send: Send, ip: str) -> None:
        self.context = Context(ip=ip, connection=self)
        """The client as of now; another when somebody authenticates."""
        settings = server.settings
        self.outbox = Outbox(send, settings.unread_bytes, settings.send_seconds)
        self._server = server
        self._settings = settings
        self._challenge = new_challenge()
        self._tasks = Tasks()
        self._subscriptions: dict[str, tuple[Subscription, asyncio.Task[None]]] = {}
        self._requests = asyncio.Semaphore(settings.requests_in_flight)
        self._events = InFlight(settings.events_in_flight, settings.event_bytes_in_flight)
        self._taking: set[asyncio.Task[None]] = set()
        self._counting: dict[asyncio.Task[None], str] = {}
        self._reader: asyncio.Task[Any] | None = None
        self._cancellations = 0
        self._why_ended: str | None = None
        self._ending: asyncio.Handle | None = None

    # --- its life

    async def __aenter__(self) -> Self:
        self._reader = asyncio.current_task()
        assert self._reader is not None
        self._cancellations = self._reader.cancelling()
        self._tasks.start(self._send())
        if self._server.came(self):
            self.outbox.put(auth(self._challenge))
        else:
            self.outbox.put(notice("error: too many connections from this address"))
            self.end("too many connections from this address")
        return self

    async def __aexit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        is_ours = await self._has_been_ended(exception)
        try:
            await self._has_gone()
        finally:
            self._server.left(self)
        try:
            if self._why_ended is not None:
                await self.outbox.drained(_LAST_WORD_SECONDS)
        finally:
            await self._tasks.stop()
        return is_ours or isinstance(exception, SessionEnded)

    async def _has_gone(self) -> None:
        """End what the client has asked for, and finish what it has sent."""
        while self._subscriptions:
            self.drop(next(iter(self._subscriptions.values()))[0])
            await asyncio.sleep(0)
        if self._taking:
            await asyncio.wait(self._taking)

    def end(self, reason: str) -> None:
        """Serve this client no more."""
        if self._why_ended is not None or self._reader is None:
            return
        self._why_ended = reason
        log.info("the session of %s ends: %s", self.context.ip or "a client", reason)
        self._ending = asyncio.get_running_loop().call_soon(self._reader.cancel)

    async def _has_been_ended(self, exception: BaseException | None) -> bool:
        """Whether :meth:`end` alone has cancelled the session's task. Then the cancellation ends
        with the session.
        """
        if self._ending is None:
            return False
        self._ending.cancel()
        assert self._reader is not None
        if self._reader.cancelling() <= self._cancellations:
            return False
        if not isinstance(exception, asyncio.CancelledError):
            with suppress(asyncio.CancelledError):  # it is on its way
                await asyncio.sleep(0)
        is_last = self._reader.uncancel() <= self._cancellations
        return is_last and isinstance(exception, asyncio.CancelledError)

    async def _send(self) -> None:
        try:
            await self.outbox.run()
        except TimeoutError:
            self.end("it does not read")
        except Exception as error:  # noqa: BLE001 -- however a connection ends, it has ended
            self.end(f"it has gone ({type(error).__name__})")

    # --- what comes

    async def incoming(self, text: str | bytes) -> None:
        """Take what the client has sent. It returns when the next may come.

        :raises SessionEnded: the client is not served any more.
        """
        await self.outbox.room()
        if self._why_ended is not None:
            raise SessionEnded(self._why_ended)
        try:
            message = read_message(text, self._settings)
        except NoMessage as error:
            self.outbox.put(_answer_to(error))
        else:
            await self._dispatch(message)
        await asyncio.sleep(0)  # whoever sends without end lets others have their turn

    async def _dispatch(self, message: ClientMessage) -> None:
        if reason := await self._server.admit(message.command, self.context):
            self.outbox.put(refusal(message, reason))
            return
        match message.command:
            case "EVENT":
                await self._begin_to_take(message)
            case "AUTH":
                self._authenticate(message.rest[0])
            case "REQ" | "COUNT" | "CLOSE" | "NEG-OPEN" | "NEG-MSG" | "NEG-CLOSE":
                self._about_a_subscription(message)
            case other:
                self.outbox.put(notice(f"invalid: there is no message {other[:20]!r}"))

    def _about_a_subscription(self, message: ClientMessage) -> None:
        name = message.subscription
        if name is None:
            shown = str(message.rest[0])[:64]
            self.outbox.put(closed(shown, "invalid: a subscription id has 1 to 64 characters"))
            return
        match message.command:
            case "REQ":
                self._request(name, message.rest[1:])
            case "COUNT":
                self._count(name, message.rest[1:])
            case "CLOSE":
                self._close(name)
                self._stop_counting(name)
            case "NEG-CLOSE":
                pass  # nothing was opened
            case _:
                self.outbox.put(neg_err(name, "blocked: sets are not reconciled here"))

    # --- EVENT

    async def _begin_to_take(self, message: ClientMessage) -> None:
        """Take an event, once there is room for one of its size beside those under way."""
        size_bytes = message.size_bytes
        await self._events.take(size_bytes)
        task = self._server.writes.start(self._take(message.rest[0], size_bytes))
        self._taking.add(task)
        task.add_done_callback(self._taking.discard)

    async def _take(self, value: object, size_bytes: int) -> None:
        try:
            answer = await self._server.writing.take(value, self.context)
        finally:
            self._events.give_back(size_bytes)
        self.outbox.put(ok(answer.event_id, accepted=answer.accepted, message=answer.message))

    # --- AUTH

    def _authenticate(self, value: object) -> None:
        event_id = id_of(value)
        try:
            event = authenticated(
                value, self._challenge, self._settings.relay_urls, self._server.clock()
            )
            self._authenticated(event.pubkey)
        except NotAuthenticated as error:
            self.outbox.put(ok(event_id, accepted=False, message=str(error)))
            return
        log.info("authenticated %s from %s", event.pubkey, self.context.ip)
        self.outbox.put(ok(event_id, accepted=True))

    def _authenticated(self, pubkey: str) -> None:
        """Add a key that the client has proved to hold."""
        known = self.context.authenticated
        if pubkey in known:
            return
        if len(known) >= self._settings.keys:
            raise NotAuthenticated(
                f"restricted: at most {self._settings.keys} keys may authenticate on a connection"
            )
        self.context = Context((*known, pubkey), ip=self.context.ip, connection=self)

    # --- REQ, COUNT, CLOSE

    def _request(self, name: str, values: list[Any]) -> None:
        self._close(name)  # another REQ of the same name takes its place, whatever comes of it
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
        async with self._requests:
            try:
                stored = self._server.reading.stored(subscription.filters, lambda: self.context)
                async for events in stored:
                    await subscription.send_stored(events)
            except Exception:
                log.exception("a REQ could not be served")
                subscription.close("error: the REQ could not be served")
                return
        subscription.end_of_stored()

    def _count(self, name: str, values: list[Any]) -> None:
        if (filters := self._asked(name, values)) is not None:
            task = self._tasks.start(self._answer_count(name, filters))
            self._counting[task] = name
            task.add_done_callback(self._counting.pop)

    async def _answer_count(self, name: str, filters: Sequence[Filter]) -> None:
        try:
            async with self._requests:
                number = await self._server.reading.count(filters, lambda: self.context)
            answer = count(name, number)
        except TooMuch:
            most = self._settings.counted_events
            answer = closed(name, f"error: this is more than {most} events to look at")
        except Exception:
            log.exception("a COUNT could not be answered")
            answer = closed(name, "error: the COUNT could not be answered")
        self.outbox.put(answer)

    def _stop_counting(self, name: str) -> None:
        for task in [task for task, counted in self._counting.items() if counted == name]:
            task.cancel()

    def _close(self, name: str) -> None:
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
