"""``orly-policy script-check``: does a policy script answer as the relay expects?"""

import time
from pathlib import Path

import click

from orly_policy_plugin.counted import counted

from ..examples import examples
from ..inputs import load_event, pass_environment_option
from ..showing import UnusableInput, say, say_columns
from .advice import advise
from .check import check_script
from .faults import Question, Report, took
from .interruptions import ended_by_signals
from .samples import TOGETHER, Sample, samples
from .source import CannotStart, Source, read_source

_FAILED = 1


@click.command(
    "script-check",
    epilog=examples(
        "orly-policy script-check ./spam.py",
        "orly-policy script-check ./spam.py --event event.json",
    ),
)
@click.argument("script", type=click.Path(path_type=Path, readable=False))
@click.option(
    "--timeout",
    type=click.FloatRange(0, 3600, min_open=True),
    default=5.0,
    show_default=True,
    metavar="SECONDS",
    help="How long the relay waits for an answer.",
)
@click.option(
    "--event",
    "event_file",
    type=click.Path(readable=False),
    metavar="FILE",
    help="An event of your own to ask about as well, as JSON; - is standard input. Its author "
    "is the one logged in; its id and signature are not verified.",
)
@click.option(
    "--folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=".",
    metavar="FOLDER",
    help="The folder to run the script in. A relay runs it in the policy file's folder; the "
    "default is the current one.",
)
@pass_environment_option
@click.pass_context
def script_check(
    ctx: click.Context,
    script: Path,
    timeout: float,
    event_file: str | None,
    folder: Path,
    pass_environment: tuple[str, ...],
) -> None:
    """Run a policy SCRIPT on sample events.

    Says what it does wrong. Asks it first one by one, then about many events together, and ends
    its input; prints what it answered and how fast, then each problem with what to change. The
    script really runs, as the user that you are, in the environment that a relay gives it. SCRIPT
    starts from the current folder, whatever --folder says.

    The exit status is 1 where a problem was found, 2 where the script cannot be started.
    """
    asked = samples(int(time.time()))
    if event_file is not None:
        event = load_event(event_file)
        asked = (*asked, Sample("your event", event, logged_in_pubkey=event.pubkey))
    try:
        source = read_source(script)
        with ended_by_signals():
            report = check_script(script, folder, asked, timeout, pass_environment)
    except CannotStart as error:
        raise UnusableInput([str(error)]) from error
    _show(script, source, report)
    ctx.exit(_FAILED if report.failed else 0)


def _show(path: Path, source: Source, report: Report) -> None:
    say(f"{path}:")
    rows = [_row(question) for question in report.singly]
    if report.at_once:
        rows.append(_row_at_once(report.at_once))
    say_columns(rows, indent="  ")
    say()
    _show_findings(report, source)
    say(_result(report))


def _row(question: Question) -> tuple[str, ...]:
    reply, name = question.reply, question.sample.name
    if reply is None:
        return ("no answer", name)
    when = "only at the end of input" if question.at_the_end else f"{took(question.seconds):>7}"
    return (reply.action.value, name, when, reply.message[:80])


def _row_at_once(questions: tuple[Question, ...]) -> tuple[str, ...]:
    times = [question.seconds for question in questions if question.reply]
    seconds = max(times, default=0.0)
    speed = f"{len(times) / max(seconds, 1e-6):,.0f} answers per second"
    return (f"{len(times)} of {TOGETHER}", "events sent together", f"{took(seconds):>7}", speed)


def _show_findings(report: Report, source: Source) -> None:
    """Each with what to change, notes last; the same advice only once."""
    told: set[str] = set()
    for finding in sorted(report.findings, key=lambda finding: finding.note):
        say(f"{'note' if finding.note else 'problem'}: {finding.seen}")
        for line in finding.traceback:
            say(f"  | {line}")
        for line in advise(finding, source):
            if line not in told:
                say(f"  {line}")
            told.add(line)


def _result(report: Report) -> str:
    problems = sum(not finding.note for finding in report.findings)
    if not problems:
        return "no problems found"
    return f"{counted(problems, 'problem')} found"
