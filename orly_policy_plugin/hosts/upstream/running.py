"""Running the proxy: one process, or several on one port."""

import asyncio
import functools
import logging
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import attrs
import uvicorn
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess

from orly_policy_hookspecs import Gate
from orly_policy_hookspecs.logs import get_log

from ...allocation import give_back_large_blocks
from ...plugin import register
from ...settings import Settings
from ..websockets import WebSockets
from .app import SESSION, Proxy, ProxySettings
from .lines import Lines

_LAST_SECONDS: Final = 5
"""So long clients may take to go when the proxy ends."""


@attrs.frozen(kw_only=True)
class Plan:
    """All that a process of the proxy needs to know."""

    policy: Path
    proxy: ProxySettings
    engine: Mapping[str, Any] = attrs.field(factory=dict)
    """Further settings of the engine: see :class:`.Settings`."""


def make_app(plan: Plan) -> Proxy:
    """The proxy's app, with the policy loaded and installed plugins registered.

    :raises PolicyError: the policy cannot be used.
    :raises GateError: a plugin cannot be used.
    """
    give_back_large_blocks()
    gate = Gate()
    settings = {"relay_urls": plan.proxy.relay_urls, **plan.engine}
    register(gate, Settings.from_environment(plan.policy, **settings))
    gate.load_entry_points()
    gate.check()
    return Proxy(gate, plan.proxy)


def log_to_stderr() -> None:
    """Have this process log, but no line for each connection."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    get_log("uvicorn.error").setLevel(logging.WARNING)


def _app_of_a_worker(plan: Plan) -> Proxy:
    """In a process of its own, which has nothing of this one but the plan."""
    log_to_stderr()
    return make_app(plan)


def run(
    app: Proxy, plan: Plan, bound: socket.socket, *, workers: int, trusted_proxies: Sequence[str]
) -> int:
    """Serve until the process is told to end, once the upstream can be reached.

    :param app: of the plan; several workers make their own.
    :param bound: a socket that does not listen yet.
    :param trusted_proxies: networks whose ``X-Forwarded-For`` is believed.
    :return: the exit status.
    """
    for each in (signal.SIGINT, signal.SIGTERM):  # before the server takes them, and after it
        signal.signal(each, lambda *_: sys.exit(0))
    asyncio.run(_reachable(plan.proxy.upstream))
    settings: dict[str, Any] = {
        "proxy_headers": bool(trusted_proxies),
        "forwarded_allow_ips": list(trusted_proxies),
        "log_config": None,
        "access_log": False,
        "ws": WebSockets,
        "ws_max_size": SESSION.frame_bytes,
        "ws_per_message_deflate": False,  # it takes more memory than all else of a connection
        "timeout_graceful_shutdown": _LAST_SECONDS,
    }
    if workers == 1:
        server = uvicorn.Server(uvicorn.Config(app, **settings))
        server.run(sockets=[bound])
        return 0 if server.started else STARTUP_FAILURE
    worker = functools.partial(_app_of_a_worker, plan)
    config = uvicorn.Config(worker, factory=True, workers=workers, **settings)
    group = Multiprocess(config, sockets=[bound])
    group.run()
    has_started = all(each.exitcode != STARTUP_FAILURE for each in group.processes)
    return 0 if has_started else STARTUP_FAILURE


async def _reachable(url: str) -> None:
    """Wait until the upstream can be reached."""
    lines = Lines(url)
    try:
        await lines.reachable()
    finally:
        await lines.close()
