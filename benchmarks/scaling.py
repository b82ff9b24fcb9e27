"""Scaling of decisions with the length of lists, the number of rules, the number of plugins."""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Final

import attrs

from orly_policy_hookspecs import Context, Decision, Event, Gate, hookimpl
from orly_policy_plugin.decisions import Snapshot, compile_policy
from orly_policy_plugin.policy import KindLists, Policy, Rule

from .plotting import Panel, Series, decades, steps, svg
from .timing import Effort, Run, timed_together
from .workloads import NOW, STRANGER, SUBMITTER, AnEvent, key

_LENGTHS: Final = tuple(10**exponent for exponent in range(7))
_KINDS: Final = (*(10**exponent for exponent in range(5)), 65_536)
_TAGS: Final = (1, 10, 100, 1000, 2000)
_RULES: Final = tuple(10**exponent for exponent in range(5))
_PLUGINS: Final = tuple(range(11))

_EVENT: Final = AnEvent()
_KEYS: Final = (SUBMITTER,)


def draw(folder: Path, effort: Effort) -> list[Path]:
    """Measure, and write the plots; their paths."""
    lists, rules = folder / "performance-lists.svg", folder / "performance-rules.svg"
    lists.write_text(svg([_lists(effort)], _NOTE))
    rules.write_text(svg([_rules(effort), _plugins(effort)], _NOTE))
    return [lists, rules]


_NOTE: Final = (
    "V is one Schnorr verification, measured in the same run. python -m benchmarks --plots"
)


# --- lists


def _lists(effort: Effort) -> Panel:
    lengths = _LENGTHS[:5] if effort.quick else _LENGTHS
    keys = [key(number) for number in range(1, max(lengths))]
    by_rule = partial(_of_rule, keys)
    series = (
        _series("write_allow, the last", by_rule(_write_allow), lengths, effort),
        _series("write_deny, not in it", by_rule(_write_deny), lengths, effort),
        _series("read_allow, the last", by_rule(_read_allow), lengths, effort),
        _series("whom an admin follows, the last", partial(_follows, keys), lengths, effort),
        _series("kind.whitelist, in it", _whitelist, _KINDS, effort),
        _series("kind.blacklist, not in it", _blacklist, _KINDS, effort),
        _series("tags of the event, two required", _tags, _TAGS, effort),
    )
    points = [point for each in series for point in each.points]
    return Panel(
        "One decision against the length of a list",
        decades("entries in the list", [x for x, _ in points]),
        decades("V", [*(y for _, y in points), 1]),
        series,
        level=(1, "one signature check"),
    )


def _series(
    name: str, deciding: Callable[[int], Run], sizes: Sequence[int], effort: Effort
) -> Series:
    """The V of one decision for each size."""
    times = timed_together([deciding(size) for size in sizes], effort)
    points = ((float(size), time.in_v) for size, time in zip(sizes, times, strict=True))
    return Series(name, tuple(points))


def _rates(name: str, runs: dict[int, Run], effort: Effort) -> Series:
    """The number that is done in one V, for each size."""
    times = timed_together(list(runs.values()), effort)
    points = ((float(number), 1 / time.in_v) for number, time in zip(runs, times, strict=True))
    return Series(name, tuple(points))


def _of_rule(
    keys: Sequence[str], rule: Callable[[tuple[str, ...]], tuple[Rule, bool]]
) -> Callable[[int], Run]:
    def deciding(size: int) -> Run:
        made, is_read = rule((*keys[: size - 1], SUBMITTER))
        snapshot = compile_policy(Policy(rules={1: made}))
        return _repeated(snapshot, _EVENT, is_read=is_read)

    return deciding


def _write_allow(keys: tuple[str, ...]) -> tuple[Rule, bool]:
    return Rule(write_allow=keys), False


def _write_deny(keys: tuple[str, ...]) -> tuple[Rule, bool]:
    return Rule(write_deny=(*keys[:-1], STRANGER)), False


def _read_allow(keys: tuple[str, ...]) -> tuple[Rule, bool]:
    return Rule(read_allow=keys), True


def _follows(keys: Sequence[str], size: int) -> Run:
    rule = Rule(follows_whitelist_admins=(STRANGER,), write_allow=(STRANGER,))
    followed = {STRANGER: [*keys[: size - 1], SUBMITTER]}
    return _repeated(compile_policy(Policy(rules={1: rule}), follows=followed), _EVENT)


def _whitelist(size: int) -> Run:
    kinds = KindLists(whitelist=tuple(range(size)))
    return _repeated(compile_policy(Policy(kind=kinds)), AnEvent(kind=size // 2))


def _blacklist(size: int) -> Run:
    kinds = KindLists(blacklist=tuple(range(2, size + 2)))
    return _repeated(compile_policy(Policy(kind=kinds)), _EVENT)


def _tags(size: int) -> Run:
    tags = [[("p", "e")[number % 2], key(number)] for number in range(size)]
    rule = Rule(must_have_tags=("p", "e")[:size])
    return _repeated(compile_policy(Policy(rules={1: rule})), AnEvent(tags=tags))


def _repeated(snapshot: Snapshot, event: Event, *, is_read: bool = False) -> Run:
    decide = snapshot.read if is_read else snapshot.write
    decision = decide(event, _KEYS, NOW)
    if not isinstance(decision, Decision) or not decision.accepted:
        raise ValueError(f"the decision is {decision}")

    def run(times: int) -> None:
        for _ in range(times):
            decide(event, _KEYS, NOW)

    return run


# --- rules and plugins


def _rules(effort: Effort) -> Panel:
    rates = _rates("the engine alone", {rules: _among(rules) for rules in _RULES}, effort)
    return Panel(
        "Decisions against the number of rules",
        decades("kinds with a rule", _RULES),
        decades("decisions in one V", [*(y for _, y in rates.points), 1]),
        (rates,),
    )


def _among(rules: int) -> Run:
    """Decides about the last of so many kinds, each with a rule."""
    policy = Policy(rules={kind: Rule(write_allow=_KEYS) for kind in range(rules)})
    return _repeated(compile_policy(policy), AnEvent(kind=rules - 1))


@attrs.frozen(eq=False)
class _Other:
    """A plugin that answers, and costs nothing itself."""

    answer: Decision | None

    @hookimpl
    def on_write(self, event: Event, context: Context) -> Decision | None:
        return self.answer


def _plugins(effort: Effort) -> Panel:
    answers = {"accept": Decision.accept(), "abstain": None}
    with asyncio.Runner() as runner:
        series = tuple(
            _rates(
                f"plugins that {what}",
                {plugins: _asking(runner, plugins, answer) for plugins in _PLUGINS},
                effort,
            )
            for what, answer in answers.items()
        )
    return Panel(
        "Questions to the gate against the number of plugins",
        steps("plugins", _PLUGINS),
        decades("answers in one V", [y for each in series for _, y in each.points]),
        series,
    )


def _asking(runner: asyncio.Runner, plugins: int, answer: Decision | None) -> Run:
    gate = Gate()
    for number in range(plugins):
        gate.register(_Other(answer), f"plugin-{number}")
    context = Context(authenticated=_KEYS)

    async def asking(times: int) -> None:
        for _ in range(times):
            await gate.write(_EVENT, context)

    return lambda times: runner.run(asking(times))
