"""``orly-policy test``: does the policy answer as its author expects?

::

    command    the command
    files      files of suites: JSON lines, JSON, YAML
    suites     a suite and its cases, read strictly
    subject    a policy that cases are asked of: the suite's, or a policy file's
    results    what came of a case
    coverage   which places of a policy were seen passing and denying     pure
    mutants    the policy with one field less: does a case miss it?
    report     the results, for people and as JSON
    junit      the results as JUnit XML
"""

from .command import test

__all__ = ["test"]
