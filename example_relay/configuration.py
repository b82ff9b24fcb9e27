"""nostr-relay's YAML file in the data folder. What somebody has edited is theirs."""

import contextlib
import hashlib
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import yaml

from orly_policy_plugin.atomic import write_atomically
from orly_policy_plugin.hosts.asgi import App, Message, Receive, Send

from .private import CONFIGURATION

_NEW: Final = f"{CONFIGURATION}.new"
"""It is not in force yet: it takes the other's place once the relay has started."""
_HEAD: Final = (
    "# python -m example_relay makes this file anew at each start, until you edit it.\n"
    "# From then on it is yours, and options that it decides have no effect. sha256: {}\n"
)
_DIGEST: Final = re.compile(r"\A#.*\n#.* sha256: ([0-9a-f]{64})\n(.*)\Z", re.DOTALL)


def is_edited(path: Path) -> bool:
    """Whether the file has something that no start has written."""
    if path.is_symlink() or not path.exists() or not (text := path.read_text("utf-8", "replace")):
        return False
    made = _DIGEST.match(text)
    return made is None or made[1] != _digest(made[2])


@contextlib.contextmanager
def configuration(
    data: Path, settings: dict[str, Any]
) -> Iterator[tuple[Path, Callable[[], None]]]:
    """The file to start with, and what is to be called once the relay has started.

    A start that fails leaves the file of the last one.

    :raises OSError: it cannot be written.
    """
    path, new = data / CONFIGURATION, data / _NEW
    if is_edited(path):
        yield path, lambda: None
        return
    text = yaml.safe_dump(settings)
    write_atomically(new, (_HEAD.format(_digest(text)) + text).encode())
    process = os.getpid()
    try:
        yield new, lambda: _keep(new, path)
    finally:
        if os.getpid() == process:  # a worker may end before another has started
            new.unlink(missing_ok=True)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _keep(new: Path, path: Path) -> None:
    """The first worker that has started does. A symlink is replaced, not what it leads to."""
    with contextlib.suppress(FileNotFoundError):
        new.replace(path)


def once_started(app: App, then: Callable[[], None]) -> App:
    """The same app, which calls something when it has started."""

    async def watched(scope: Message, receive: Receive, send: Send) -> None:
        async def sending(message: Message) -> None:
            if message["type"] == "lifespan.startup.complete":
                then()
            await send(message)

        await app(scope, receive, sending if scope["type"] == "lifespan" else send)

    return watched
