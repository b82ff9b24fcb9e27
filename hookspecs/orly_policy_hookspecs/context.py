"""The context of a question: who asks, and from where; and that of a start."""

import enum
from collections.abc import Callable, Iterable

import attrs

from .nip01.hexes import is_hex32


class Origin(enum.Enum):
    """Where an event comes from."""

    CLIENT = "client"
    """Sent by a client on a connection."""
    IMPORT = "import"
    """Read from a file or made by the relay itself."""
    SYNC = "sync"
    """Fetched from another relay."""


def _pubkeys(keys: Iterable[str]) -> tuple[str, ...]:
    if isinstance(keys, str):
        raise TypeError("authenticated takes a collection of pubkeys, not one text")
    if isinstance(keys, (set, frozenset)):
        keys = sorted(keys)
    unique = tuple(dict.fromkeys(keys))
    for key in unique:
        if not is_hex32(key):
            raise ValueError(f"{key!r} is not a pubkey: 64 lowercase hex characters are needed")
    return unique


@attrs.frozen
class Context:
    """The asking side of one question. Hosts keep one for each connection and make a new one
    when somebody authenticates.

    :raises ValueError: a pubkey is not 64 lowercase hex characters.
    """

    authenticated: tuple[str, ...] = attrs.field(default=(), converter=_pubkeys)
    """The pubkeys that authenticated on the connection (NIP-42), in that order, each once.
    Hex, 64 lowercase characters; empty where nobody did."""

    ip: str = ""
    """The client's IP address as text; empty where there is none or it is unknown."""

    connection: object = attrs.field(default=None, eq=False, repr=False)
    """The host's own object for the connection; opaque to plugins."""

    origin: Origin = Origin.CLIENT
    """Where the event comes from."""


@attrs.frozen
class StartContext:
    """The relay that is about to open, as a plugin that starts sees it."""

    relay_urls: tuple[str, ...]
    """Under which clients reach the relay, ``ws://`` or ``wss://``; empty where the relay was not
    told."""

    changed: Callable[[], None]
    """To be called, from any thread, whenever other lists are needed, or what
    :func:`.hooks.read_scopes` and :func:`.hooks.relay_limits` have said is no longer true."""
