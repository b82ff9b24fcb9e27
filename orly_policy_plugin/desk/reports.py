"""One worker's account of itself, as it is sent to whoever asks."""

import os
from typing import TYPE_CHECKING, Any

import attrs
import cattrs

from ..shadow import Shadow, ShadowCounted
from .counts import Counted

if TYPE_CHECKING:
    from orly_policy_hookspecs import Gate

    from ..plugin import PolicyPlugin


@attrs.frozen
class ContributionReport:
    """A contribution in force."""

    event_id: str
    author: str | None
    """``None`` where a file of the operator's says no author."""
    created_at: int | None
    """Unix seconds."""


@attrs.frozen
class FollowListReport:
    """A follow list that decides something."""

    author: str
    created_at: int | None
    """Unix seconds; ``None`` where the list is not known: it grants nobody."""
    keys: int
    """The number of those whom the author follows."""


@attrs.frozen
class ListReport:
    """A named list."""

    name: str
    keys: int
    problems: tuple[str, ...]
    """Of its file as it is now: then its last good content is in force."""


@attrs.frozen
class PluginReport:
    """A plugin of the relay."""

    name: str
    distribution: str
    """With its version; empty where the host has registered it itself."""
    is_on: bool


@attrs.frozen
class ScriptReport:
    """A script that the policy names."""

    path: str
    runs: bool
    failure: str
    """What is wrong with it; empty where nothing is known to be."""


@attrs.frozen
class ShadowReport:
    """The shadow policy."""

    path: str
    version: str | None
    """``None`` where its file cannot be used."""
    since: float
    """Unix seconds: when this version of it was first asked."""
    problems: tuple[str, ...]
    """Of its file."""
    compared: tuple[ShadowCounted, ...]
    """Since then."""
    left_out: int
    """Questions that it was not asked, since then: too many came at a time."""


@attrs.frozen(kw_only=True)
class Report:
    """One worker of a relay. Times are Unix seconds."""

    pid: int
    started_at: float
    path: str
    """The policy file."""
    version: str
    """The version in force."""
    in_force_since: float
    event_id: str | None
    """The owner's event from which the policy came; ``None`` where the file was edited."""
    event_author: str | None
    loaded_at: float
    """When the file was last found to be one that can be used."""
    reload_failures: int
    """How often it was changed to what cannot be, since the start."""
    problems: tuple[str, ...]
    """Of the file as it is now; empty where it is in force."""
    next_start: tuple[str, ...]
    """Reasons why the relay would not start again."""
    contributions: tuple[ContributionReport, ...]
    follow_lists: tuple[FollowListReport, ...]
    lists: tuple[ListReport, ...]
    plugins: tuple[PluginReport, ...]
    scripts: tuple[ScriptReport, ...]
    script_failures: int
    """Questions that scripts have not answered, since the start."""
    decisions: tuple[Counted, ...]
    """Since the start."""
    log_dropped: int
    """Decisions that are missing in the decision log, since the start."""
    shadow: ShadowReport | None = None
    """``None`` where there is none."""

    def as_json(self) -> dict[str, Any]:
        """The report as a JSON value."""
        value: dict[str, Any] = cattrs.unstructure(self)
        return value

    @classmethod
    def of_json(cls, value: object) -> "Report":
        """The report that :meth:`as_json` has made.

        :raises ValueError: it is none, such as one of another version of the engine.
        """
        try:
            return cattrs.structure(value, cls)
        except Exception as error:
            raise ValueError(f"this is no report: {error}") from error


def report_of(
    engine: "PolicyPlugin",
    gate: "Gate | None",
    *,
    started_at: float,
    decisions: tuple[Counted, ...],
    log_dropped: int,
    shadow: ShadowReport | None,
) -> Report:
    """A worker's report, of this moment. From any thread."""
    status, state, snapshot = engine.status, engine.state, engine.snapshot
    came_in = state.came_in
    return Report(
        pid=os.getpid(),
        started_at=started_at,
        path=str(status.path),
        version=status.version,
        in_force_since=status.in_force_since,
        event_id=came_in.mark.event_id if came_in else None,
        event_author=came_in.author if came_in else None,
        loaded_at=status.loaded_at,
        reload_failures=status.failures,
        problems=tuple(map(str, status.problems)),
        next_start=tuple(map(str, status.next_start)),
        contributions=tuple(
            ContributionReport(
                made.event_id,
                source.author if (source := state.sources.get(made.event_id)) else None,
                source.created_at if source else None,
            )
            for made in snapshot.contributions
        ),
        follow_lists=_follow_lists(engine),
        lists=tuple(
            ListReport(each.name, each.keys, tuple(map(str, each.problems)))
            for each in status.lists
        ),
        plugins=tuple(
            PluginReport(each.name, each.distribution, each.is_on)
            for each in (gate.described() if gate else ())
        ),
        scripts=tuple(
            ScriptReport(str(each.path), each.pid is not None, each.failure)
            for each in engine.scripts.status
        ),
        script_failures=engine.scripts.failures,
        decisions=decisions,
        log_dropped=log_dropped,
        shadow=shadow,
    )


def _follow_lists(engine: "PolicyPlugin") -> tuple[FollowListReport, ...]:
    known, missing = engine.state.follows, engine.missing_follow_lists()
    needed = missing | (engine.required_follow_lists() & known.keys())
    return tuple(
        FollowListReport(author, known[author].created_at, len(known[author].followed))
        if author in known and author not in missing
        else FollowListReport(author, None, 0)
        for author in sorted(needed)
    )


def shadow_report_of(shadow: Shadow) -> ShadowReport | None:
    """What a worker has to say of its shadow policy; ``None`` where there is none."""
    pair, problems = shadow.pair, shadow.problems
    if pair is None and not problems:
        return None
    return ShadowReport(
        path=str(shadow.path),
        version=None if pair is None else pair.shadow.version,
        since=shadow.since,
        problems=problems,
        compared=tuple(shadow.counted()),
        left_out=shadow.left_out,
    )
