"""``orly-policy test``: does the policy answer as its author expects?"""

from collections.abc import Iterable
from pathlib import Path

import attrs
import click

from orly_policy_hookspecs import Decision
from orly_policy_plugin.counted import counted
from orly_policy_plugin.decisions import Explanation

from .inputs import shown_name
from .showing import UnusableInput, say, show_steps, verdict
from .suites import Case, Suite, SuiteError, read_suites

_FAILED = 1
_MOST_TOLD = 100
"""Problems that are told; more are counted."""


@attrs.define
class _Tally:
    suites: int = 0
    cases: int = 0
    failed: int = 0
    problems: int = 0
    told: list[str] = attrs.Factory(list)
    """The first of the problems, in words."""

    def cannot_read(self, problems: tuple[str, ...]) -> None:
        self.problems += len(problems)
        self.told += problems[: _MOST_TOLD - len(self.told)]


@click.command()
@click.argument("suite", nargs=-1, required=True, type=click.Path(path_type=Path, readable=False))
@click.pass_context
def test(ctx: click.Context, suite: tuple[Path, ...]) -> None:
    """Run policy test suites and explain each case that fails.

    A SUITE file has one suite a line, as JSON, plain or gzipped: name, now (Unix seconds),
    policy, follows (author to pubkeys; may be left out), lists (name to pubkeys, of the
    policy's named lists; may be left out) and cases, each with access (write or read), event,
    authed (a pubkey; empty or left out: nobody), ip (may be left out) and allowed (true or
    false). SUITE may be -, standard input.
    Events are not verified: ids and signatures may be made up.

    The exit status is 1 where a case failed, 2 where a suite could not be read.
    """
    tally = _Tally()
    for path in suite:
        _run_file(path, tally)
    say(_result(tally))
    if tally.problems:
        more = tally.problems - len(tally.told)
        left_out = [f"and {counted(more, 'more problem')}"] if more else []
        raise UnusableInput([*tally.told, *left_out])
    ctx.exit(_FAILED if tally.failed else 0)


def _run_file(path: Path, tally: _Tally) -> None:
    before, name = tally.suites + tally.problems, shown_name(path)
    try:
        for line, suite in read_suites(path):
            _run_line(f"{name}, line {line}", suite, tally)
    except SuiteError as error:
        tally.cannot_read(error.lines)
    if tally.suites + tally.problems == before:
        tally.cannot_read((f"{name}: there is no suite in it",))


def _run_line(where: str, suite: Suite | SuiteError, tally: _Tally) -> None:
    if isinstance(suite, SuiteError):
        tally.cannot_read(suite.lines)
        return
    tally.suites += 1
    tally.cases += len(suite.cases)
    for i, case, explanation in failures(suite):
        tally.failed += 1
        _show_failure(f"{where}: {suite.name}, cases[{i}]", case, explanation)


def failures(suite: Suite) -> Iterable[tuple[int, Case, Explanation]]:
    """The cases that the policy answers otherwise than they say, each explained."""
    snapshot = suite.snapshot()
    for i, case in enumerate(suite.cases):
        ask = snapshot.write if case.access == "write" else snapshot.read
        outcome = ask(case.event, case.authed, suite.now)
        if not isinstance(outcome, Decision) or outcome.accepted != case.allowed:
            explained = snapshot.explain(case.access, case.event, case.authed, suite.now)
            if explained.decision.accepted != case.allowed:
                yield i, case, explained


def _show_failure(where: str, case: Case, explanation: Explanation) -> None:
    expected = "accept" if case.allowed else "reject"
    what = f"{case.access} of kind {case.event.kind}"
    say(f"FAILED {where}: {what}")
    say(f"expected {expected}, the policy's answer is {verdict(explanation.decision)}")
    say()
    show_steps(explanation)
    say()


def _result(tally: _Tally) -> str:
    ran = f"{counted(tally.cases, 'case')} in {counted(tally.suites, 'suite')}"
    unread = f"; {counted(tally.problems, 'problem')} reading suites"
    result = f"{tally.failed} failed" if tally.failed else "all as expected"
    if not tally.cases:
        result = "nothing was tested"
    return f"{ran}: {result}{unread if tally.problems else ''}"
