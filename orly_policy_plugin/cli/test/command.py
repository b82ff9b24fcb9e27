"""``orly-policy test``: does the policy answer as its author expects?"""

import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import click

from orly_policy_plugin.cli.inputs import pass_environment_option, shown_name
from orly_policy_plugin.cli.installed import may_vouch_option
from orly_policy_plugin.cli.showing import UnusableInput
from orly_policy_plugin.cli.target import FILE, state_option
from orly_policy_plugin.policy import Policy

from .coverage import Coverage
from .files import suites_of
from .junit import junit_xml
from .mutants import unmissed
from .report import Report, first_problems, say_failures
from .results import Result
from .subject import Given, OfSuite, Subject, given_policy
from .suites import Suite, SuiteError, read_suite

Asked = list[tuple[Subject, list[Result]]]
"""What was asked of each suite, where that is needed again."""

_FAILED = 1
_MOST_TOLD = 100
"""Problems that are told; more are counted."""


@click.command()
@click.argument("suite", nargs=-1, required=True, type=click.Path(path_type=Path, readable=False))
@click.option(
    "--policy",
    "beside",
    type=FILE,
    metavar="POLICY",
    help="The policy file to test, with what a relay has beside it; suites have none of their "
    "own then. Its scripts and the installed plugins are asked.",
)
@click.option("--coverage", is_flag=True, help="Say which places were seen passing and denying.")
@click.option(
    "--mutants", is_flag=True, help="Drop each field in turn, and name those that no case misses."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for programs.")
@click.option(
    "--junit", type=FILE, metavar="FILE", help="Write the results to FILE as JUnit XML, too."
)
@may_vouch_option
@pass_environment_option
@state_option
@click.pass_context
def test(
    ctx: click.Context,
    suite: tuple[Path, ...],
    beside: Path | None,
    coverage: bool,
    mutants: bool,
    as_json: bool,
    junit: Path | None,
    may_vouch: tuple[str, ...],
    pass_environment: tuple[str, ...],
    state: Path | None,
) -> None:
    """Run policy test suites and explain each case that fails.

    A SUITE file has a suite, or a list of suites, as YAML (.yaml, .yml) or JSON; or a suite a
    line as JSON, plain or gzipped; - is standard input. A suite has cases, and may have name, now
    (Unix seconds), policy, follows (author to pubkeys) and lists (name to pubkeys, of the
    policy's named lists). A case has access (write or read), event and allowed (true or false),
    and may have name, authed (a pubkey, or several), ip, now, message (how it begins) and place
    (which decides). What does not matter of an event may be left out. Events are not verified:
    ids and signatures may be made up.

    \b
    orly-policy test suite.yaml --policy policy.json --coverage --mutants
    orly-policy test suites.jsonl.gz --junit results.xml

    The exit status is 1 where a case failed or the policy cannot be used, 2 where a suite could
    not be read.
    """
    report = Report()
    keeps = coverage or mutants or junit is not None
    with given_policy(beside, state, pass_environment, may_vouch) as given:
        asked: Asked = []
        for path in suite:
            for where, read in _suites(path, given, report):
                subject = _subject(read, given)
                results = _ask(where, read, subject)
                report.add(results)
                if not as_json:
                    say_failures(results)
                if keeps:
                    asked.append((subject, results))
        if coverage:
            report.coverages = _coverages(asked)
        if mutants:
            report.unmissed = _unmissed(asked)
    if junit:
        results = [each for _, of_suite in asked for each in of_suite]
        _write(junit, junit_xml(results, report.problems))
    (report.say_json if as_json else report.say_text)()
    if report.problems:
        raise UnusableInput(first_problems(report.problems, _MOST_TOLD))
    ctx.exit(_FAILED if report.failures else 0)


def _write(file: Path, content: bytes) -> None:
    """:raises UnusableInput: it cannot be written."""
    try:
        file.write_bytes(content)
    except OSError as error:
        raise UnusableInput([f"{file}: {error.strerror or error}"]) from error


def _suites(path: Path, given: Given | None, report: Report) -> Iterator[tuple[str, Suite]]:
    """The suites of a file; what cannot be read is told in the report."""
    read = partial(read_suite, now=int(time.time()), beside_policy=given is not None)
    before = report.suites + len(report.problems)
    try:
        for where, suite in suites_of(path, read):
            if isinstance(suite, SuiteError):
                report.problems += suite.lines
            else:
                yield where, suite
    except SuiteError as error:
        report.problems += error.lines
    if report.suites + len(report.problems) == before:
        report.problems.append(f"{shown_name(path)}: there is no suite in it")


def _subject(suite: Suite, given: Given | None) -> Subject:
    if given is not None:
        return given.for_suite(suite)
    assert suite.policy is not None
    return OfSuite.of(suite.policy, suite)


def _ask(where: str, suite: Suite, subject: Subject) -> list[Result]:
    return [
        Result(where, suite, number, subject.explained(case, suite.now))
        for number, case in enumerate(suite.cases)
    ]


def _coverages(asked: Asked) -> list[Coverage]:
    """What was seen of each policy."""
    found: dict[str, Coverage] = {}
    for subject, results in asked:
        for each in results:
            version = each.explanation.policy_version
            if version not in found:
                found[version] = Coverage.of(subject.policy, version)
            found[version].add(each.explanation)
    return list(found.values())


def _unmissed(asked: Asked) -> dict[str, list[str]]:
    """What no case misses of each policy."""
    by_version: dict[str, tuple[Policy, Asked]] = {}
    for subject, results in asked:
        version = results[0].explanation.policy_version
        by_version.setdefault(version, (subject.policy, []))[1].append((subject, results))
    return {version: unmissed(*of) for version, of in by_version.items()}
