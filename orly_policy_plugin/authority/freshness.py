"""Freshness: which policy events are new, and which are replays (section 8 of the spec, check 4).

A mark is the newest event that counted. Marks only rise: nothing here lowers one.
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final

import attrs

from orly_policy_hookspecs.nip01 import is_hex32

LATEST_SECONDS: Final = 2**63 - 1
"""Unix seconds, of a mark."""


@attrs.frozen(order=True)
class Mark:
    """A moment, as events are ordered: later, and within one second the higher id."""

    created_at: int
    """Unix seconds."""
    event_id: str = ""
    """64 lowercase hex characters; empty where no event made the mark, as for a hand edit."""

    def to_json(self) -> dict[str, Any]:
        """The mark as a JSON value."""
        return {"created_at": self.created_at, "event_id": self.event_id}

    @classmethod
    def from_json(cls, value: object) -> "Mark":
        """The mark of a JSON value.

        :raises ValueError: it is none; the message says why.
        """
        members = _object(value, "a mark", {"created_at", "event_id"})
        created_at, event_id = members.get("created_at"), members.get("event_id", "")
        if type(created_at) is not int or not 0 <= created_at <= LATEST_SECONDS:
            raise ValueError("created_at of a mark is a whole number of seconds from 0 up")
        if not isinstance(event_id, str) or not (event_id == "" or is_hex32(event_id)):
            raise ValueError("event_id of a mark is 64 lowercase hex characters, or empty")
        return cls(created_at, event_id)


def _fixed(marks: Mapping[str, Mark]) -> Mapping[str, Mark]:
    return MappingProxyType(dict(marks))


@attrs.frozen
class Freshness:
    """The marks of the owners, who share one, and of each admin."""

    owner: Mark | None = None
    admins: Mapping[str, Mark] = attrs.field(factory=dict, converter=_fixed, hash=False)
    """By pubkey."""

    def raised(self, other: "Freshness") -> "Freshness":
        """The higher of both, mark by mark."""
        made = self if other.owner is None else self.with_owner(other.owner)
        return made.with_marks(other.admins.items())

    def with_owner(self, mark: Mark) -> "Freshness":
        """The same after an owner's update or a hand edit. A lower mark changes nothing."""
        return attrs.evolve(self, owner=_higher(self.owner, mark))

    def with_admin(self, pubkey: str, mark: Mark) -> "Freshness":
        """The same after an admin's update. A lower mark changes nothing."""
        return self.with_marks([(pubkey, mark)])

    def with_marks(self, marks: Iterable[tuple[str, Mark]]) -> "Freshness":
        """The same after many admins' updates."""
        admins = dict(self.admins)
        for pubkey, mark in marks:
            admins[pubkey] = _higher(admins.get(pubkey), mark)
        return attrs.evolve(self, admins=admins)

    def why_not_newer(self, pubkey: str, mark: Mark, *, is_owner: bool) -> str | None:
        """Why an author's event comes too late, or ``None`` where it is new.

        An owner's must be newer than the last owner's (or hand edit); an admin's newer than that
        and than the same admin's last.
        """
        if reason := _why_not_above(self.owner, mark, "the owner's last change"):
            return reason
        if is_owner:
            return None
        return _why_not_above(self.admins.get(pubkey), mark, "your last update")

    def to_json(self) -> dict[str, Any]:
        """The marks as a JSON value."""
        return {
            "owner": self.owner and self.owner.to_json(),
            "admins": {pubkey: self.admins[pubkey].to_json() for pubkey in sorted(self.admins)},
        }

    @classmethod
    def from_json(cls, value: object) -> "Freshness":
        """The marks of a JSON value that :meth:`to_json` made.

        :raises ValueError: it is none; the message says why.
        """
        members = _object(value, "freshness", {"owner", "admins"})
        if missing := {"owner", "admins"} - members.keys():
            raise ValueError(f"freshness has no {min(missing)!r}")
        owner, admins = members["owner"], _object(members["admins"], "admins of freshness")
        if wrong := [key for key in admins if not is_hex32(key)]:
            raise ValueError(f"admins of freshness: {wrong[0]!r:.80} is not a public key")
        return cls(
            None if owner is None else Mark.from_json(owner),
            {pubkey: Mark.from_json(mark) for pubkey, mark in admins.items()},
        )


def _higher(old: Mark | None, new: Mark) -> Mark:
    return new if old is None else max(old, new)


def _why_not_above(last: Mark | None, mark: Mark, whose: str) -> str | None:
    if last is None or mark > last:
        return None
    if mark == last:
        return f"it is {whose} itself, which has been applied already"
    if mark.created_at < last.created_at:
        return f"{whose} is newer: created_at {last.created_at}, this one {mark.created_at}"
    return (
        f"{whose} is of the same second ({mark.created_at}) and has a higher id; "
        "sign it again with a later created_at"
    )


def _object(value: object, what: str, keys: set[str] | None = None) -> Mapping[str, Any]:
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise ValueError(f"{what} is not a JSON object")
    if keys is not None and (unknown := sorted(value.keys() - keys)):
        raise ValueError(f"{what} has the unknown key {unknown[0]!r:.80}")
    return value
