"""A client to try a relay with: signs an event, publishes it, and shows the relay's answer."""

import asyncio
import hashlib
import json
import shlex
import sys
import time
from pathlib import Path
from typing import Any

import click
import websockets
from coincurve import PrivateKey

from .private import make_private_only, tighten
from .showing import program, run, say, tell

_ANSWER_SECONDS = 15


@click.command()
@click.argument("content")
@click.option("--relay", default="ws://127.0.0.1:6969", show_default=True)
@click.option("--kind", default=1, show_default=True)
@click.option("--tag", multiple=True, help="A tag, its items separated by commas: p,<pubkey>")
@click.option("--key", help="The secret key, 64 hex characters; a new one where not given.")
@click.option("--auth", is_flag=True, help="Authenticate with the key first (NIP-42).")
@click.option(
    "--save",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("relay-data/last-event.json"),
    show_default=True,
    help="Where the event is kept, for orly-policy explain.",
)
def main(
    content: str,
    relay: str,
    kind: int,
    tag: tuple[str, ...],
    key: str | None,
    auth: bool,
    save: Path,
) -> None:
    """Publish CONTENT as an event and show what the relay answers."""
    try:
        secret = PrivateKey(bytes.fromhex(key)) if key else PrivateKey()
    except ValueError:
        raise click.BadParameter("64 hex characters are needed", param_hint="--key") from None
    event = sign(secret, kind, [item.split(",") for item in tag], content)
    make_private_only()
    tighten(save)
    save.parent.mkdir(parents=True, exist_ok=True)
    save.write_text(json.dumps(event, ensure_ascii=False) + "\n")
    try:
        answers = asyncio.run(_publish(relay, secret if auth else None, event))
    except (OSError, TimeoutError, websockets.WebSocketException) as error:
        tell(f"{relay}: {error or 'no answer'}")
        sys.exit(1)
    for answer in answers:
        say(f"{relay} answered: {json.dumps(answer, ensure_ascii=False)}")
    say("why:")
    command = program("orly-policy")
    beside = save.with_name("policy.json")  # where the example relay has it
    policy = beside if beside.exists() else Path("POLICY.json")
    authed = f" --authed {event['pubkey']}" if auth else ""
    say(
        f"  {shlex.quote(command)} explain {shlex.quote(str(policy))} --access write "
        f"--event {shlex.quote(str(save))}{authed}"
    )


def sign(secret: PrivateKey, kind: int, tags: list[list[str]], content: str) -> dict[str, Any]:
    """Make a signed event (NIP-01)."""
    pubkey = secret.public_key_xonly.format().hex()
    created_at = int(time.time())
    serialised = json.dumps(
        [0, pubkey, created_at, kind, tags, content], ensure_ascii=False, separators=(",", ":")
    )
    digest = hashlib.sha256(serialised.encode()).digest()
    return {
        "id": digest.hex(),
        "pubkey": pubkey,
        "created_at": created_at,
        "kind": kind,
        "tags": tags,
        "content": content,
        "sig": secret.sign_schnorr(digest).hex(),
    }


async def _publish(relay: str, auth_as: PrivateKey | None, event: dict[str, Any]) -> list[Any]:
    """Send the event, after authenticating where asked to, and return the OKs."""
    answers = []
    async with asyncio.timeout(_ANSWER_SECONDS), websockets.connect(relay) as socket:
        if auth_as is not None:
            challenge = await _wait_for(socket, "AUTH")
            tags = [["relay", relay], ["challenge", challenge[1]]]
            await socket.send(json.dumps(["AUTH", sign(auth_as, 22242, tags, "")]))
            answers.append(await _wait_for(socket, "OK"))
        await socket.send(json.dumps(["EVENT", event]))
        answers.append(await _wait_for(socket, "OK"))
    return answers


async def _wait_for(socket: websockets.ClientConnection, command: str) -> list[Any]:
    while True:
        message: list[Any] = json.loads(await socket.recv())
        if message[0] == command:
            return message


if __name__ == "__main__":
    run(main)
