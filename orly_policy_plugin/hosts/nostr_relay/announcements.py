"""What the processes that serve one PostgreSQL tell each other in a NOTIFY. Pure.

Of a stored event they are told the id, and where to read it they know; an ephemeral one is carried
whole. Whoever may connect to the database can listen, and can notify: nothing that comes is
believed.
"""

from collections.abc import Sequence
from typing import Final

import attrs
import orjson

from orly_policy_hookspecs.nip01 import (
    FrozenEvent,
    KindClass,
    MalformedEvent,
    class_of,
    is_hex32,
    kinds,
    read_event,
)

MOST_BYTES: Final = 7_999
"""Of a payload: PostgreSQL's limit."""
_IDS_A_PAYLOAD: Final = 100
"""An entry has 75 bytes at most."""


class Unreadable(ValueError):
    """A payload that no process of ours sends."""


@attrs.frozen
class Stored:
    """An event that is in the database."""

    event_id: str
    kind: int


Announced = Stored | FrozenEvent
"""A stored event, or an ephemeral one itself, which nobody has verified."""


@attrs.frozen
class Announcement:
    """A payload."""

    origin: str
    """The process that has sent it."""
    events: Sequence[Announced]


def of_stored(origin: str, events: Sequence[FrozenEvent]) -> list[str]:
    """The payloads that tell of stored events."""
    entries = [(event.kind, event.id) for event in events]
    return [
        _written(origin, stored=entries[begin : begin + _IDS_A_PAYLOAD])
        for begin in range(0, len(entries), _IDS_A_PAYLOAD)
    ]


def of_ephemeral(origin: str, event: FrozenEvent) -> str:
    """The payload that carries an event. It may have more than :data:`MOST_BYTES`."""
    return _written(origin, event=event._asdict())


def _written(origin: str, **what: object) -> str:
    return orjson.dumps({"from": origin, **what}).decode()


def read(payload: str) -> Announcement:
    """Read what has come.

    :raises Unreadable: it is no announcement.
    """
    try:
        match orjson.loads(payload):
            case {"from": str(origin), "stored": list(entries)}:
                return Announcement(origin, [Stored(*_entry(each)) for each in entries])
            case {"from": str(origin), "event": event}:
                return Announcement(origin, [_ephemeral(event)])
    except (orjson.JSONDecodeError, MalformedEvent) as error:
        raise Unreadable(str(error)) from error
    raise Unreadable("neither stored events nor one that is carried")


def _entry(entry: object) -> tuple[str, int]:
    match entry:
        case [int(kind), str(event_id)] if is_hex32(event_id):
            return event_id, kind
    raise Unreadable("an entry is not a kind and an id")


def _ephemeral(value: object) -> FrozenEvent:
    event = read_event(value)
    if class_of(event.kind) is not KindClass.EPHEMERAL or event.kind == kinds.AUTHENTICATION:
        raise Unreadable(f"an event of kind {event.kind} is not carried")
    return event
