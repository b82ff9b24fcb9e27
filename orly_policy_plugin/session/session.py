"""The session of one client: its messages, and the answers (section 11 of the spec)."""

import asyncio
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

from orly_policy_hookspecs import Context
from orly_policy_hookspecs.logs import get_log

from ..counted import counted
from .authentication import NotAuthenticated, authenticated, new_challenge
from .in_flight import InFlight
from .messages import (
    ClientMessage,
    Message,
    NoMessage,
    auth,
    closed,
    id_of,
    neg_err,
    notice,
    ok,
    read_message,
    refusal,
)
from .outbox import Outbox, Send, SendMany
from .requests import Requests
from .tasks import Tasks

if TYPE_CHECKING:
    from .server import Server

log = get_log(__name__)

_LAST_WORD_SECONDS: Final = 1.0


class SessionEnded(Exception):
    """The session is over: the client has gone, or is not served any more. Where it is raised
    within the session's own ``async with``, it ends there.
    """


def _answer_to(error: NoMessage) -> Message:
    why = f"invalid: {error}"
    if error.event_id is None:
        return notice(why)
    return ok(error.event_id, accepted=False, message=why)


class Session:
    """A client's session. Made by :meth:`.Server.connect`, and used in the one task that reads
    what the client sends, which it ends where the client is not to be served any more.
    """

    def __init__(
        self, server: "Server", send: Send, ip: str, send_many: SendMany | None = None
    ) -> None:
        self.context = Context(ip=ip, connection=self)
        """The client as of now; another when somebody authenticates."""
        settings = server.settings
        self.outbox = Outbox(send, settings.unread_bytes, settings.send_seconds, send_many)
        self._server = server
        self._settings = settings
        self._challenge = new_challenge()
        self._tasks = Tasks()
        self._requests = Requests(server, self.outbox, self._tasks, lambda: self.context)
        self._events = InFlight(settings.events_in_flight, settings.event_bytes_in_flight)
        self._taking: set[asyncio.Task[None]] = set()
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
        self._reader = None  # it leaves already: to end it now would break off what it finishes
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
        await self._requests.end()
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
                self._requests.request(name, message.rest[1:])
            case "COUNT":
                self._requests.count(name, message.rest[1:])
            case "CLOSE":
                self._requests.close(name)
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
                f"restricted: at most {counted(self._settings.keys, 'key')} "
                "may authenticate on a connection"
            )
        self.context = Context((*known, pubkey), ip=self.context.ip, connection=self)
