"""Results as JUnit XML, which servers that run tests read."""

from collections.abc import Iterable
from itertools import groupby
from xml.etree import ElementTree as Tree

from orly_policy_hookspecs.printing import printable

from .results import Result


def junit_xml(results: Iterable[Result], problems: Iterable[str]) -> bytes:
    """A ``testsuite`` for each suite, a ``testcase`` for each case; an ``error`` for each suite
    that could not be read.
    """
    root = Tree.Element("testsuites")
    for where, group in groupby(results, key=lambda each: (each.where, each.suite.name)):
        of_suite = list(group)
        failed = sum(each.problem is not None for each in of_suite)
        suite = _suite(root, ", ".join(filter(None, where)), len(of_suite), failures=failed)
        for each in of_suite:
            case = Tree.SubElement(suite, "testcase", name=printable(each.name), time="0")
            case.set("classname", printable(each.where))
            if each.problem is not None:
                failure = Tree.SubElement(case, "failure", message=printable(each.problem))
                failure.text = "\n".join(
                    printable(f"{step.place}: {step.seen}; {step.limit}; {step.outcome}")
                    for step in each.explanation.steps
                )
    if unread := list(problems):
        suite = _suite(root, "suites that could not be read", len(unread), errors=len(unread))
        for problem in unread:
            case = Tree.SubElement(suite, "testcase", name=printable(problem), time="0")
            Tree.SubElement(case, "error", message=printable(problem))
    Tree.indent(root)
    return bytes(Tree.tostring(root, encoding="utf-8", xml_declaration=True)) + b"\n"


def _suite(
    root: Tree.Element, name: str, tests: int, failures: int = 0, errors: int = 0
) -> Tree.Element:
    suite = Tree.SubElement(root, "testsuite", name=printable(name), tests=str(tests))
    suite.set("failures", str(failures))
    suite.set("errors", str(errors))
    return suite
