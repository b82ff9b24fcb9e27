"""Which events are versions of one another, and which of them is kept (NIP-01). Pure."""

from typing import NamedTuple, Self

from .events import Event
from .hexes import is_hex32
from .kinds import KindClass, class_of


class Address(NamedTuple):
    """What the versions of a replaceable or addressable event share."""

    kind: int
    pubkey: str
    identifier: str
    """The ``d`` tag's value; empty for replaceable kinds, and where the tag or its value is
    missing."""

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Read an ``a`` tag's value, ``<kind>:<pubkey>:<identifier>``; ``None`` where it is none.

        For a replaceable kind the last colon may be missing, and the identifier counts for
        nothing.
        """
        number, _, rest = text.partition(":")
        pubkey, _, identifier = rest.partition(":")
        if not (number.isascii() and number.isdecimal() and len(number) <= 5 and is_hex32(pubkey)):
            return None
        kind = int(number)
        kind_class = class_of(kind)
        if kind_class is KindClass.ADDRESSABLE:
            return cls(kind, pubkey, identifier)
        return cls(kind, pubkey, "") if kind_class is KindClass.REPLACEABLE else None

    def __str__(self) -> str:
        """As an ``a`` tag has it."""
        return f"{self.kind}:{self.pubkey}:{self.identifier}"


def address_of(event: Event) -> Address | None:
    """What an event replaces the older versions of; ``None`` where it replaces nothing."""
    kind_class = class_of(event.kind)
    if kind_class is KindClass.ADDRESSABLE:
        return Address(event.kind, event.pubkey, _identifier(event))
    return Address(event.kind, event.pubkey, "") if kind_class is KindClass.REPLACEABLE else None


def _identifier(event: Event) -> str:
    return next((tag[1] if len(tag) > 1 else "" for tag in event.tags if tag[0] == "d"), "")


class Position(NamedTuple):
    """Where an event stands in what a relay hands out: newest first, of the same second the one
    with the lowest id. A smaller position comes sooner.
    """

    minus_created_at: int
    id: str

    @classmethod
    def of(cls, event: Event) -> Self:
        """The position of an event."""
        return cls(-event.created_at, event.id)

    @property
    def created_at(self) -> int:
        """Unix seconds."""
        return -self.minus_created_at


def replaces(event: Event, other: Event) -> bool:
    """Whether, of two versions with one address, ``event`` is the one that is kept: the later, or
    of the same second the one with the lower id.
    """
    return Position.of(event) < Position.of(other)
