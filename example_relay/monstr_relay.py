"""A relay on monstr, behind a policy.

``python -m example_relay.monstr_relay --policy policy.json``
"""

import asyncio
import contextlib
import signal
import socket
import sqlite3
from pathlib import Path

import click
from aiohttp import web
from monstr.event.persist_sqlite import ARelaySQLiteEventStore
from monstr.relay.relay import event_route

from orly_policy_hookspecs import GateError, OperatorError
from orly_policy_plugin.hosts.listening import CannotListen, listen_on
from orly_policy_plugin.hosts.monstr import PolicyRelay

from .private import make_private_only
from .showing import run, say


async def serve_forever(policy: str, database: Path, listening: socket.socket) -> None:
    """Serve until it is told to end.

    :param policy: the policy file.
    :raises PolicyError: it cannot be used, or the database cannot.
    :raises sqlite3.Error: the database cannot be made.
    """
    host, port = listening.getsockname()[:2]
    url = f"ws://{host}:{port}"
    store = ARelaySQLiteEventStore(str(database))
    if not store.exists():
        await store.create()
    relay = PolicyRelay(
        store,
        policy,
        relay_urls=(url, f"ws://localhost:{port}"),
        name="a relay on monstr",
    )
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, relay.end)
    page = web.get("/e", event_route(relay))
    await relay.start(sock=listening, routes=[page], block=False)
    say(f"a relay on monstr is at {url} : Ctrl-C stops it")
    await relay.wait()


@click.command()
@click.option("--policy", required=True, help="The policy file.")
@click.option(
    "--database",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("monstr.sqlite3"),
    show_default=True,
    help="monstr's SQLite file, made where there is none.",
)
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", type=click.IntRange(0, 65535), default=7448, show_default=True)
def main(policy: str, database: Path, host: str, port: int) -> None:
    """Serve a relay on monstr, behind a policy."""
    make_private_only()
    try:
        with listen_on(host, port) as listening, contextlib.suppress(KeyboardInterrupt):
            asyncio.run(serve_forever(policy, database, listening))
    except (CannotListen, GateError, OperatorError, sqlite3.Error) as error:
        raise click.ClickException(f"the relay does not start: {error}") from error


if __name__ == "__main__":
    run(main)
