"""A client to try a relay with: signs an event, publishes it, and shows the relay's answer."""

import hashlib
import json
import os
import shlex
import sys
import time
from pathlib import Path
from typing import Any

import click
import yaml
from coincurve import PrivateKey

from orly_policy_plugin.cli.publishing import NoAnswer, OkMessage, publish

from .private import CONFIGURATION, make_private_only, tighten
from .showing import program, run, say, tell

_AUTHENTICATION = 22242


def _text(_: click.Context, param: click.Parameter, value: Any) -> Any:
    """The typed text as an event can have it: in UTF-8, whatever the locale is."""
    if isinstance(value, tuple):
        return tuple(_in_utf8(each, param) for each in value)
    return _in_utf8(value, param)


def _in_utf8(typed: str, param: click.Parameter) -> str:
    try:
        return typed if _is_unicode(typed) else os.fsencode(typed).decode()
    except UnicodeError as error:
        raise click.BadParameter(f"{typed!r:.60} is not in UTF-8", param=param) from error


def _is_unicode(text: str) -> bool:
    """Whether Python could decode all of it; bytes that it could not are surrogates."""
    return not any("\ud800" <= char <= "\udfff" for char in text)


@click.command()
@click.argument("content", callback=_text)
@click.option("--relay", default="ws://127.0.0.1:6969", show_default=True)
@click.option("--kind", default=1, show_default=True)
@click.option(
    "--tag",
    multiple=True,
    callback=_text,
    help="A tag, its items separated by commas: p,<pubkey>",
)
@click.option("--key", help="The secret key, 64 hex characters; a new one where not given.")
@click.option("--auth", is_flag=True, help="Authenticate with the key first (NIP-42).")
@click.option(
    "--policy",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The relay's policy file, for orly-policy explain; where not given, policy.json beside "
    "the event, if it is of this relay.",
)
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
    policy: Path | None,
    save: Path,
) -> None:
    """Publish CONTENT as an event and show what the relay answers."""
    try:
        secret = PrivateKey(bytes.fromhex(key)) if key else PrivateKey()
    except ValueError:
        raise click.BadParameter("64 hex characters are needed", param_hint="--key") from None
    event = sign(secret, kind, [item.split(",") for item in tag], content)
    _save(event, save)
    try:
        answer = _publish(relay, event, secret, auth)
    except NoAnswer as error:
        tell(f"{relay}: {error}")
        sys.exit(1)
    shown = ["OK", event["id"], answer.accepted, answer.message]
    say(f"{relay} answered: {json.dumps(shown, ensure_ascii=False)}")
    if not answer.accepted:
        _say_how_to_explain(event, auth, policy or _policy_of(relay, save.parent), save)


def _say_how_to_explain(event: dict[str, Any], auth: bool, policy: Path, save: Path) -> None:
    say("why:")
    command = program("orly-policy")
    authed = f" --authed {event['pubkey']}" if auth else ""
    say(
        f"  {shlex.quote(command)} explain {shlex.quote(str(policy))} --access write "
        f"--event {shlex.quote(str(save))}{authed}"
    )


def _policy_of(relay: str, data: Path) -> Path:
    """The policy in an example relay's data folder, if the relay is the one that is asked."""
    policy = data / "policy.json"
    return policy if policy.exists() and _is_of(data, relay) else Path("POLICY.json")


def _is_of(data: Path, relay: str) -> bool:
    """Whether a relay's configuration in the folder has the URL."""
    try:
        configured = yaml.safe_load((data / CONFIGURATION).read_bytes())
        urls = configured["authentication"]["relay_urls"]
        return relay.rstrip("/") in [str(url).rstrip("/") for url in urls]
    except (OSError, yaml.YAMLError, KeyError, TypeError):
        return False  # another relay's


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


def _save(event: dict[str, Any], save: Path) -> None:
    """Keep the event in a file that nobody else can read.

    :raises BadParameter: it cannot be kept.
    """
    make_private_only()
    try:
        tighten(save)
        save.parent.mkdir(parents=True, exist_ok=True)
        save.write_text(json.dumps(event, ensure_ascii=False) + "\n", encoding="utf-8")
    except OSError as error:
        message = f"{save}: {error.strerror or error}; nothing was sent"
        raise click.BadParameter(message, param_hint="--save") from error


def _publish(relay: str, event: dict[str, Any], secret: PrivateKey, auth: bool) -> OkMessage:
    """:raises NoAnswer: there is none."""

    def sign_auth(challenge: str) -> dict[str, Any]:
        tags = [["relay", relay], ["challenge", challenge]]
        return sign(secret, _AUTHENTICATION, tags, "")

    return publish(relay, event, sign_auth if auth else None, authenticate_first=True)


if __name__ == "__main__":
    run(main)
