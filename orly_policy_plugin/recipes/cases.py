"""The cases of a recipe's suite."""

from collections.abc import Iterable, Sequence
from typing import Final

from .recipe import Json

NOW: Final = 1_750_000_000
"""Unix seconds at which all cases are asked."""
STRANGER: Final = "57" * 32
"""Somebody whom no recipe knows."""
FRIEND: Final = "f1" * 32
"""Somebody whom a case puts into a list."""
AUTHOR: Final = "a0" * 32
"""The author of an event that somebody else reads."""
NOBODY: Final = ""


def write(
    kind: int,
    why: str,
    *,
    by: str,
    allowed: bool,
    tags: Sequence[Sequence[str]] = (),
    content: str = "",
    age_seconds: int = 0,
) -> Json:
    """May somebody write an event of his own?

    :param by: who has authenticated; :data:`NOBODY`: a stranger who has not.
    """
    event = _event(kind, tags)
    if not by:
        event["pubkey"] = STRANGER
    if content:
        event["content"] = content
    if age_seconds:
        event["created_at"] = NOW - age_seconds
    return _case(why, "write", by, event, allowed=allowed)


def read(
    kind: int,
    why: str,
    *,
    by: str,
    allowed: bool,
    author: str = AUTHOR,
    tags: Sequence[Sequence[str]] = (),
) -> Json:
    """May somebody read an event?"""
    return _case(why, "read", by, {"pubkey": author, **_event(kind, tags)}, allowed=allowed)


def _event(kind: int, tags: Sequence[Sequence[str]]) -> Json:
    """What matters of an event: the rest may be left out."""
    return {"kind": kind, **({"tags": [list(tag) for tag in tags]} if tags else {})}


def _case(why: str, access: str, by: str, event: Json, *, allowed: bool) -> Json:
    who = {"authed": by} if by else {}
    return {"name": why, "access": access, **who, "event": event, "allowed": allowed}


def bounds(
    kind: int, *, by: str, size_bytes: int, tags: Sequence[Sequence[str]] = ()
) -> list[Json]:
    """Events have a bound in size, and one in time."""
    return [
        write(kind, "too large", by=by, allowed=False, tags=tags, content="a" * size_bytes),
        write(kind, "a minute ahead", by=by, allowed=True, tags=tags, age_seconds=-60),
        write(kind, "an hour ahead", by=by, allowed=False, tags=tags, age_seconds=-3600),
    ]


def private_ones(kinds: Iterable[int], *, party: str, other: str) -> list[Json]:
    """Each of these kinds is for its parties.

    :param party: may read at all, and is named in a ``p`` tag.
    :param other: may read at all.
    """
    cases = []
    for kind in kinds:
        tags = [["p", party]]
        cases += [
            read(kind, "for whom it is sent to", by=party, allowed=True, tags=tags),
            read(kind, "not for others", by=other, allowed=False, tags=tags),
            read(kind, "not without authentication", by=NOBODY, allowed=False, tags=tags),
        ]
    return cases
