"""The proxy: an ASGI app with the policy before any relay."""

import asyncio
import contextlib
import http.client
import logging
from collections.abc import AsyncIterator
from typing import Any, Final
from urllib.parse import urlsplit

import attrs
import orjson

from orly_policy_hookspecs import Gate, GateError
from orly_policy_hookspecs.logs import get_log
from orly_policy_hookspecs.printing import printable

from ...session import MEDIA_TYPE, Server, SessionSettings, asks_for_information
from ...session.tasks import Tasks
from ..asgi import Message, Receive, Send, client_ip, header, path_of, respond, serve_client
from .complaints import Complaints
from .fetching import fetch, fetch_information
from .following import Following
from .host import UpstreamHost, VanishingHost
from .information import VANISHING_NIP, UpstreamInformation, corrected, finished
from .lines import Lines, client_address
from .wire import ANSWER_SECONDS, OWN_AUTHENTICATION, UpstreamGone

_REFRESH_SECONDS: Final = 60.0

log = get_log(__name__)

SESSION: Final = SessionSettings(
    first_page_events=500,  # a second question costs more than events that are large
    reads_at_a_time=8,  # most of a read is waiting
)


@attrs.frozen(kw_only=True)
class ProxySettings:
    """How the proxy reaches its upstream, and what it lets through."""

    upstream: str
    """``ws://`` or ``wss://``."""
    relay_urls: tuple[str, ...]
    """Under which clients reach the proxy."""
    ip_header: str | None = None
    """The HTTP header in which a client's address goes up."""
    is_trusted: bool = False
    """Whether signatures of what the upstream sends are not verified."""
    answer_seconds: float = ANSWER_SECONDS
    """So long the upstream may take for one answer."""
    passed_paths: frozenset[str] = frozenset()
    """Paths of HTTP that the upstream answers."""

    @property
    def own_paths(self) -> frozenset[str]:
        """Where the relay is: what a client may connect to."""
        return frozenset({"/", *(urlsplit(url).path or "/" for url in self.relay_urls)})


class Proxy:
    """An ASGI app. The gate has its plugins registered, and is opened when the app starts."""

    def __init__(
        self, gate: Gate, settings: ProxySettings, session: SessionSettings = SESSION
    ) -> None:
        self._gate = gate
        self._settings = settings
        self._session = attrs.evolve(session, relay_urls=settings.relay_urls)
        self._server: Server | None = None
        self._information = UpstreamInformation()
        self._complaints = Complaints()
        self._lines = Lines(
            settings.upstream,
            ip_header=settings.ip_header,
            is_trusted=settings.is_trusted,
            answer_seconds=settings.answer_seconds,
            complaints=self._complaints,
        )

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """One connection, one HTTP request, or the app's life."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            await self._answer(scope, send)
        else:
            await self._serve(scope, receive, send)

    # --- its life

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()  # lifespan.startup
        try:
            async with self._opened():
                await send({"type": "lifespan.startup.complete"})
                await receive()  # lifespan.shutdown
        except Exception as error:
            if not isinstance(error, UpstreamGone | GateError):
                log.exception("the proxy does not run")
            what = "startup" if self._server is None else "shutdown"
            message = printable(f"the proxy does not start: {error}")
            await send({"type": f"lifespan.{what}.failed", "message": message})
            return
        await send({"type": "lifespan.shutdown.complete"})

    @contextlib.asynccontextmanager
    async def _opened(self) -> AsyncIterator[None]:
        lines = self._lines
        await self._ask_for_information()
        kind = VanishingHost if VANISHING_NIP in self._information.nips else UpstreamHost
        host = kind(lines, self._information)
        following = Following(lines, host.live, host.missed)
        async with contextlib.AsyncExitStack() as stack:
            stack.push_async_callback(lines.close)
            tasks = Tasks()
            stack.push_async_callback(tasks.stop)
            tasks.start(following.go_on())
            tasks.start(lines.close_idle())
            tasks.start(self._keep_informed())
            await self._followed(following)  # before follow lists are asked for: none is missed
            server = await stack.enter_async_context(Server(self._gate, host, self._session))
            tasks.start(host.tell(server.announced))
            self._server = server
            yield

    async def _followed(self, following: Following) -> None:
        """Wait for live events, but not for an upstream that is gone: clients are told so."""
        try:
            async with asyncio.timeout(self._settings.answer_seconds):
                await following.has_begun.wait()
        except TimeoutError:
            self._complaints.say("sends no live events", level=logging.ERROR)

    async def _keep_informed(self) -> None:
        """Ask the upstream again now and then what it says of itself, until it is cancelled."""
        while True:
            await asyncio.sleep(_REFRESH_SECONDS)
            await self._ask_for_information()

    async def _ask_for_information(self) -> None:
        information = await fetch_information(self._settings.upstream)
        if information is None:  # what it said before is more likely than nothing
            return
        self._information = information
        self._lines.largest_message_bytes = information.largest_message_bytes
        if information.limitation.get("auth_required") is True:
            self._complaints.say(OWN_AUTHENTICATION, "NIP-11 says so", level=logging.ERROR)

    # --- clients

    async def _serve(self, scope: Message, receive: Receive, send: Send) -> None:
        await receive()  # websocket.connect
        if self._server is None or path_of(scope) not in self._settings.own_paths:
            await send({"type": "websocket.close"})
            return
        ip = client_ip(scope)
        client_address.set(ip)
        await serve_client(self._server, scope, receive, send, ip=ip)

    # --- HTTP

    async def _answer(self, scope: Message, send: Send) -> None:
        path, method = path_of(scope), scope["method"]
        is_own = path in self._settings.own_paths
        is_got = method in ("GET", "HEAD")
        if is_own and method == "OPTIONS":
            await respond(send, http.client.NO_CONTENT, any_origin=True)
        elif is_own and is_got and asks_for_information(header(scope, "accept")):
            document = orjson.dumps(self._document())
            await respond(send, http.client.OK, document, MEDIA_TYPE, any_origin=True)
        elif is_own and is_got:
            await respond(send, http.client.OK, b"This is a Nostr relay.\n", any_origin=True)
        elif is_got and path in self._settings.passed_paths:
            await self._pass_on(scope, path, send)
        else:
            await respond(send, http.client.NOT_FOUND, b"There is nothing here.\n")

    async def _pass_on(self, scope: Message, path: str, send: Send) -> None:
        query = scope["query_string"].decode("latin-1")
        headers = {"Accept": header(scope, "accept") or "*/*"}
        target = f"{path}?{query}" if query else path
        try:
            page = await asyncio.to_thread(fetch, self._settings.upstream, headers, target)
        except (OSError, http.client.HTTPException, ValueError) as error:
            log.warning("the upstream's page %s cannot be had: %s", path, error)
            await respond(send, http.client.BAD_GATEWAY, b"The page cannot be had now.\n")
            return
        await respond(send, page.status, page.content, page.media_type)

    def _document(self) -> dict[str, Any]:
        assert self._server is not None
        upstream = self._information
        return finished(self._server.information(corrected(upstream)), upstream)
