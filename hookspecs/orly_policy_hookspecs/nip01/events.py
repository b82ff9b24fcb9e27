"""The event that crosses the contract: any object with the seven fields of NIP-01 from the host,
an immutable record of them to the plugins. Pure.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple, Protocol, Self


class Event(Protocol):
    """A Nostr event (NIP-01). A relay asks with its own event class; plugins are given a
    :class:`FrozenEvent` of it.

    The contract promises plugins nothing about an event's honesty: a host verifies the id and
    the signature before it asks, and gives kind 12345 to ``on_policy_event`` alone.
    """

    @property
    def id(self) -> str:
        """SHA-256 of the serialised event, 64 lowercase hex characters."""

    @property
    def pubkey(self) -> str:
        """The author, 64 lowercase hex characters."""

    @property
    def created_at(self) -> int:
        """Unix seconds."""

    @property
    def kind(self) -> int:
        """0 to 65535."""

    @property
    def tags(self) -> Sequence[Sequence[str]]:
        """Each tag a sequence of texts, the first of which is its name."""

    @property
    def content(self) -> str:
        """Any text."""

    @property
    def sig(self) -> str:
        """BIP-340 signature of the id, 128 lowercase hex characters."""


class _Fields(NamedTuple):
    id: str
    pubkey: str
    created_at: int
    kind: int
    tags: tuple[tuple[str, ...], ...]
    content: str
    sig: str


class FrozenEvent(_Fields):
    """What plugins are given: the seven fields, which nobody can change for another plugin or for
    the host. Fields as in :class:`Event`, each tag a tuple.

    The fields' types are not looked at: see :func:`.wellformed.malformed`.

    :raises TypeError: ``tags`` cannot be iterated over, or one of them cannot.
    """

    # A named tuple, because one is made for every event that is read, and a frozen attrs class
    # takes twice the time.

    __slots__ = ()

    def __new__(
        cls,
        id: str,  # noqa: A002 -- NIP-01 calls it so
        pubkey: str,
        created_at: int,
        kind: int,
        tags: Iterable[Iterable[str]],
        content: str,
        sig: str,
    ) -> Self:
        return _new(cls, (id, pubkey, created_at, kind, (*map(tuple, tags),), content, sig))

    @classmethod
    def of_json(cls, value: Mapping[str, Any]) -> Self:
        """From a JSON object that is well formed: see :func:`.wellformed.malformed`."""
        return cls(*(value[name] for name in cls._fields))

    @classmethod
    def _make(cls, iterable: Iterable[Any]) -> Self:  # type: ignore[override]  # generic there
        """As the constructor: a named tuple's own would take tags as they are, and so would
        ``_replace``, which uses it.
        """
        return cls(*iterable)


_new: Final = tuple.__new__


def frozen(event: Event) -> FrozenEvent:
    """The event as plugins are given it; a :class:`FrozenEvent` is that already.

    Raises like :class:`FrozenEvent`, and what the event's attributes raise.
    """
    if type(event) is FrozenEvent:
        return event
    return _new(  # past the constructor: one call less for each event that is read
        FrozenEvent,
        (
            event.id,
            event.pubkey,
            event.created_at,
            event.kind,
            (*map(tuple, event.tags),),
            event.content,
            event.sig,
        ),
    )


def event_json(event: Event) -> dict[str, Any]:
    """The event as a JSON value (NIP-01): its seven fields, each tag a list."""
    fields = frozen(event)._asdict()
    return {**fields, "tags": [list(tag) for tag in fields["tags"]]}
