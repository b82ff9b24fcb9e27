"""monstr's relay, behind the policy."""

import asyncio
import http
import socket
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Final

import aiohttp
import attrs
import orjson
from aiohttp import web
from monstr.event.persist import DeleteMode
from monstr.event.persist_sqlite import ARelaySQLiteEventStore, RelaySQLiteEventStore
from monstr.relay.accept_handlers import AcceptReqHandler, SubscriptionFilter
from monstr.relay.relay import Relay

from orly_policy_hookspecs import Context, Gate, GateSettings
from orly_policy_hookspecs.logs import get_log, make_handlers_harmless
from orly_policy_hookspecs.nip01 import UnreadableFilter

from ...allocation import give_back_large_blocks
from ...errors import PolicyError
from ...plugin import register
from ...session import MEDIA_TYPE, Host, Server, Session, SessionSettings
from ...settings import Settings
from ..asgi import SILENCE_SECONDS
from .rules import NAME, Rules, RulesForReaders
from .shown import ShownStore, reader
from .store import DeletingStore, FlaggingStore, MonstrStore

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_THEIRS: Final = (ARelaySQLiteEventStore, RelaySQLiteEventStore)
_STORES: Final = {
    DeleteMode.no_action: MonstrStore,
    DeleteMode.flag: FlaggingStore,
    DeleteMode.delete: DeletingStore,
}
_ANY_ORIGIN: Final = {
    f"Access-Control-Allow-{name}": "*" for name in ("Origin", "Headers", "Methods")
}
_CLOSING_SECONDS: Final = 1.0
"""So long a client may take to answer a close. When aiohttp ends it reads no answer."""
_SOFTWARE: Final = "https://github.com/monty888/monstr"

log = get_log(__name__)


def peer(request: web.Request) -> str:
    """The address of whoever has connected; empty where that has none."""
    return request.remote or ""


class PolicyRelay(Relay):  # type: ignore[misc]
    """monstr's ``Relay`` with the policy enforced on every write and read. What a client sends is
    a session's, not monstr's.
    """

    def __init__(
        self,
        store: ARelaySQLiteEventStore | RelaySQLiteEventStore | Host,
        policy: str | Path | None = None,
        *,
        relay_urls: Sequence[str],
        accept_req_handler: AcceptReqHandler | Iterable[AcceptReqHandler] = (),
        sub_filter: SubscriptionFilter | Iterable[SubscriptionFilter] = (),
        max_sub: int | None = None,
        relay_information: dict[str, Any] | None = None,
        address: Callable[[web.Request], str] = peer,
        gate_settings: GateSettings | None = None,
        session: SessionSettings | None = None,
        **others: Any,
    ) -> None:
        """Read the policy. Installed plugins are loaded.

        :param store: one of monstr's on SQLite, or any store of a session's, such as
            :class:`.hosts.memory.MemoryStore`.
        :param policy: the policy file; ``ORLY_POLICY_PATH`` and its default where not given.
        :param relay_urls: under which clients reach the relay.
        :param accept_req_handler: monstr's; asked besides the policy, like ``sub_filter``.
        :param max_sub: subscriptions of a connection; as ``session`` says where not given.
        :param relay_information: what NIP-11 tells, besides ``name``, ``description``, ``pubkey``
            and ``contact``, which are arguments as well.
        :param address: a client's address; the peer's where not given.
        :param gate_settings: which plugins may vouch, and how long plugins may take.
        :param session: how much a client may ask.
        :param others: further settings of the engine: see :class:`.settings.Settings`.
        :raises PolicyError: the policy or the store cannot be used; the message says why.
        :raises GateError: a plugin cannot be used.
        """
        own = {name: others.pop(name, None) for name in _TOLD_BY_NAME}
        own = {name: value for name, value in own.items() if value}
        self._own = {**own, "software": _SOFTWARE, **(relay_information or {})}
        _check(store)
        self._kept = store
        mode = store.delete_mode if isinstance(store, _THEIRS) else DeleteMode.flag
        super().__init__(ShownStore(self._opened, mode), request_auth=True)
        give_back_large_blocks()
        self._settings = attrs.evolve(
            session or SessionSettings(),
            relay_urls=tuple(relay_urls),
            **({} if max_sub is None else {"subscriptions": max_sub}),
        )
        self._rules = _rules(_all(accept_req_handler), _all(sub_filter))
        self.gate = Gate(gate_settings)
        """The gate, for plugins that are registered by hand."""
        made = Settings.from_environment(policy, relay_urls=self._settings.relay_urls, **others)
        self.engine = register(self.gate, made)
        """The policy engine; ``None`` where it is switched off."""
        self.gate.register(self._rules, NAME)
        self.gate.load_entry_points()
        self.gate.check()
        self._address = address
        self._life = AsyncExitStack()
        self._open_server: Server | None = None
        self._runs: web.AppRunner | None = None
        self._reached: tuple[str, int, str] | None = None
        self._over = asyncio.Event()

    # --- its life

    async def start(
        self,
        host: str = "localhost",
        port: int = 8080,
        end_point: str = "/",
        routes: Iterable[web.AbstractRouteDef] | None = None,
        block: bool = True,
        *,
        ssl_context: Any = None,
        sock: socket.socket | None = None,
    ) -> None:
        """Serve; where it is to block, until :meth:`end` or a cancellation.

        :param routes: pages of the relay's own. What they show is for whoever made them to decide:
            :attr:`store` has what everybody may read.
        :param sock: a socket that listens, in place of ``host`` and ``port``.
        :raises PolicyError: the relay cannot be opened; the message says why.
        :raises OSError: the address cannot be had.
        """
        make_handlers_harmless()
        get_log("aiohttp.server")
        runner = web.AppRunner(self._application(end_point, routes or ()), access_log=None)
        self._runs = runner
        try:
            await runner.setup()
            site = (
                web.TCPSite(runner, host, port, ssl_context=ssl_context)
                if sock is None
                else web.SockSite(runner, sock, ssl_context=ssl_context)
            )
            await site.start()
        except BaseException:
            await self.end_background()
            raise
        self._reached = (*runner.addresses[0][:2], end_point)
        if block:
            await self.wait()

    async def wait(self) -> None:
        """Wait for :meth:`end`, and serve no more, or for a cancellation."""
        try:
            await self._over.wait()
        finally:
            await self.end_background()

    async def start_background(
        self,
        host: str = "localhost",
        port: int = 8080,
        end_point: str = "/",
        routes: Iterable[web.AbstractRouteDef] | None = None,
    ) -> None:
        """Serve, and return."""
        await self.start(host, port, end_point, routes, block=False)

    def end(self) -> None:
        """Have a blocking :meth:`start` return, or :meth:`wait`. Called on its event loop."""
        self._over.set()

    async def end_background(self) -> None:
        """Serve no more."""
        runner, self._runs, self._reached = self._runs, None, None
        if runner is not None:
            await runner.cleanup()

    def _application(
        self, end_point: str, routes: Iterable[web.AbstractRouteDef]
    ) -> web.Application:
        application = web.Application(middlewares=[self._for_a_reader])
        application.router.add_get(end_point, self._answer)
        application.router.add_options(end_point, _allow)
        application.add_routes(routes)
        application.on_startup.append(self._open)
        application.on_shutdown.append(self._close)
        return application

    async def _open(self, _: web.Application) -> None:
        async with AsyncExitStack() as life:
            host: Host = self._kept
            if isinstance(host, _THEIRS):
                opening = _STORES[host.delete_mode].open
                host = stored = await opening(Path(host.DB.file), self._settings.relay_urls)
                life.push_async_callback(stored.close)
            server = Server(self.gate, host, self._settings)
            self._open_server = await life.enter_async_context(server)
            self._life = life.pop_all()

    async def _close(self, _: web.Application) -> None:
        await self._life.aclose()
        self._open_server = None

    def _opened(self) -> Server:
        if self._open_server is None:
            raise RuntimeError("the relay is not open: await its start")
        return self._open_server

    # --- clients

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        """A client's session, or NIP-11."""
        websocket = web.WebSocketResponse(
            timeout=_CLOSING_SECONDS,
            max_msg_size=self._settings.frame_bytes,
            receive_timeout=SILENCE_SECONDS,
            compress=False,  # aiohttp logs a traceback for each large one that a client leaves
        )
        if not websocket.can_prepare(request).ok:
            document = orjson.dumps(self.relay_information)
            return web.Response(body=document, content_type=MEDIA_TYPE, headers=_ANY_ORIGIN)
        await websocket.prepare(request)
        code = aiohttp.WSCloseCode.POLICY_VIOLATION  # where the session ends it
        async with self._opened().connect(
            websocket.send_str, ip=self._address(request)
        ) as session:
            self._rules.connected(session, websocket)
            code = await _talk(session, websocket)
        await websocket.close(code=code)
        return websocket

    @web.middleware
    async def _for_a_reader(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Let a page show what its reader may see."""
        reader.set(Context(ip=self._address(request)))
        try:
            return await handler(request)
        except UnreadableFilter as error:
            raise web.HTTPBadRequest(text=str(error)) from error

    # --- what monstr's own has

    @property
    def url(self) -> str:
        """Where it listens.

        :raises RuntimeError: it does not.
        """
        if self._reached is None:
            raise RuntimeError("the relay does not listen: await its start")
        host, port, end_point = self._reached
        return f"ws://{host}:{port}{end_point}"

    @property
    def server(self) -> web.Application | None:
        """The application, while there is one."""
        return None if self._runs is None else self._runs.app

    @property
    def started(self) -> bool:
        """Whether it serves."""
        return self._reached is not None

    @property
    def relay_information(self) -> dict[str, Any]:
        """The document of NIP-11."""
        return self._opened().information(self._own)


_TOLD_BY_NAME: Final = ("name", "description", "pubkey", "contact")


async def _talk(session: Session, websocket: web.WebSocketResponse) -> aiohttp.WSCloseCode:
    """Hand on what the client sends until it has gone; return the code to close with."""
    try:
        async for message in websocket:
            if message.type in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
                await session.incoming(message.data)
    except TimeoutError:
        return aiohttp.WSCloseCode.TRY_AGAIN_LATER
    return aiohttp.WSCloseCode.OK


async def _allow(_: web.Request) -> web.Response:
    """What a browser asks before it asks something unusual."""
    return web.Response(status=http.HTTPStatus.NO_CONTENT, headers=_ANY_ORIGIN)


def _check(store: Any) -> None:
    """:raises PolicyError: a store cannot be guarded."""
    if type(store) in _THEIRS:
        return
    if isinstance(store, _THEIRS) or not (hasattr(store, "add") and hasattr(store, "page")):
        raise PolicyError(
            f"a store of type {type(store).__name__} cannot be guarded; take one of "
            f"{' or '.join(each.__name__ for each in _THEIRS)} itself, or a session's Host"
        )


def _all(given: Any) -> tuple[Any, ...]:
    """One thing, or several, as monstr takes them."""
    if given is None:
        return ()
    return tuple(given) if isinstance(given, Iterable) else (given,)


def _rules(acceptors: tuple[Any, ...], filters: tuple[Any, ...]) -> Rules:
    return RulesForReaders(acceptors, filters) if filters else Rules(acceptors)
