"""What rows say. Pure: whoever may write to the database may have put anything there.

Of a row that says nothing that could be used there is a problem, and what was known of it before
counts on: what it denies stays denied.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final

from orly_policy_hookspecs import Event, malformed
from orly_policy_hookspecs.nip01 import FrozenEvent, event_json, is_hex32

from ...authority import verify
from ...authority.freshness import Freshness, Mark
from ...errors import PolicyError
from ...follows import FollowList, follow_list, kept_as
from ...policy.strict_json import JsonObject, decode_json
from ..entry import Entry
from ..store import StoredContribution, Withdrawn

MOST_EVENT_BYTES: Final = 1024 * 1024 + 4096
"""Of an event: 1 MiB, and some room for how it is written."""
MOST_ROW_BYTES: Final = 3 * MOST_EVENT_BYTES
"""Of an event as a row has it: a character of two bytes takes six there. More is not read."""
OWNERS: Final = ""
"""The author of the mark that all owners share."""


class UnusableMarks(PolicyError):
    """The marks are there and do not say what was applied."""


def written_event(event: Event | Mapping[str, Any]) -> str:
    """An event as a row has it: ASCII, for a text in PostgreSQL has no character 0.

    :raises PolicyError: it is too large.
    """
    value = event if isinstance(event, Mapping) else event_json(event)
    text = json.dumps(value, separators=(",", ":"))
    if len(json.dumps(value, ensure_ascii=False).encode()) > MOST_EVENT_BYTES:
        raise PolicyError(f"the event is not kept: it is over {MOST_EVENT_BYTES} bytes")
    return text


def read_event(text: str | None) -> Mapping[str, Any]:
    """The event that a row has; its signature is not verified.

    :param text: ``None`` where it has more than :data:`MOST_ROW_BYTES`.
    :raises ValueError: it is none.
    """
    if text is None:
        raise ValueError(f"it is over {MOST_ROW_BYTES} bytes")
    value = decode_json(text.encode())
    if problem := malformed(value):
        raise ValueError(problem)
    assert isinstance(value, JsonObject)
    if value.duplicates:
        raise ValueError(f"the key {value.duplicates[0]!r} occurs twice")
    return value


def read_contribution(
    event_id: str, event: str | None, difference: bytes | None
) -> StoredContribution:
    """:raises ValueError: it is none. Its signature is for whoever understands it."""
    if not is_hex32(event_id):
        raise ValueError("its event id is not 64 lowercase hex characters")
    return StoredContribution(read_event(event), difference)


def as_first_known(
    event_id: str, known: StoredContribution, made: StoredContribution
) -> StoredContribution:
    """A contribution that was known before, and what its row says now. What was signed does not
    change, and nor may the difference beside it, which nobody has signed: else it could bring back
    what the owner has taken away since.
    """
    if made == known or (known.difference is not None and _is_signed(event_id, known)):
        return known
    return made


def check_not_replayed(stored: StoredContribution, applied: Freshness) -> None:
    """Check that a row that is new has an event that could be applied then (section 8 of the
    spec): whoever can write to the database may have one that was refused.

    :param applied: the marks before the row was there.
    :raises ValueError: it is older.
    """
    author, created_at = stored.value["pubkey"], stored.value["created_at"]
    mark = Mark(created_at, stored.value["id"])
    of_author = applied.admins.get(author)
    if (applied.owner and mark <= applied.owner) or (of_author and mark < of_author):
        raise ValueError("its event is older than what was applied before it")


def _is_signed(event_id: str, stored: StoredContribution) -> bool:
    event = FrozenEvent.of_json(stored.value)
    return event.id == event_id and verify(event)


def read_withdrawal(event_id: str, author: str, created_at: int, by: str) -> Withdrawn:
    """:raises ValueError: the row says nothing that could be used."""
    if not is_hex32(event_id):  # it is to name a file
        raise ValueError("its event id is not 64 lowercase hex characters")
    return Withdrawn(author=author, created_at=created_at, by=by)


def key_of(name: str) -> str:
    """The key of a list's row.

    :param name: under which the list is kept: an author's key, or what may end with any text, of
        any length.
    """
    return name if is_hex32(name) else hashlib.sha256(name.encode()).hexdigest()


def read_list(key: str, event: str | None) -> tuple[str, FollowList, FrozenEvent]:
    """The name under which a list is kept, the list and its event.

    :raises ValueError: it is no signed list of this key.
    """
    signed = FrozenEvent.of_json(read_event(event))
    for name in kept_as(signed):
        if key_of(name) == key and verify(signed):
            return name, follow_list(signed), signed
    raise ValueError("is no signed list that is kept under this name")


def read_marks(rows: list[tuple[str, int, str]]) -> Freshness:
    """:raises UnusableMarks: a mark that cannot be used would be read as a lower one."""
    marks: dict[str, Mark] = {}
    for author, created_at, event_id in rows:
        try:
            marks[author] = _mark(author, created_at, event_id)
        except ValueError as error:
            raise UnusableMarks(
                f"a row of orly_policy.mark cannot be used (author {author[:64]!r}): {error}; "
                "policy events that were applied before might be accepted again. Put it right"
            ) from error
    return Freshness(marks.pop(OWNERS, None), marks)


def _mark(author: str, created_at: int, event_id: str) -> Mark:
    if author != OWNERS and not is_hex32(author):
        raise ValueError("its author is no public key")
    return Mark.from_json({"created_at": created_at, "event_id": event_id})


def rows_of_marks(freshness: Freshness) -> list[tuple[str, int, str]]:
    """The author, the date and the event of each mark."""
    owner = [(OWNERS, freshness.owner)] if freshness.owner is not None else []
    marks = sorted([*owner, *freshness.admins.items()])  # in one order, so that none deadlocks
    return [(author, mark.created_at, mark.event_id) for author, mark in marks]


def read_entry(row: tuple[Any, ...], said: Mapping[str, bytes]) -> Entry:
    """A version of the history.

    :param row: version, recorded_at, how, author, event_id, user, content, contributions.
    :raises ValueError, TypeError: what is wrong with it.
    """
    version, recorded_at, how, author, event_id, user, content, contributions = row
    if not all(map(is_hex32, contributions)):
        raise ValueError("names contributions that are no event ids")
    return Entry(
        version=version,
        recorded_at=recorded_at,
        how=how,
        author=author,
        event_id=event_id,
        user=user,
        content=bytes(content),
        contributions={each: said.get(each) for each in contributions},
    )
