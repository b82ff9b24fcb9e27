"""Options that take relays' URLs."""

from collections.abc import Callable
from typing import Any

import click

from orly_policy_hookspecs.nip01 import normal_url

Command = Callable[..., Any]


def relay_urls(_: click.Context, param: click.Parameter, urls: tuple[str, ...]) -> tuple[str, ...]:
    """An option's values as relays' URLs, each once."""
    for url in urls:
        if normal_url(url) is None:
            message = f"{url!r} is not a relay's URL such as wss://relay.example"
            raise click.BadParameter(message, param=param)
    return tuple(dict.fromkeys(urls))


def relay_urls_option(command: Command) -> Command:
    """``--public-url URL``, for a command that is a relay or stands in for one."""
    return click.option(
        "--public-url",
        "relay_urls",
        multiple=True,
        metavar="URL",
        callback=relay_urls,
        help="Under which clients know the relay, such as wss://relay.example; may be repeated. "
        "Policy events name one in their relay tag.",
    )(command)
