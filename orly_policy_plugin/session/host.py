"""What a relay brings to a session: its store. The session stores nothing.

:class:`Host` is needed; the other protocols are further abilities of a store. An event that
reaches a host is well formed, verified and accepted.
"""

import enum
from collections.abc import Callable, Sequence
from typing import Protocol, Self, runtime_checkable

import attrs

from orly_policy_hookspecs import Context
from orly_policy_hookspecs.nip01 import Filter, FrozenEvent, Position

from .deletions import Deletion, Vanishing


class Known(enum.Enum):
    """What a store knows of an event."""

    STORED = "stored"
    """It is stored now, and was not before."""
    DUPLICATE = "duplicate"
    """It was stored already."""
    SUPERSEDED = "superseded"
    """A newer version of it is stored (:func:`.nip01.replaces`)."""
    DELETED = "deleted"
    """Its author has deleted it, or has asked to vanish."""


@attrs.frozen
class NotStored:
    """A store refuses an event for a reason of its own, such as its size."""

    message: str
    """For the client, with a prefix of NIP-01."""


Added = Known | NotStored


class StoreUnavailable(Exception):
    """A store cannot be asked now. The text says why, for the client, without prefix; it is no
    fault of the relay's own, and whoever raises it has it in the log.
    """


Search = Callable[[FrozenEvent], bool]
"""Whether an event is found by a text that was searched for."""


class Host(Protocol):
    """The store of a relay. Its methods are awaited on the relay's event loop, and must not block
    it; what they raise is an ``error:`` to the client, and in the log. The client is told nothing
    of it, but where it is :class:`StoreUnavailable`.
    """

    async def add(self, event: FrozenEvent) -> Added:
        """Store an event, and drop the versions that it replaces, in one step. On return it is
        there to stay.

        Never given an ephemeral event: see :class:`Relaying`.
        """

    async def page(
        self, wanted: Filter, before: Position | None, most: int
    ) -> Sequence[FrozenEvent]:
        """The first events that match, newest first, of the same second the lowest id first.

        :param wanted: its ``limit`` does not count; its ``except_kinds`` do.
        :param before: only events that come after this position in that order (``Position.of``
            of an event is larger); from the newest on where ``None``.
        :param most: at most so many; fewer only where there are no more.
        """


@runtime_checkable
class Recalling(Protocol):
    """A store that can tell at once what :meth:`Host.add` would answer. Of any other the session
    asks pages.
    """

    async def recall(self, event: FrozenEvent) -> Known | None:
        """What is known of an event; ``None`` where it could be stored."""


@runtime_checkable
class Deleting(Protocol):
    """A store that can delete (NIP-09). Without it a deletion is answered ``error:``."""

    async def delete(self, deletion: Deletion) -> None:
        """Remove every event that the deletion covers, and remember it: ``add`` answers
        :attr:`Known.DELETED` to those from now on. The kind 5 itself has been added.
        """


@runtime_checkable
class Forgetting(Protocol):
    """A store that can make somebody vanish (NIP-62). Without it that is answered ``error:``."""

    async def vanish(self, vanishing: Vanishing) -> None:
        """Remove every event that is covered, and remember it: ``add`` answers
        :attr:`Known.DELETED` to the author's older events from now on. The request itself is
        stored.
        """


@runtime_checkable
class Counting(Protocol):
    """A store that counts without reading. Of any other the session counts pages."""

    async def count(self, wanted: Filter, now: int, most: int) -> int:
        """How many events match and have not expired by ``now`` (Unix seconds).

        :param most: events to look at; where more match, any number above it.
        """


@runtime_checkable
class Searching(Protocol):
    """A store whose pages heed ``search`` (NIP-50), where it is not empty. Without it such a
    filter is refused.
    """

    searches: bool
    """Whether it searches."""

    def search_for(self, text: str) -> Search:
        """How pages search for a text, to hold live events against it too.

        :raises UnreadableFilter: it cannot be searched for; the message says why, for the client,
            without prefix.
        """


@runtime_checkable
class Verifying(Protocol):
    """A store that has verified whatever it gives. Of any other the session verifies ids."""

    verifies: bool
    """Whether it does."""


class Enough(Exception):
    """Nobody takes more of a page for now: it ends where it is, and what follows is asked for when
    its events have been taken.
    """


HandOn = Callable[[Sequence[FrozenEvent]], None]
"""Takes the next events of a page. Raises :class:`Enough` where they are the last ones."""


@runtime_checkable
class Streaming(Protocol):
    """A store to which a page takes a while: its reader has the first events before the last have
    come.
    """

    async def stream(
        self, wanted: Filter, before: Position | None, most: int, hand_on: HandOn
    ) -> None:
        """As :meth:`Host.page`, some at a time; on return there is nothing more of the page.

        :param hand_on: given each event once, in the order of a page. What it raises is to go
            through.
        """


@runtime_checkable
class Admitting(Protocol):
    """A relay that limits messages by rules of its own."""

    async def admit(self, command: str, context: Context) -> str | None:
        """Why a message is refused, with a prefix of NIP-01, or ``None``. It may wait, which holds
        up the connection.

        :param command: ``EVENT``, ``REQ``, …
        """


@runtime_checkable
class Announcing(Protocol):
    """A relay of several processes: what one has taken has to reach the others' readers."""

    async def announce(self, event: FrozenEvent) -> None:
        """Tell the other processes of an event. Each calls :meth:`.Server.announced`."""


@runtime_checkable
class Relaying(Protocol):
    """A store that is a relay itself, with readers of its own: they get ephemeral events, too."""

    async def relay(self, event: FrozenEvent) -> Added:
        """Hand on an ephemeral event; what is answered counts, as with :meth:`Host.add`."""


@attrs.frozen
class Abilities:
    """The abilities of a host, looked up once, as that takes time."""

    host: Host
    recalls: Recalling | None
    deletes: Deleting | None
    forgets: Forgetting | None
    counts: Counting | None
    streams: Streaming | None
    verifies: bool
    admits: Admitting | None
    announces: Announcing | None
    relays: Relaying | None
    searches: Searching | None

    @classmethod
    def of(cls, host: Host) -> Self:
        """Look up the abilities of a host."""
        return cls(
            host,
            recalls=host if isinstance(host, Recalling) else None,
            deletes=host if isinstance(host, Deleting) else None,
            forgets=host if isinstance(host, Forgetting) else None,
            counts=host if isinstance(host, Counting) else None,
            streams=host if isinstance(host, Streaming) else None,
            verifies=isinstance(host, Verifying) and host.verifies,
            admits=host if isinstance(host, Admitting) else None,
            announces=host if isinstance(host, Announcing) else None,
            relays=host if isinstance(host, Relaying) else None,
            searches=host if isinstance(host, Searching) and host.searches else None,
        )
