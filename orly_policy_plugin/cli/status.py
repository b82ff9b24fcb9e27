"""``orly-policy status``: what is the relay doing?"""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from orly_policy_plugin.counted import counted
from orly_policy_plugin.desk.asking import NobodyThere, ask_relay
from orly_policy_plugin.desk.counts import Counted
from orly_policy_plugin.desk.relay import Relay
from orly_policy_plugin.desk.reports import Report, ShadowReport
from orly_policy_plugin.shadow import ALIKE, ShadowCounted

from .examples import examples
from .moments import ago, when
from .showing import say, say_columns, say_json, short, tell
from .status_of_store import Kept, kept_by
from .target import POLICY, policy_argument, state_option, store_option, target_of, trouble

_UNWELL = 1
_MOST_PLACES = 20
"""Of refusals that are shown, the most frequent ones."""

Row = tuple[str, ...]


@click.command(
    epilog=examples(
        "orly-policy status policy.json",
        "orly-policy status --store postgresql://db/relay --json",
        about=POLICY,
    )
)
@policy_argument
@state_option
@store_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for programs.")
@click.pass_context
def status(ctx: click.Context, policy: Path | None, state: Path | None, as_json: bool) -> None:
    """Ask a running relay what it is doing.

    Says which version of the policy is in force, since when and where it came from; what is wrong
    with the file, and what the next start would refuse; which contributions, follow lists, named
    lists, plugins and scripts there are; and what was decided since the workers started. All
    workers of the relay on this machine are asked, through their sockets in the state folder: as
    the user that the relay runs as. Of a fleet it also says what its store keeps, and whether the
    workers here have that in force.

    The exit status is 1 where the policy file, or what the store keeps, is not in force in all
    workers, or a start would be refused, and 2 where no relay answers on this machine.
    """
    target = target_of(policy, state)
    with trouble():
        kept = kept_by(target) if target.is_in_store else None
        try:
            relay = _asked(target.file, state)
        except NobodyThere:
            if kept is not None:
                _show(None, kept, as_json=as_json)
            raise
    _show(relay, kept, as_json=as_json)
    if not relay.is_well or (kept is not None and kept.behind(relay)):
        ctx.exit(_UNWELL)


def _asked(policy: Path, state: Path | None) -> Relay:
    """:raises PolicyError: see :func:`.ask_relay`."""
    problems: list[str] = []
    try:
        return ask_relay(policy, state, problems)
    finally:
        for problem in problems:
            tell(problem)


def _show(relay: Relay | None, kept: Kept | None, *, as_json: bool) -> None:
    if as_json:
        of_store = {} if kept is None else {"store": kept.as_json(relay)}
        say_json({**(relay.as_json() if relay else {}), **of_store})
        return
    now = time.time()
    if kept is not None:
        _print_kept(kept, relay, now)
    if relay is not None:
        _print_relay(relay, now)


def _print_kept(kept: Kept, relay: Relay | None, now: float) -> None:
    say(kept.name)
    for line in kept.lines(now):
        say(f"  {line}")
    if relay is not None:
        if behind := kept.behind(relay):
            workers = counted(len(relay.workers), "worker")
            say(f"  another version is in force in {behind} of {workers} here")
        else:
            say("  in force in all workers here")
        say()


def _print_relay(relay: Relay, now: float) -> None:
    newest = relay.newest
    say(newest.path)
    for line in _in_force(relay, now):
        say(f"  {line}")
    _section("workers", [_worker(worker, relay, now) for worker in relay.workers])
    _section(
        "contributions",
        [
            (
                short(each.event_id),
                f"of {short(each.author or 'somebody')}",
                when(each.created_at) if each.created_at else "",
            )
            for each in newest.contributions
        ],
    )
    _section(
        "follow lists",
        [
            (short(each.author), counted(each.keys, "key"), ago(each.created_at, now))
            if each.created_at is not None
            else (short(each.author), "missing: it grants nobody")
            for each in newest.follow_lists
        ],
    )
    _section(
        "named lists",
        [(f"@{each.name}", counted(each.keys, "key"), *each.problems) for each in newest.lists],
    )
    _section(
        "plugins",
        [
            (each.name, each.distribution, "" if each.is_on else "switched off")
            for each in newest.plugins
        ],
    )
    _section("scripts", list(_scripts(relay)))
    _section("decisions", list(_decisions(relay.decisions)))
    if relay.shadow is not None:
        _print_shadow(relay.shadow)
    if dropped := relay.sum(lambda worker: worker.log_dropped):
        say(f"{dropped} are missing in the decision log: it did not keep up")


def _in_force(relay: Relay, now: float) -> Iterator[str]:
    newest = relay.newest
    if newest.event_id is None:
        source = "from the file"
    else:
        source = f"from the event {short(newest.event_id)} of {short(newest.event_author or '')}"
    since = ago(newest.in_force_since, now)
    yield f"version {newest.version} in force since {when(newest.in_force_since)} ({since})"
    yield source
    for problem in relay.problems:
        yield f"the file cannot be used: {problem}"
    for problem in relay.next_start:
        yield f"the next start would be refused: {problem}"
    if not relay.agrees:
        yield "the workers do not agree: some still obey another version"


def _worker(worker: Report, relay: Relay, now: float) -> Row:
    other = "" if worker.version == relay.newest.version else f"version {worker.version}"
    return str(worker.pid), f"started {ago(worker.started_at, now)}", other


def _scripts(relay: Relay) -> Iterator[Row]:
    workers = len(relay.workers)
    for script in relay.scripts:
        runs = f"runs in {script.running} of {counted(workers, 'worker')}"
        yield script.path, runs, "; ".join(script.failures)
    if failures := relay.sum(lambda worker: worker.script_failures):
        yield (f"{counted(failures, 'question')} not answered",)


def _decisions(decisions: Sequence[Counted]) -> Iterator[Row]:
    accepted = [each for each in decisions if each.outcome in ("accept", "vouch")]
    refused = [each for each in decisions if each not in accepted]
    refused.sort(key=lambda each: -each.count)
    sums: dict[str, int] = {}
    for each in accepted:
        sums[each.access] = sums.get(each.access, 0) + each.count
    for access, count in sums.items():
        yield f"{count:>9,}", access, "accept", ""
    for each in refused[:_MOST_PLACES]:
        yield f"{each.count:>9,}", each.access, each.outcome, _where(each)
    if rest := sum(each.count for each in refused[_MOST_PLACES:]):
        yield f"{rest:>9,}", "", "refused", "elsewhere (--json has all)"


def _print_shadow(shadow: ShadowReport) -> None:
    """What it would have decided; what is alike comes last."""
    say()
    say("shadow policy")
    for problem in shadow.problems:
        say(f"  {shadow.path} cannot be used: {problem}")
    if shadow.version is not None:
        say(f"  version {shadow.version} asked, and not obeyed, since {when(shadow.since)}")
        say_columns(list(_compared(shadow)), indent="  ")


def _compared(shadow: ShadowReport) -> Iterator[Row]:
    differing = [each for each in shadow.compared if each.outcome != ALIKE]
    differing.sort(key=lambda each: -each.count)
    for each in differing[:_MOST_PLACES]:
        yield f"{each.count:>9,}", each.access, each.outcome, short(each.place)
    if rest := sum(each.count for each in differing[_MOST_PLACES:]):
        yield f"{rest:>9,}", "", "otherwise", "elsewhere (--json has all)"
    for access, count in _alike(shadow.compared).items():
        yield f"{count:>9,}", access, ALIKE, ""
    if shadow.left_out:
        yield f"{shadow.left_out:>9,}", "", "not asked", "too many came at a time"


def _alike(compared: Sequence[ShadowCounted]) -> dict[str, int]:
    sums: dict[str, int] = {}
    for each in compared:
        if each.outcome == ALIKE:
            sums[each.access] = sums.get(each.access, 0) + each.count
    return sums


def _where(each: Counted) -> str:
    return short(each.place) if each.place else f"plugin {each.plugin}" if each.plugin else ""


def _section(title: str, rows: Sequence[Row]) -> None:
    if rows:
        say()
        say(title)
        say_columns(rows, indent="  ")
