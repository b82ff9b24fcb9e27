"""What the store of a fleet keeps, for ``orly-policy status``."""

from collections.abc import Iterator
from typing import Any

import attrs

from orly_policy_plugin.counted import counted
from orly_policy_plugin.desk.relay import Relay
from orly_policy_plugin.policy import Problem
from orly_policy_plugin.state import Entry, PolicyState, read_state

from .inputs import unusable_policy
from .moments import ago, when
from .showing import short, tell
from .target import Target, version_of_state


@attrs.frozen
class Kept:
    """The policy that every node of the fleet comes to."""

    name: str
    """Of the store, without a password."""
    version: str
    state: PolicyState
    entry: Entry | None
    """The newest entry of the history with this version; ``None`` where there is none."""

    def behind(self, relay: Relay) -> int:
        """The number of workers that have another version in force."""
        return sum(worker.version != self.version for worker in relay.workers)

    def as_json(self, relay: Relay | None) -> dict[str, Any]:
        """All of it as a JSON value.

        :param relay: the workers on this machine, where there are any.
        """
        entry = self.entry
        return {
            "name": self.name,
            "version": self.version,
            "recorded_at": entry.recorded_at if entry else None,
            "how": entry.how if entry else None,
            "author": entry.author if entry else None,
            "event_id": entry.event_id if entry else None,
            "contributions": sorted(each.event_id for each in self.state.contributions),
            "follow_lists": len(self.state.follows),
            "workers_behind": self.behind(relay) if relay else None,
        }

    def lines(self, now: float) -> Iterator[str]:
        """The same in words."""
        yield f"version {self.version}"
        if entry := self.entry:
            yield f"since {when(entry.recorded_at)} ({ago(entry.recorded_at, now)}), {_how(entry)}"
        contributions = counted(len(self.state.contributions), "contribution")
        lists = counted(len(self.state.follows), "list")
        yield f"with {contributions}, and {lists} of people"


def kept_by(target: Target) -> Kept:
    """Read the store. What it holds that cannot be used is told.

    :raises PolicyError: it cannot be read.
    :raises UnusablePolicy: its policy cannot be used.
    """
    with unusable_policy(target.name):
        state = read_state(target.store, target.owners, policy=target.content())
    version = version_of_state(state)
    problems: list[Problem] = []
    entry = next((e for e in target.store.history(problems) if e.version == version), None)
    for problem in (*state.problems, *problems):
        tell(str(problem))
    return Kept(target.name, version, state, entry)


def _how(entry: Entry) -> str:
    if entry.event_id is None:
        return f"by {entry.how}"
    return f"by {entry.how} {short(entry.event_id)} of {short(entry.author or 'somebody')}"
