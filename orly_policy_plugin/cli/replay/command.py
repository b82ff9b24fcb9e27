"""``orly-policy replay``: what would a policy do with the events that are stored?"""

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import click

from orly_policy_hookspecs.nip01 import FrozenEvent
from orly_policy_plugin.cli.explain import kept_follows, told_lists
from orly_policy_plugin.cli.inputs import pubkeys_option
from orly_policy_plugin.cli.installed import fitted_plugins
from orly_policy_plugin.cli.showing import UnusableInput, tell
from orly_policy_plugin.cli.target import (
    FILE,
    load_state,
    state_option,
    target_of,
)
from orly_policy_plugin.decisions import Snapshot, compile_policy
from orly_policy_plugin.policy.fields import BOTH, Access

from .events import Passed, events_of_files
from .judging import Asked, Judge, count_answers
from .progress import progress, size_of
from .relays import events_of_configuration, events_of_relay, is_relay_url
from .report import Report
from .tally import Tally


def _url_option(_: click.Context, param: click.Parameter, url: str | None) -> str | None:
    if url is not None and not is_relay_url(url):
        message = f"{url!r} is not a relay's URL such as wss://relay.example"
        raise click.BadParameter(message, param=param)
    return url


@click.command()
@click.argument("proposed", metavar="POLICY", type=FILE)
@click.argument("events", nargs=-1, type=FILE)
@click.option(
    "--against",
    type=FILE,
    metavar="POLICY",
    help="The policy in force: says what would be refused newly, and what no longer.",
)
@click.option(
    "--relay-config",
    type=FILE,
    metavar="FILE",
    help="A configuration of nostr-relay, whose database is read; nothing there is changed.",
)
@click.option(
    "--url",
    callback=_url_option,
    metavar="URL",
    help="A relay to ask for its events, as anybody may.",
)
@click.option(
    "--access",
    type=click.Choice(["write", "read", "both"]),
    default="both",
    show_default=True,
    help="Write: would the event be refused? Read: would it be hidden?",
)
@click.option(
    "--writer",
    type=click.Choice(["author", "nobody"]),
    default="author",
    show_default=True,
    help="Who counts as the submitter of a write.",
)
@click.option(
    "--reader",
    "readers",
    multiple=True,
    callback=pubkeys_option,
    metavar="PUBKEY",
    help="Who reads, in hex or as npub1…; may be repeated. None: nobody authenticated.",
)
@click.option(
    "--now",
    type=click.IntRange(0),
    metavar="SECONDS",
    help="Unix seconds to decide at. Default: for each event the time when it was created.",
)
@click.option(
    "--examples",
    type=click.IntRange(0, 100),
    default=1,
    show_default=True,
    metavar="N",
    help="Refused events to show of each place, explained.",
)
@state_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for programs.")
def replay(
    proposed: Path,
    events: tuple[Path, ...],
    against: Path | None,
    relay_config: Path | None,
    url: str | None,
    access: str,
    writer: str,
    readers: tuple[str, ...],
    now: int | None,
    examples: int,
    state: Path | None,
    as_json: bool,
) -> None:
    """Say what a policy would do with events that are stored.

    EVENTS are files of one event a line, as JSON, plain or gzipped; - is standard input. A
    relay's decision log is one, too: an event that was refused twice counts twice. Says
    how many would be refused or hidden, by which place of POLICY, of which kinds and authors,
    with an example of each place; with --against what of it is new. Ids and signatures are not
    verified.

    Decides with what is kept beside each policy file, as `explain` does. Scripts are not asked and
    taken to accept, and rates as not used yet; plugins' criteria are asked.

    \b
    orly-policy replay next.json events.jsonl --against policy.json
    strfry export | orly-policy replay policy.json -
    orly-policy replay next.json decisions.jsonl --access write
    orly-policy replay policy.json --relay-config nostr-relay.yaml

    The exit status is 0 whatever would be refused, 1 where a policy cannot be used, 2 where
    something cannot be read, or a line is no event.
    """
    if not (events or relay_config or url):
        raise click.UsageError("name EVENTS, --relay-config or --url")
    asked: list[Access] = [each for each in BOTH if access in (each, "both")]
    tallies = {each: Tally(examples) for each in asked}
    questions = {
        "write": Asked("write", None if writer == "author" else (), now),
        "read": Asked("read", readers, now),
    }
    passed = Passed()
    with ExitStack() as life:
        runner = life.enter_context(asyncio.Runner())
        judge = Judge(_snapshot(proposed, state), runner)
        in_force = Judge(_snapshot(against, state), runner) if against else None
        read, counted = life.enter_context(
            progress(None if relay_config or url else size_of(events))
        )

        def all_events() -> Iterator[FrozenEvent]:
            yield from events_of_files(events, passed, read)
            if relay_config:
                yield from events_of_configuration(relay_config)
            if url:
                yield from events_of_relay(url)

        asking = [(questions[each], tallies[each]) for each in asked]
        number = count_answers(all_events(), asking, judge, in_force, counted)
    version = in_force.snapshot.version if in_force else None
    report = Report(judge.snapshot.version, version, number, tallies)
    if as_json:
        report.say_json()
    else:
        report.say_text()
    if passed.dropped:
        tell(f"the decision log lacks {passed.dropped:,} decisions: they came too fast for it")
    _end_where_not_all_was_read(passed)


def _snapshot(file: Path, state: Path | None) -> Snapshot:
    """A policy with all that is kept beside it, as it would decide now."""
    target = target_of(file, state, may_be_standard_input=True)
    current = load_state(target)
    lists = told_lists(target, current)
    installed = fitted_plugins(target, current.policy)
    installed.fitted.put_in_force()
    return compile_policy(
        current.policy,
        follows=kept_follows(current, lists),
        lists=lists,
        owners=target.owners,
        contributions=current.contributions,
        plugins=installed.fitted,
    )


def _end_where_not_all_was_read(passed: Passed) -> None:
    """:raises UnusableInput: something was passed over."""
    problems = [*passed.told, *passed.files, *passed.empty]
    if more := passed.lines - len(passed.told):
        problems.append(f"and {more:,} more lines that are no events")
    if problems:
        raise UnusableInput(problems)
