"""What policies answer about many events: a table for people, JSON for programs."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import attrs

from orly_policy_hookspecs.nip01 import event_json
from orly_policy_plugin.cli.showing import say, say_columns, say_json, short, show_steps, verdict
from orly_policy_plugin.counted import counted
from orly_policy_plugin.policy.fields import Access

from .tally import Counts, Example, Tally

_MOST_ROWS: Final = 10
_WOULD: Final = {"write": "refused", "read": "hidden"}


@attrs.frozen
class Report:
    """What a replay found."""

    version: str
    """Of the policy."""
    in_force: str | None
    """The version of the policy that it was compared with."""
    events: int
    tallies: Mapping[Access, Tally]

    def say_text(self) -> None:
        """Print it for people."""
        against = f", against {self.in_force}" if self.in_force else ""
        say(f"{_number(self.events, 'event')} replayed; policy {self.version}{against}")
        for access, tally in self.tallies.items():
            say()
            self._show_tally(access, tally)

    def _show_tally(self, access: Access, tally: Tally) -> None:
        would, total = _WOULD[access], tally.total
        share = f" ({_share(total)})" if total.refused else ""
        say(f"{access}s: {total.refused:,} would be {would}{share}{self._changes(total)}")
        if tally.left_to_scripts:
            say(f"  {_number(tally.left_to_scripts, 'event')} accepted only if a script does")
        places = list(tally.places_by_refusals())
        self._table(
            "place", would, ((short(place), counts) for place, counts in places), len(places)
        )
        kinds = list(tally.kinds_by_refusals())
        self._table("kind", would, ((str(kind), counts) for kind, counts in kinds), len(kinds))
        if authors := tally.authors.first(_MOST_ROWS):
            about = "" if tally.authors.is_exact else ", at least"
            say()
            say_columns(
                [("author", f"{would}{about}"), *((key, f"{n:,}") for key, n in authors)], "  "
            )
        for place, several in tally.examples.items():
            for example in several:
                say()
                _show_example(place, example)

    def _changes(self, counts: Counts) -> str:
        if self.in_force is None:
            return ""
        return f"; {counts.newly:,} newly, {counts.no_longer:,} no longer"

    def _table(
        self, what: str, would: str, rows: Iterable[tuple[str, Counts]], number: int
    ) -> None:
        if not number:
            return
        columns = (would, *(("newly", "no longer") if self.in_force else ()))
        shown: list[tuple[str, ...]] = [(what, *columns)]
        for name, counts in [*rows][:_MOST_ROWS]:
            cells = (counts.refused, *((counts.newly, counts.no_longer) if self.in_force else ()))
            shown.append((name, *(f"{cell:,}" for cell in cells)))
        say()
        say_columns(shown, "  ")
        if number > _MOST_ROWS:
            say(f"  and {number - _MOST_ROWS} more; --json has all")

    def say_json(self) -> None:
        """Print it for programs."""
        say_json(
            {
                "policy_version": self.version,
                "against_version": self.in_force,
                "events": self.events,
                "answers": {access: _as_json(tally) for access, tally in self.tallies.items()},
            }
        )


def _number(count: int, noun: str) -> str:
    return counted(count, noun).replace(str(count), f"{count:,}", 1)


def _share(counts: Counts) -> str:
    share = 100 * counts.refused / counts.asked
    return "under 0.1 %" if share < 0.1 else f"{share:.1f} %"


def _show_example(place: str, example: Example) -> None:
    event, explanation = example.event, example.explanation
    change = ", newly" if example.is_change else ""
    say(f"{short(place)}: for example kind {event.kind} by {short(event.pubkey)}{change}")
    say(event.id)
    say(short(verdict(explanation.decision)))
    show_steps(explanation)


def _as_json(tally: Tally) -> dict[str, Any]:
    return {
        **attrs.asdict(tally.total),
        "left_to_scripts": tally.left_to_scripts,
        "places": {place: _refusals(counts) for place, counts in tally.places_by_refusals()},
        "kinds": {str(kind): attrs.asdict(counts) for kind, counts in sorted(tally.kinds.items())},
        "authors": [
            {"pubkey": key, "refused": number} for key, number in tally.authors.first(100)
        ],
        "authors_are_exact": tally.authors.is_exact,
        "examples": _examples(tally.examples),
    }


def _refusals(counts: Counts) -> dict[str, int]:
    return {"refused": counts.refused, "newly": counts.newly, "no_longer": counts.no_longer}


def _examples(examples: Mapping[str, Sequence[Example]]) -> list[dict[str, Any]]:
    return [
        {
            "place": place,
            "newly": example.is_change,
            "event": event_json(example.event),
            "message": example.explanation.decision.message,
            "steps": [attrs.asdict(step) for step in example.explanation.steps],
        }
        for place, several in examples.items()
        for example in several
    ]
