"""One websocket to the upstream relay: REQs and EVENTs, each with its answer."""

import asyncio
import contextlib
import itertools
import logging
import re
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

import attrs
import orjson

from orly_policy_hookspecs.logs import get_log
from orly_policy_hookspecs.nip01 import Filter, FrozenEvent
from orly_policy_hookspecs.printing import printable

from ...session import StoreUnavailable
from .complaints import Complaints
from .genuine import Genuine
from .socket import Socket, SocketLost

ANSWER_SECONDS: Final = 15.0
"""So long the upstream may take for one answer, where nothing else is said."""
_NOTICE_SECONDS: Final = 2.0
"""So long for an answer to the only question after a NOTICE: some refuse with nothing else."""
_MOST_UNTOLD: Final = 100
"""Live events that wait to be told of. With as many nothing more is read."""
_ANSWER_BYTES: Final = 64 * 1024 * 1024
"""Of one answer, all its events together."""
_EXCESS: Final = 2
"""So many times its ``limit`` a REQ is answered before it is given up."""
_SHOWN: Final = 500
_LIVE: Final = {"since": 1, "limit": 1}
"""All live events. The stored one that comes with them is dropped: to nostr-relay ``limit`` 0 is
none, and a filter that has nothing else, or a ``since`` of 0, matches no live event.
"""
OWN_AUTHENTICATION: Final = "insists on authentication, which has to be off there"

log = get_log(__name__)


class UpstreamGone(StoreUnavailable):
    """The upstream cannot be asked now, as clients are told."""

    def __init__(self, why: str) -> None:
        super().__init__(f"the relay's store cannot be asked: {why}")
        self.why = why
        """For the log."""


@attrs.frozen
class Accepted:
    """The upstream's answer to an EVENT."""

    is_accepted: bool
    message: str


Come = Callable[[Sequence[FrozenEvent]], None]
"""Told of the genuine events that a REQ is answered with, when they come."""


@attrs.define(eq=False)
class _Req:
    """A REQ whose stored events are coming."""

    limit: int
    come: Come
    done: asyncio.Future[None]
    number: int = 0
    """Of all that came, others included."""
    size_bytes: int = 0
    _untold: list[FrozenEvent] = attrs.Factory(list)

    def add(self, event: FrozenEvent) -> None:
        """Have a genuine event told, with the others that come at the same time."""
        if not self._untold:
            asyncio.get_running_loop().call_soon(self._tell_early)
        self._untold.append(event)

    def _tell_early(self) -> None:
        if not self.done.done():
            try:
                self.tell()
            except Exception as error:  # noqa: BLE001 -- it is raised to who waits
                self.done.set_exception(error)

    def tell(self) -> None:
        """Tell of all that has come."""
        events, self._untold = self._untold, []
        if events:
            self.come(events)


Live = Callable[[FrozenEvent], Awaitable[None]]
"""Told of every genuine event that comes on the live subscription, one after the other."""
_EVENT: Final = re.compile(rb'\["EVENT",[ ]?"([^"\\]*)",[ ]?(?=\{)')
"""How nearly every EVENT begins; others are taken apart and put together again."""


class Wire:
    """A websocket to the upstream that is open. Made by :func:`open_wire`.

    What comes that nobody asked for is dropped, and so is what is no message.
    """

    def __init__(
        self,
        genuine: Genuine,
        complaints: Complaints,
        live: Live | None,
        answer_seconds: float,
    ) -> None:
        """:param answer_seconds: so long the upstream may take for one answer."""
        self._genuine = genuine
        self._complaints = complaints
        self._live = live
        self._untold: deque[FrozenEvent] = deque()
        self._telling: asyncio.Task[None] | None = None
        self._answer_seconds = answer_seconds
        self._live_name: str | None = None
        self._is_live: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._numbers = itertools.count(1)
        self._reqs: dict[str, _Req] = {}
        self._sent: dict[str, asyncio.Future[Accepted]] = {}
        """By event id, in the order in which they were sent."""
        self._why_gone: str | None = None
        self.largest_message_bytes: int | None = None
        """Of what the upstream takes. Over more it might close the connection, for all."""
        self.gone = asyncio.Event()
        """Set once it is closed."""
        self._socket = Socket(self._take, self._fail)

    async def connect(self, url: str, headers: Mapping[str, str]) -> None:
        """Connect. To be called once, before all else.

        :raises UpstreamGone: the upstream cannot be reached.
        """
        try:
            await self._socket.connect(url, headers)
        except SocketLost as error:
            raise UpstreamGone(str(error)) from None

    @property
    def why_gone(self) -> str:
        """Why it is closed; empty where it is open."""
        return self._why_gone or ""

    @property
    def is_open(self) -> bool:
        """Whether it can be asked."""
        return self._why_gone is None

    async def stored(self, wanted: Filter, come: Come) -> int:
        """Ask for stored events; how many came, those that are not genuine included.

        :param wanted: with a ``limit``.
        :param come: told of them in the upstream's order.
        :raises UpstreamGone: the upstream is gone, refuses, or does not answer in time.
        """
        assert wanted.limit is not None
        name = f"q{next(self._numbers)}"
        req = _Req(wanted.limit, come, asyncio.get_running_loop().create_future())
        self._reqs[name] = req
        try:
            await self._send(["REQ", name, filter_json(wanted)])
            await self._wait_for(req.done)
            req.tell()
        finally:
            del self._reqs[name]
            await self._close_req(name)
        return req.number

    async def publish(self, event: FrozenEvent) -> Accepted:
        """Send an event, and give the upstream's answer. One event is sent once at a time.

        :raises UpstreamGone: there is none.
        """
        answer: asyncio.Future[Accepted] = asyncio.get_running_loop().create_future()
        self._sent[event.id] = answer
        try:
            await self._send(["EVENT", event._asdict()])
            await self._wait_for(answer)
        finally:
            del self._sent[event.id]
        return answer.result()

    async def follow(self) -> None:
        """Have all live events told, from the return on.

        :raises UpstreamGone: the upstream is gone, or refuses.
        """
        self._live_name = f"live{next(self._numbers)}"
        await self._send(["REQ", self._live_name, _LIVE])
        await self._wait_for(self._is_live)

    async def close(self) -> None:
        """Close it."""
        self._fail("it was closed")
        await self._socket.close()
        if self._telling is not None:
            self._telling.cancel()
            await asyncio.wait([self._telling])

    # --- out

    async def _send(self, message: Sequence[object]) -> None:
        if self._why_gone is not None:
            raise UpstreamGone(self._why_gone)
        text = orjson.dumps(message)
        most = self.largest_message_bytes
        if most is not None and len(text) > most:
            raise UpstreamGone(f"this makes a message of {len(text)} bytes, it takes {most}")
        try:
            async with asyncio.timeout(self._answer_seconds):
                await self._socket.send(text)
        except TimeoutError:
            self._fail("it does not read")
            raise UpstreamGone("it does not read") from None

    async def _wait_for(self, answer: "asyncio.Future[Any]") -> None:
        try:
            async with asyncio.timeout(self._answer_seconds):
                await answer
        except TimeoutError:
            raise UpstreamGone(f"no answer within {self._answer_seconds:g} s") from None

    async def _close_req(self, name: str) -> None:
        with contextlib.suppress(UpstreamGone):  # then there is nothing to close
            await self._send(["CLOSE", name])

    # --- in

    def _take(self, text: bytes) -> None:
        if (start := _EVENT.match(text)) and text.endswith(b"}]"):
            self._take_event(start[1].decode(errors="replace"), text[start.end() : -1])
            return
        try:
            message = orjson.loads(text)
        except orjson.JSONDecodeError:
            self._complaints.say("sends what is no JSON")
            return
        match message:
            case ["EVENT", str(name), dict(value)]:
                self._take_event(name, orjson.dumps(value))
            case ["EOSE", str(name), *_]:  # what may follow tells of more than is passed on
                self._end(name)
            case ["CLOSED", str(name), *rest]:
                self._closed(name, _text(rest))
            case ["OK", str(event_id), bool(accepted), *rest]:
                self._answered(event_id, Accepted(accepted, _text(rest)))
            case ["NOTICE", *rest]:
                self._noticed(_text(rest))
            case ["AUTH", *_]:
                pass  # its challenge is nobody's here
            case _:
                self._complaints.say("sends what is no message of NIP-01")

    def _take_event(self, name: str, text: bytes) -> None:
        req = self._reqs.get(name)
        is_live = name == self._live_name and self._is_live.done()  # what came before was stored
        if req is None and not is_live:
            return
        if req is not None and not self._may_be_one_more(name, req, len(text)):
            return
        event = self._genuine.event_of(text)
        if event is None:
            return
        if req is None:
            self._tell_soon(event)
        else:
            req.add(event)

    def _tell_soon(self, event: FrozenEvent) -> None:
        self._untold.append(event)
        if len(self._untold) == _MOST_UNTOLD:
            self._socket.pause_reading()
        if self._telling is None:
            self._telling = asyncio.create_task(self._tell())

    async def _tell(self) -> None:
        assert self._live is not None
        try:
            while self._untold:
                await self._live(self._untold.popleft())
        except Exception:
            log.exception("telling of a live event failed")
            self._fail("its live events could not be told of")
        finally:
            self._telling = None
            self._socket.resume_reading()

    def _may_be_one_more(self, name: str, req: _Req, size: int) -> bool:
        if req.done.done():
            return False
        req.number += 1
        req.size_bytes += size
        if req.number > _EXCESS * req.limit:
            self._complaints.say("sends more events than were asked for")
            self._end(name)
            return False
        if req.size_bytes > _ANSWER_BYTES:
            req.done.set_exception(UpstreamGone("it answers with too much at a time"))
            return False
        return True

    def _end(self, name: str) -> None:
        done = self._is_live if name == self._live_name else self._done(name)
        if done is not None and not done.done():
            done.set_result(None)

    def _done(self, name: str) -> "asyncio.Future[None] | None":
        req = self._reqs.get(name)
        return None if req is None else req.done

    def _closed(self, name: str, why: str) -> None:
        if why.startswith("auth-required:"):
            self._complaints.say(OWN_AUTHENTICATION, why, level=logging.ERROR)
        if name == self._live_name:
            self._fail(f"it sends no live events: {why}")
        elif (done := self._done(name)) is not None and not done.done():
            done.set_exception(UpstreamGone(f"it refuses: {why}"))

    def _answered(self, event_id: str, accepted: Accepted) -> None:
        """Where a refusal names no event it is of the first one that waits: whoever answers so
        takes one after the other, and where that is wrong nothing is accepted.
        """
        if accepted.message.startswith("auth-required:"):
            self._complaints.say(OWN_AUTHENTICATION, accepted.message, level=logging.ERROR)
        if not event_id and not accepted.is_accepted:
            waiting = (answer for answer in self._sent.values() if not answer.done())
            answer = next(waiting, None)
        else:
            answer = self._sent.get(event_id)
        if answer is not None and not answer.done():
            answer.set_result(accepted)

    def _noticed(self, text: str) -> None:
        self._complaints.say("says", text, level=logging.INFO)
        waiting = [answer for answer in self._answers() if not answer.done()]
        if len(waiting) == 1:  # else nobody knows which it is about
            loop = asyncio.get_running_loop()
            loop.call_later(_NOTICE_SECONDS, _give_up, waiting[0], f"it only says: {text}")

    def _answers(self) -> "list[asyncio.Future[Any]]":
        return [*(req.done for req in self._reqs.values()), *self._sent.values()]

    def _fail(self, why: str) -> None:
        if self._why_gone is not None:
            return
        self._why_gone = why
        for future in (*self._answers(), self._is_live):
            _give_up(future, why)
        self.gone.set()


async def open_wire(
    url: str,
    genuine: Genuine,
    complaints: Complaints,
    *,
    headers: Mapping[str, str],
    answer_seconds: float,
    live: Live | None = None,
) -> Wire:
    """Connect to the upstream.

    :raises UpstreamGone: it cannot be reached.
    """
    wire = Wire(genuine, complaints, live, answer_seconds)
    await wire.connect(url, headers)
    return wire


def filter_json(wanted: Filter) -> dict[str, Any]:
    """A filter as it is sent. What no relay knows (``except_kinds``) is left out."""
    members: dict[str, Any] = {
        name: sorted(values)
        for name in ("ids", "authors", "kinds")
        if (values := getattr(wanted, name)) is not None
    }
    members.update({f"#{name}": sorted(values) for name, values in wanted.tags.items()})
    if not members and wanted.since is None:
        members["since"] = 0  # nostr-relay finds nothing where a filter leaves all open
    members.update(
        {
            name: value
            for name in ("since", "until", "limit")
            if (value := getattr(wanted, name)) is not None
        }
    )
    return members


def _give_up(future: "asyncio.Future[Any]", why: str) -> None:
    if not future.done():
        future.set_exception(UpstreamGone(why))
        future.exception()  # nobody may be waiting any more


def _text(rest: Sequence[object]) -> str:
    return printable(rest[0][:_SHOWN]) if rest and isinstance(rest[0], str) else ""
