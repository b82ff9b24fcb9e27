"""Sending what was signed: the key, the relays, and what each of them answers."""

from collections.abc import Callable, Mapping
from typing import Any

import click

from orly_policy_hookspecs.nip01 import normal_url

from .publishing import NoAnswer, publish
from .showing import say, tell
from .signer import Signer
from .target import FILE

Command = Callable[..., Any]

_REFUSED, _NO_ANSWER = 1, 2


def key_file_option(command: Command) -> Command:
    """``--key-file FILE``."""
    return click.option(
        "--key-file",
        required=True,
        type=FILE,
        metavar="FILE",
        help="A file with your secret key, 64 hex characters or nsec1…, that nobody else can read "
        "(chmod 600).",
    )(command)


def relays_option(what: str) -> Callable[[Command], Command]:
    """``--relay URL``, which may be repeated.

    :param what: what is published, for the help.
    """
    return click.option(
        "--relay",
        "relays",
        multiple=True,
        callback=_relay_urls,
        metavar="URL",
        help=f"Publish {what}; may be repeated. Without: print it.",
    )


def send(url: str, event: Mapping[str, Any], signer: Signer, done: str = "") -> int:
    """Publish an event to a relay, say what it answers, and return the exit status.

    :param done: how an answer begins that says what the event was sent for has been done, where
        to be accepted is not enough.
    """
    try:
        answer = publish(url, event, lambda challenge: signer.auth(url, challenge))
    except NoAnswer as error:
        tell(f"{url}: {error}")
        return _NO_ANSWER
    verdict = "accepted" if answer.accepted else "refused"
    say(f"{url}: {verdict}: {answer.message}".removesuffix(": "))
    if answer.accepted and not answer.message.startswith(done):
        tell(f"{url}: the relay does not say {done!r}: it has taken the event and done no more")
        return _REFUSED
    return 0 if answer.accepted else _REFUSED


def _relay_urls(
    _: click.Context, param: click.Parameter, urls: tuple[str, ...]
) -> tuple[str, ...]:
    for url in urls:
        if normal_url(url) is None:
            message = f"{url!r} is not a relay's URL such as wss://relay.example"
            raise click.BadParameter(message, param=param)
    return tuple(dict.fromkeys(urls))
