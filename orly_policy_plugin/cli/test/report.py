"""Results for people, and as JSON."""

from collections.abc import Iterable, Sequence
from typing import Any

import attrs

from orly_policy_plugin.cli.showing import say, say_columns, say_json, short, show_steps
from orly_policy_plugin.counted import counted
from orly_policy_plugin.decisions import decided_at

from .coverage import Coverage
from .results import Result


@attrs.define
class Report:
    """What came of all suites."""

    suites: int = 0
    cases: int = 0
    failures: list[Result] = attrs.Factory(list)
    """The cases that were answered otherwise than they expect."""
    problems: list[str] = attrs.Factory(list)
    """Of reading suites."""
    coverages: list[Coverage] = attrs.Factory(list)
    unmissed: dict[str, list[str]] = attrs.Factory(dict)
    """By the version of a policy the places that no case misses."""

    def add(self, results: Sequence[Result]) -> None:
        """Count the results of a suite."""
        self.suites += 1
        self.cases += len(results)
        self.failures += [each for each in results if each.problem is not None]

    def say_text(self) -> None:
        """Print it for people; failures were printed when they were found."""
        for coverage in self.coverages:
            _say_coverage(coverage)
        for version, places in self.unmissed.items():
            _say_unmissed(version, places)
        say(self._result())

    def _result(self) -> str:
        ran = f"{counted(self.cases, 'case')} in {counted(self.suites, 'suite')}"
        unread = f"; {counted(len(self.problems), 'problem')} reading suites"
        failed = len(self.failures)
        result = f"{failed} failed" if failed else "all as expected"
        if not self.cases:
            result = "nothing was tested"
        return f"{ran}: {result}{unread if self.problems else ''}"

    def say_json(self) -> None:
        """Print it for programs."""
        made: dict[str, Any] = {
            "suites": self.suites,
            "cases": self.cases,
            "failed": len(self.failures),
            "failures": [_as_json(each) for each in self.failures],
            "problems": self.problems,
        }
        if self.coverages:
            made["coverage"] = {
                each.version: {
                    place: {"passing": seen.passing, "denying": seen.denying}
                    for place, seen in each.places.items()
                }
                for each in self.coverages
            }
        if self.unmissed:
            made["missed_by_no_case"] = self.unmissed
        say_json(made)


def say_failures(results: Iterable[Result]) -> None:
    """Print the cases that failed, explained."""
    for result in results:
        if (problem := result.problem) is not None:
            say(f"FAILED {result.where}: {result.name}")
            say(problem)
            say()
            show_steps(result.explanation)
            say()


def _say_coverage(coverage: Coverage) -> None:
    say(f"places of policy {coverage.version}, with the cases that saw them")
    rows = [
        (
            short(place),
            _times(seen.passing, possible=seen.can_pass),
            _times(seen.denying, possible=seen.can_deny),
            "" if seen.is_enough else "not both" if seen.can_pass and seen.can_deny else "never",
        )
        for place, seen in coverage.places.items()
    ]
    say_columns([("place", "passing", "denying", ""), *rows], "  ")
    say(f"{coverage.enough} of {len(coverage.places)} were seen in each way")
    say()


def _times(count: int, *, possible: bool) -> str:
    return str(count) if possible else "-"


def _say_unmissed(version: str, places: Sequence[str]) -> None:
    if not places:
        say(f"policy {version}: each field is missed by a case")
    else:
        say(f"policy {version}: no case misses")
        for place in places:
            say(f"  {short(place)}")
    say()


def _as_json(result: Result) -> dict[str, Any]:
    case, decision = result.case, result.explanation.decision
    return {
        "where": result.where,
        "suite": result.suite.name,
        "case": result.number,
        "name": case.name,
        "problem": result.problem,
        "expected": {"allowed": case.allowed, "message": case.message, "place": case.place},
        "accepted": decision.accepted,
        "message": decision.message,
        "place": decided_at(result.explanation),
        "steps": [attrs.asdict(step) for step in result.explanation.steps],
    }


def first_problems(problems: Iterable[str], most: int) -> list[str]:
    """The first problems, and how many more there are."""
    told = list(problems)
    more = len(told) - most
    return [*told[:most], *([f"and {counted(more, 'more problem')}"] if more > 0 else [])]
