"""``policy-contributions/``: what policy admins contribute, a signed event a file."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import attrs

from ...errors import Unwritable
from ...policy import Problem
from ..store import StoredContribution, Withdrawn
from .signed_events import (
    StoredEvents,
    mark_withdrawn,
    read_events,
    read_withdrawals,
    write_difference,
    write_event,
)


@attrs.frozen
class Contributions:
    """The content of the folder."""

    contributions: Mapping[str, StoredContribution] = MappingProxyType({})
    """By event id. Of a file that has not changed it is the same object."""
    withdrawn: Mapping[str, Withdrawn | None] = MappingProxyType({})
    """By event id; ``None`` where the mark cannot be read. The same object where none is new."""
    problems: tuple[Problem, ...] = ()


@attrs.frozen
class _Known:
    """The last reading."""

    events: StoredEvents
    contributions: Contributions
    withdrawals: Mapping[str, Withdrawn]
    problems_of_marks: tuple[Problem, ...]


class ContributionFiles:
    """The folder, which need not be there, and what was last read of it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: _Known | None = None  # replaced whole: threads may read at the same time

    def read(self) -> Contributions:
        """Read all of it. What has not changed is not decoded again, and what cannot be read now
        counts as it did.

        :raises UnreadableNow: something cannot be read, and nothing was known of it.
        """
        before = self._known
        events = read_events(
            self._folder, bare_allowed=True, before=None if before is None else before.events
        )
        withdrawals, problems = self._withdrawals(events.withdrawn, before)
        same = {} if before is None else before.contributions.contributions
        found = {
            name: _same_or_new(
                same.get(name), StoredContribution(value, events.differences.get(name))
            )
            for name, value in (*events.events.items(), *events.bare.items())
        }
        if before is not None and withdrawals is before.withdrawals:
            withdrawn = before.contributions.withdrawn
        else:
            withdrawn = {name: withdrawals.get(name) for name in events.withdrawn}
        contributions = Contributions(
            MappingProxyType(found), withdrawn, (*events.problems, *problems)
        )
        self._known = _Known(events, contributions, withdrawals, problems)
        return contributions

    def _withdrawals(
        self, ids: frozenset[str], before: _Known | None
    ) -> tuple[Mapping[str, Withdrawn], tuple[Problem, ...]]:
        """There may be tens of thousands."""
        if before is None:
            return read_withdrawals(self._folder, ids)
        if ids == before.events.withdrawn and not before.problems_of_marks:
            return before.withdrawals, ()
        return read_withdrawals(self._folder, ids, before.withdrawals)

    def add(self, event_id: str, contribution: StoredContribution) -> None:
        """Keep a contribution. The next reading returns the same object.

        :raises PolicyError: it is not kept.
        """
        self._check_folder()
        if contribution.difference is not None:
            write_difference(self._folder, event_id, contribution.difference)
        content = write_event(self._folder, event_id, contribution.value)
        if (known := self._known) is not None:
            self._known = attrs.evolve(
                known,
                events=known.events.with_event(
                    event_id, contribution.value, content, contribution.difference
                ),
                contributions=attrs.evolve(
                    known.contributions,
                    contributions={**known.contributions.contributions, event_id: contribution},
                ),
            )

    def withdraw(self, event_id: str, withdrawn: Withdrawn) -> None:
        """Withdraw a contribution for good. May be repeated.

        :raises Unwritable: it is not withdrawn.
        """
        self._check_folder()
        mark_withdrawn(self._folder, event_id, withdrawn)

    def _check_folder(self) -> None:
        """Refuse to make a folder anew that is away while its contributions still count: they
        would be gone.

        :raises Unwritable: it is away.
        """
        known = self._known
        if known is not None and known.events.contents and not self._folder.exists():
            raise Unwritable(
                f"{self._folder} is gone, and what was in it stays in force; put it "
                "back, or start again without it"
            )


def _same_or_new(same: StoredContribution | None, new: StoredContribution) -> StoredContribution:
    if same is not None and same.value is new.value and same.difference == new.difference:
        return same
    return new
