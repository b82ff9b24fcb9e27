"""Every row of the table: what is measured, what the reference takes, and the goals."""

import statistics
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final

import attrs

from orly_policy_plugin.errors import PolicyError

from . import (
    admins,
    decisions,
    line_host,
    loading,
    proxies,
    relays,
    reloading,
    scripts,
    store_write,
)
from .figures import Figure, Goal, Measured
from .real_events import events_to_read
from .timing import Effort, Timed
from .workloads import shadow


@attrs.frozen(kw_only=True)
class Options:
    """The options of the command line."""

    effort: Effort
    events: Path | None
    """The folder with real events, if there is one."""


Measure = Callable[[Options], Measured]


@attrs.frozen(kw_only=True)
class Row:
    """One row."""

    name: str
    workload: str
    measure: Measure
    goals: tuple[Goal, ...]
    reference: float | None = None
    """The time of ORLY 0.31.7, in V."""


def _in_v(time: Timed, goal: float, **notes: Any) -> Measured:
    notes |= {"seconds": time.seconds, "v_seconds": time.v_seconds}
    return Measured(figures=(Figure(value=time.in_v, goal=_v(goal)),), notes=notes)


def _v(value: float) -> Goal:
    return Goal(value=value, unit="V")


# --- decisions


def _decision(name: str, workload: str, reference: float | None, goal: float) -> Row:
    return Row(
        name=name,
        workload=workload,
        measure=lambda options: _in_v(decisions.decision(name, options.effort), goal),
        goals=(_v(goal),),
        reference=reference,
    )


def _hook(options: Options) -> Measured:
    return _in_v(decisions.hook(options.effort), _HOOK)


def _told(options: Options) -> Measured:
    return _in_v(decisions.told(options.effort), _TOLD)


def _shadow(options: Options) -> Measured:
    return _in_v(decisions.told(options.effort, shadow(5)), _TOLD)


def _shadow_differs(options: Options) -> Measured:
    return _in_v(decisions.told(options.effort, shadow(1)), _TOLD)


def _read(options: Options) -> Measured:
    events, source = events_to_read(options.events, 500)
    time, given = decisions.read(events, options.effort)
    return _in_v(time, _READ, events=source, given=given)


def _script(options: Options) -> Measured:
    try:
        return _in_v(scripts.script(options.effort), _SCRIPT)
    except PolicyError as error:
        return Measured(why_not=str(error))


# --- files


def _load_1m(options: Options) -> Measured:
    loaded = loading.load(1_000_000, 1 if options.effort.quick else 3)
    figures = [Figure(value=loaded.seconds, goal=_LOAD_SECONDS)]
    if loaded.bytes_per_key is not None:
        figures.append(Figure(value=loaded.bytes_per_key, goal=_LOAD_BYTES, what="kept"))
    figures.append(_delay(loaded, _LOAD_1M_DELAY))
    return Measured(figures=tuple(figures), notes=attrs.asdict(loaded))


def _load_10k(options: Options) -> Measured:
    loaded = loading.load(10_000, 1 if options.effort.quick else 5)
    return Measured(figures=(_delay(loaded, _LOAD_10K_DELAY),), notes=attrs.asdict(loaded))


def _delay(loaded: loading.Loaded, goal: Goal) -> Figure:
    """The worst of all times: that none is later is the goal."""
    delays, without = loaded.longest_delays_ms, loaded.longest_delay_without_ms
    what = f"late at most (best {min(delays):.1f}; idle {without:.1f})"
    return Figure(value=max(delays), goal=goal, what=what)


def _reload(options: Options) -> Measured:
    seconds = reloading.reloads(3 if options.effort.quick else 10)
    what = f"at most, {statistics.median(seconds):.3f} s the median"
    figure = Figure(value=max(seconds), goal=_RELOAD, what=what)
    return Measured(figures=(figure,), notes={"seconds": seconds})


def _admins_worst(options: Options) -> Measured:
    shapes = admins.SHAPES[:2] if options.effort.quick else admins.SHAPES
    figures: list[Figure] = []
    notes = {}
    for count in (1, 10):
        worst = admins.worst(count, shapes)
        notes[f"{count} admins"] = attrs.asdict(worst)
        whose = "one admin's" if count == 1 else f"{count} admins'"
        kept = "" if worst.kept_megabytes is None else f", {worst.kept_megabytes[0]:.0f} MB kept"
        for (value, shape), goal, what in (
            (worst.to_apply_seconds, _ADMINS_APPLY, "to apply one more"),
            (worst.to_start_seconds, _ADMINS_START, f"to start{kept}"),
            (worst.latest_decision_ms, _ADMINS_DELAY, "late meanwhile"),
        ):
            figures.append(Figure(value=value, goal=goal, what=f"{what} ({whose} {shape})"))
    return Measured(figures=tuple(figures), notes=notes)


# --- a fleet


def _store_write(options: Options) -> Measured:
    try:
        rounds = store_write.writes(options.effort)
    except store_write.NotMeasured as error:
        return Measured(why_not=str(error))
    ratios = [each.ratio for each in rounds]
    what = f"by processor time; {min(ratios):.3f} to {max(ratios):.3f} in {len(ratios)} rounds"
    figure = Figure(value=statistics.median(ratios), goal=_STORE_WRITE, what=what)
    return Measured(figures=(figure,), notes={"rounds": [attrs.asdict(each) for each in rounds]})


# --- relays


def _relay_row(
    name: str, workload: str, compare: Callable[[Effort], relays.Compared], goal: Goal
) -> Row:
    return Row(name=name, workload=workload, measure=partial(_relay, compare, goal), goals=(goal,))


def _relay(compare: Callable[[Effort], relays.Compared], goal: Goal, options: Options) -> Measured:
    compared = compare(options.effort)
    by_cpu = compared.kept_by_cpu("policy")
    figure = Figure(
        value=compared.kept("policy"),
        goal=goal,
        what="" if by_cpu is None else f"({by_cpu:.3f} by processor time)",
    )
    without_policy = {
        "kept": compared.kept("gate"),
        "kept_by_cpu": compared.kept_by_cpu("gate"),
    }
    notes = {**attrs.asdict(compared), "with_its_policy_switched_off": without_policy}
    return Measured(figures=(figure,), notes=notes)


def _idle(options: Options) -> Measured:
    return Measured(figures=(Figure(value=relays.idle(options.effort), goal=_IDLE),))


def _proxy_row(
    name: str, workload: str, compare: Callable[[Effort], proxies.Times], goal: Goal
) -> Row:
    def measure(options: Options) -> Measured:
        times = compare(options.effort)
        figures = (Figure(value=times.ratio, goal=goal),)
        return Measured(figures=figures, notes=attrs.asdict(times))

    return Row(name=name, workload=workload, measure=measure, goals=(goal,))


def _proxy_idle(options: Options) -> Measured:
    return Measured(figures=(Figure(value=proxies.idle(options.effort), goal=_IDLE),))


def _strfry(options: Options) -> Measured:
    figure = Figure(value=line_host.events_a_second(options.effort), goal=_STRFRY)
    return Measured(figures=(figure,))


_HOOK: Final = 0.06
_TOLD: Final = 0.02
_READ: Final = 0.05
_SCRIPT: Final = 2
_LOAD_SECONDS: Final = Goal(value=5, unit="s")
_LOAD_BYTES: Final = Goal(value=200, unit="bytes a key")
_LOAD_1M_DELAY: Final = Goal(value=500, unit="ms")
_LOAD_10K_DELAY: Final = Goal(value=20, unit="ms")
_RELOAD: Final = Goal(value=0.5, unit="s")
_ADMINS_APPLY: Final = Goal(value=0.5, unit="s")
_ADMINS_START: Final = Goal(value=2, unit="s")
_ADMINS_DELAY: Final = Goal(value=50, unit="ms")
_WRITES: Final = Goal(value=4, unit="x", sign="≥")
_WRITES_LMDB: Final = Goal(value=2, unit="x", sign="≥")
_READS: Final = Goal(value=2.5, unit="x", sign="≥")
_READS_LMDB: Final = Goal(value=1.5, unit="x", sign="≥")
_LIVE: Final = Goal(value=2, unit="x", sign="≥")
_IDLE: Final = Goal(value=40, unit="KB")
_PROXIED: Final = Goal(value=1.3, unit="x")
_STORE_WRITE: Final = Goal(value=0.98, unit="x", sign="≥")
_STRFRY: Final = Goal(value=5_000, unit="events/s", sign="≥")

ROWS: Final = (
    _decision("simple", "3 kinds whitelisted, a rule, one write_allow", 0.0019, 0.006),
    _decision("kinds", "100 rules, events of 100 kinds in turn, denied", 0.0017, 0.008),
    _decision("whitelist", "1,000 kinds in the whitelist, kind 500", 0.0048, 0.006),
    _decision("blacklist", "1,000 kinds in the blacklist, kind 1500", 0.0079, 0.006),
    _decision("tags", "200 tags, limits, required tags, one write_allow", 1.7, 0.25),
    _decision("large", "100,000 characters of content, limits", 9.1, 0.2),
    _decision("regex", "an article, identifier and tags validated, limits", 0.98, 0.15),
    _decision("allow-10k", "write_allow of 10,001 keys, the last", 0.24, 0.006),
    _decision("allow-1m", "write_allow of 1,000,001 keys, the last", 67, 0.006),
    _decision("list-1m", "the same of a named list", None, 0.006),
    Row(
        name="hook",
        workload="simple, through the gate and pluggy",
        measure=_hook,
        goals=(_v(_HOOK),),
    ),
    Row(
        name="told",
        workload="what counting, and a log of refusals, add to that",
        measure=_told,
        goals=(_v(_TOLD),),
    ),
    Row(
        name="shadow",
        workload="the same, with a shadow policy that has other rules of other kinds",
        measure=_shadow,
        goals=(_v(_TOLD),),
    ),
    Row(
        name="shadow-differs",
        workload="the same, with one that has another rule of this kind",
        measure=_shadow_differs,
        goals=(_v(_TOLD),),
    ),
    Row(
        name="read-500",
        workload="an event of 500, through the gate for one reader",
        measure=_read,
        goals=(_v(_READ),),
    ),
    Row(
        name="script",
        workload=f"an event through a script, {scripts.IN_FLIGHT} in flight",
        measure=_script,
        goals=(_v(_SCRIPT),),
    ),
    Row(
        name="load-1m",
        workload="read, check and compile the allow-1m file",
        measure=_load_1m,
        goals=(_LOAD_SECONDS, _LOAD_BYTES, _LOAD_1M_DELAY),
    ),
    Row(
        name="load-10k",
        workload="the same with the allow-10k file",
        measure=_load_10k,
        goals=(_LOAD_10K_DELAY,),
    ),
    Row(
        name="reload",
        workload="from saving a 100-rule file to its being in force",
        measure=_reload,
        goals=(_RELOAD,),
    ),
    Row(
        name="admins-worst",
        workload="the most that policy admins can contribute",
        measure=_admins_worst,
        goals=(_ADMINS_APPLY, _ADMINS_START, _ADMINS_DELAY),
    ),
    Row(
        name="store-write",
        workload="events for a second at a node with a fleet's store, to one with a policy file",
        measure=_store_write,
        goals=(_STORE_WRITE,),
    ),
    _relay_row(
        "relay-write",
        "events a second into the relay, to stock nostr-relay; SQLite",
        partial(relays.writes, "sqlite"),
        _WRITES,
    ),
    _relay_row(
        "relay-write-lmdb",
        "the same on LMDB, where stock answers before it stores",
        partial(relays.writes, "lmdb"),
        _WRITES_LMDB,
    ),
    _relay_row(
        "relay-read",
        "REQs of 500 stored events, likewise; SQLite",
        partial(relays.reads, "sqlite"),
        _READS,
    ),
    _relay_row("relay-read-lmdb", "the same on LMDB", partial(relays.reads, "lmdb"), _READS_LMDB),
    _relay_row(
        "live", "one event to 2,000 readers on 200 connections, likewise", relays.live, _LIVE
    ),
    Row(
        name="idle",
        workload="memory for a subscribed connection",
        measure=_idle,
        goals=(_IDLE,),
    ),
    _proxy_row(
        "proxy-write",
        "1,000 writes over 20 connections, the time without the proxy; SQLite",
        proxies.writes,
        _PROXIED,
    ),
    _proxy_row("proxy-req", "a REQ of 500 stored events, likewise", proxies.reads, _PROXIED),
    Row(
        name="proxy-idle",
        workload="the proxy's memory for one of 2,000 subscribed connections",
        measure=_proxy_idle,
        goals=(_IDLE,),
    ),
    Row(
        name="strfry",
        workload="events a second, answered by `orly-policy strfry`, one in flight",
        measure=_strfry,
        goals=(_STRFRY,),
    ),
)
"""In the order in which they are measured."""
