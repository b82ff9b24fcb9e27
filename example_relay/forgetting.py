"""A relay that forgets its events when it ends: a host of the session's at its smallest.

``python -m example_relay.forgetting --policy policy.json``
"""

import asyncio
import contextlib
import socket
from http import HTTPStatus

import click
import orjson
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from orly_policy_hookspecs import Gate, GateError, OperatorError
from orly_policy_plugin.allocation import give_back_large_blocks
from orly_policy_plugin.hosts.listening import CannotListen, listen_on
from orly_policy_plugin.hosts.memory import MemoryStore
from orly_policy_plugin.plugin import register
from orly_policy_plugin.session import MEDIA_TYPE, Server, SessionSettings, asks_for_information
from orly_policy_plugin.settings import Settings

from .showing import run, say


async def serve_forever(policy: str, listening: socket.socket) -> None:
    """Serve until it is cancelled.

    :param policy: the policy file.
    :raises PolicyError: it cannot be used.
    """
    give_back_large_blocks()
    host, port = listening.getsockname()[:2]
    url = f"ws://{host}:{port}"
    urls = (url, f"ws://localhost:{port}") if host == "127.0.0.1" else (url,)
    gate = Gate()
    register(gate, Settings.from_environment(policy, relay_urls=urls))
    gate.load_entry_points()
    gate.check()
    settings = SessionSettings(relay_urls=urls)
    async with Server(gate, MemoryStore(), settings) as server:

        async def client(websocket: ServerConnection) -> None:
            ip = websocket.remote_address[0]
            with contextlib.suppress(ConnectionClosed):
                async with server.connect(websocket.send, ip=ip) as session:
                    async for text in websocket:
                        await session.incoming(text)

        def http(websocket: ServerConnection, request: Request) -> Response | None:
            if not asks_for_information(request.headers.get("Accept")):
                return None
            document = server.information({"name": "a relay that forgets"})
            response = websocket.respond(HTTPStatus.OK, orjson.dumps(document).decode())
            del response.headers["Content-Type"]  # setting it would add another
            response.headers["Content-Type"] = MEDIA_TYPE
            for name in ("Origin", "Headers", "Methods"):
                response.headers[f"Access-Control-Allow-{name}"] = "*"
            return response

        async with serve(
            client, sock=listening, process_request=http, max_size=settings.frame_bytes
        ) as served:
            say(f"a relay that forgets is at {url} : Ctrl-C stops it")
            await served.serve_forever()


@click.command()
@click.option("--policy", required=True, help="The policy file.")
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", type=click.IntRange(0, 65535), default=7447, show_default=True)
def main(policy: str, host: str, port: int) -> None:
    """Serve a relay that forgets its events when it ends, behind a policy."""
    try:
        with listen_on(host, port) as listening, contextlib.suppress(KeyboardInterrupt):
            asyncio.run(serve_forever(policy, listening))
    except (CannotListen, GateError, OperatorError) as error:
        raise click.ClickException(f"the relay does not start: {error}") from error


if __name__ == "__main__":
    run(main)
