"""The workers of one relay together."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import attrs
import cattrs

from ..shadow import added as shadow_added
from .counts import Counted, added
from .reports import Report, ShadowReport


@attrs.frozen
class Scripts:
    """One script, in all workers."""

    path: str
    running: int
    """The workers in which it runs."""
    failures: tuple[str, ...]
    """What is wrong with it in some."""


@attrs.frozen
class Relay:
    """One relay's workers, of which each has told of itself."""

    workers: Sequence[Report]
    """At least one, by their process ids."""

    @property
    def newest(self) -> Report:
        """The worker that has taken up the newest policy: what all come to."""
        return max(self.workers, key=lambda worker: worker.in_force_since)

    @property
    def agrees(self) -> bool:
        """Whether all obey the same version."""
        return len({worker.version for worker in self.workers}) == 1

    @property
    def problems(self) -> tuple[str, ...]:
        """What is wrong with the policy file, as any worker has found it."""
        return self._all(lambda worker: worker.problems)

    @property
    def next_start(self) -> tuple[str, ...]:
        """Reasons why the relay would not start again."""
        return self._all(lambda worker: worker.next_start)

    @property
    def is_well(self) -> bool:
        """Whether the policy file is in force in all workers, and the relay would start again."""
        return self.agrees and not (self.problems or self.next_start)

    @property
    def scripts(self) -> list[Scripts]:
        """The scripts of all workers."""
        found = [script for worker in self.workers for script in worker.scripts]
        return [
            Scripts(
                path,
                sum(script.runs for script in found if script.path == path),
                _once(script.failure for script in found if script.path == path),
            )
            for path in sorted({script.path for script in found})
        ]

    @property
    def decisions(self) -> list[Counted]:
        """What all workers have decided since their starts."""
        return added(counted for worker in self.workers for counted in worker.decisions)

    @property
    def shadow(self) -> ShadowReport | None:
        """The shadow policy, of all workers that have its newest version; ``None`` where none
        has one.
        """
        found = [worker.shadow for worker in self.workers if worker.shadow is not None]
        if not found:
            return None
        newest = max(found, key=lambda shadow: shadow.since)
        same = [shadow for shadow in found if shadow.version == newest.version]
        return attrs.evolve(
            newest,
            since=min(shadow.since for shadow in same),
            problems=_once(problem for shadow in found for problem in shadow.problems),
            compared=tuple(
                shadow_added(counted for shadow in same for counted in shadow.compared)
            ),
            left_out=sum(shadow.left_out for shadow in same),
        )

    def sum(self, of: Callable[[Report], int]) -> int:
        """The sum of a count of all workers."""
        return sum(map(of, self.workers))

    def as_json(self) -> dict[str, Any]:
        """All of it as a JSON value."""
        newest = self.newest.as_json()
        same = ("path", "version", "in_force_since", "event_id", "event_author", "loaded_at")
        lists = ("contributions", "follow_lists", "lists", "plugins")
        of_each = ("pid", "started_at", "version", "in_force_since", "loaded_at", "problems")
        return {
            **{name: newest[name] for name in same},
            "agrees": self.agrees,
            "problems": list(self.problems),
            "next_start": list(self.next_start),
            "reload_failures": self.sum(lambda worker: worker.reload_failures),
            **{name: newest[name] for name in lists},
            "scripts": cattrs.unstructure(self.scripts),
            "script_failures": self.sum(lambda worker: worker.script_failures),
            "decisions": [
                {
                    "access": each.access,
                    "outcome": each.outcome,
                    "plugin": each.plugin,
                    "place": each.place,
                    "count": each.count,
                    "seconds": each.seconds,
                }
                for each in self.decisions
            ],
            "shadow": cattrs.unstructure(self.shadow),
            "log_dropped": self.sum(lambda worker: worker.log_dropped),
            "workers": [
                {name: value for name, value in worker.as_json().items() if name in of_each}
                for worker in self.workers
            ],
        }

    def _all(self, of: Callable[[Report], tuple[str, ...]]) -> tuple[str, ...]:
        return _once(text for worker in self.workers for text in of(worker))


def _once(texts: Iterable[str]) -> tuple[str, ...]:
    """Each that says something, once."""
    return tuple(dict.fromkeys(text for text in texts if text))
