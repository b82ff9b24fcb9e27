"""``x_reports``: an author is refused whom people that are trusted have reported (NIP-56)."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Container, Iterator, Sequence
from typing import Any, Final

import attrs

from orly_policy_hookspecs import (
    Context,
    Criterion,
    Decision,
    FrozenEvent,
    InvalidSettings,
    hookimpl,
)
from orly_policy_hookspecs.criteria import ReadKeys
from orly_policy_hookspecs.decision import Asked
from orly_policy_hookspecs.nip01 import is_hex32
from orly_policy_hookspecs.nip01.kinds import DELETION

from .values import (
    keys_in_words,
    members_of,
    number_shape,
    object_shape,
    one_of,
    texts,
    texts_shape,
    whole_number,
)

MOST_REPORTS: Final = 50_000
REPORT: Final = 1984
"""The kind of a report (NIP-56)."""
TYPES: Final = ("nudity", "malware", "profanity", "illegal", "spam", "impersonation", "other")
"""The types of reports (NIP-56)."""
_MOST_REPORTERS: Final = 1_000
_MOST_SECONDS: Final = 365 * 86_400
_USUAL_SECONDS: Final = 30 * 86_400
_MEMBERS: Final = ("by", "at_least", "seconds", "types")


@attrs.frozen
class Trusted:
    """Whose reports count, and how many of them do it."""

    by: Container[str]
    at_least: int
    """People, not reports."""
    seconds: int
    """So old a report may be."""
    types: Collection[str]


def trusted(value: object, keys: ReadKeys) -> Trusted:
    """Read ``{"by": ["@moderators"], "at_least": 2}``.

    :raises ValueError: something in it is wrong.
    :raises InvalidSettings: a key is.
    """
    members = members_of(value, _MEMBERS)
    for name in ("by", "at_least"):
        if members.get(name) is None:
            raise ValueError(f"{name!r} is missing: whose reports count, and of how many people")
    if members["by"] == []:
        raise InvalidSettings({"by": "expected a list of public keys; this one is empty"})
    try:
        by = keys(members["by"])
    except InvalidSettings as error:
        raise error.within("by") from error
    return Trusted(
        by,
        whole_number("people", 1, _MOST_REPORTERS)(members["at_least"]),
        whole_number("seconds", 1, _MOST_SECONDS)(members.get("seconds", _USUAL_SECONDS)),
        [one_of(each, "types", TYPES) for each in texts(members.get("types", [*TYPES]), "types")],
    )


@attrs.frozen
class About:
    """What a report is about. Of two that are about the same the newer counts."""

    author: str
    """Who is reported."""
    by: str
    type: str


@attrs.frozen
class Report:
    """A report that was accepted."""

    event_id: str
    at: float
    """Unix seconds: when it was made, as it says itself, but not in the future."""


class Reports:
    """Remembers the reports that were accepted of those whose reports count."""

    def __init__(self, most: int = MOST_REPORTS, clock: Callable[[], float] = time.time) -> None:
        """:param most: reports to remember; the one that came first is forgotten first.
        :param clock: Unix seconds.
        """
        self._most = most
        self._clock = clock
        self._reports: OrderedDict[About, Report] = OrderedDict()
        self._of_author: dict[str, set[About]] = {}
        self._of_event: dict[str, set[About]] = {}
        """By the report's id."""
        self._lock = threading.Lock()

    @hookimpl
    def criteria(self) -> Collection[Criterion]:
        """Add ``x_reports`` to rules."""
        return [
            Criterion(
                name="x_reports",
                unit="whose reports, and how many",
                says=in_words,
                read_with_keys=trusted,
                shape=object_shape(
                    {
                        "by": texts_shape(),
                        "at_least": number_shape(1, _MOST_REPORTERS),
                        "seconds": number_shape(1, _MOST_SECONDS),
                        "types": texts_shape(TYPES),
                    },
                    required=["by", "at_least"],
                ),
                refuses=self.reported,
                decided=self.decided,
            )
        ]

    def reported(self, event: FrozenEvent, _: Context, these: Trusted) -> str | None:
        """Say that enough people have reported the author."""
        with self._lock:
            since = self._clock() - these.seconds
            people = {
                about.by
                for about in self._of_author.get(event.pubkey, ())
                if about.type in these.types
                and about.by in these.by
                and self._reports[about].at > since
            }
        if len(people) < these.at_least:
            return None
        return "blocked: this author was reported by people whom the relay trusts"

    def decided(
        self,
        event: FrozenEvent,
        _: Context,
        __: Asked,
        decision: Decision,
        values: Sequence[Trusted],
    ) -> None:
        """Remember a report that was accepted, and forget one that its author deletes."""
        if event.kind not in (REPORT, DELETION) or not decision.accepted:
            return
        with self._lock:
            if event.kind == DELETION:
                self._delete(event)
            elif any(event.pubkey in these.by for these in values):
                self._take(event)

    def _take(self, event: FrozenEvent) -> None:
        report = Report(event.id, min(event.created_at, self._clock()))
        for about in _about(event):
            known = self._reports.get(about)
            if known is not None and known.at >= report.at:
                continue
            self._forget(about)
            self._reports[about] = report
            self._of_author.setdefault(about.author, set()).add(about)
            self._of_event.setdefault(event.id, set()).add(about)
            if len(self._reports) > self._most:
                self._forget(next(iter(self._reports)))

    def _delete(self, event: FrozenEvent) -> None:
        """Forget the reports that a deletion (NIP-09) names, of its own author."""
        for tag in event.tags:
            if len(tag) > 1 and tag[0] == "e":
                for about in tuple(self._of_event.get(tag[1], ())):
                    if about.by == event.pubkey:
                        self._forget(about)

    def _forget(self, about: About) -> None:
        report = self._reports.pop(about, None)
        if report is None:
            return
        for index, key in ((self._of_author, about.author), (self._of_event, report.event_id)):
            index[key].discard(about)
            if not index[key]:
                del index[key]


def _about(event: FrozenEvent) -> Iterator[About]:
    """What a report says: a ``p`` tag with a type reports its key; of the first without one the
    type may be in the tag of the note or file that is reported (NIP-56).
    """
    of_note = next((tag[2] for tag in event.tags if tag[0] in ("e", "x") and _has_type(tag)), "")
    for tag in event.tags:
        if tag[0] != "p" or len(tag) < 2 or not is_hex32(tag[1]):
            continue
        if kind := tag[2] if _has_type(tag) else of_note:
            yield About(tag[1], event.pubkey, kind)
        of_note = ""


def _has_type(tag: Sequence[str]) -> bool:
    return len(tag) > 2 and tag[2] in TYPES


def in_words(value: Any) -> str:
    """The value for a summary."""
    as_what = f" as {' or '.join(value['types'])}" if "types" in value else ""
    seconds = value.get("seconds", _USUAL_SECONDS)
    return (
        f"no author whom {value['at_least']} or more of {keys_in_words(value['by'])} have "
        f"reported{as_what} within {seconds} seconds"
    )


reports: Final = Reports()
"""The plugin of a process."""
