"""What came of a case."""

import attrs

from orly_policy_plugin.cli.showing import verdict
from orly_policy_plugin.decisions import Explanation, decided_at

from .suites import Case, Suite


@attrs.frozen
class Result:
    """A case, and how it was answered."""

    where: str
    """The file, and the line or the number in it."""
    suite: Suite
    number: int
    """From 0."""
    explanation: Explanation

    @property
    def case(self) -> Case:
        """The case."""
        return self.suite.cases[self.number]

    @property
    def name(self) -> str:
        """The case's place and name."""
        of_suite = f"{self.suite.name}, " if self.suite.name else ""
        named = f" ({self.case.name})" if self.case.name else ""
        what = f"{self.case.access} of kind {self.case.event.kind}"
        return f"{of_suite}cases[{self.number}]{named}: {what}"

    @property
    def problem(self) -> str | None:
        """What is otherwise than expected; ``None``: nothing."""
        return otherwise(self.case, self.explanation)


def otherwise(case: Case, explanation: Explanation) -> str | None:
    """What an answer has otherwise than a case expects; ``None``: nothing."""
    decision = explanation.decision
    answer = f"the policy's answer is {verdict(decision)}"
    if decision.accepted != case.allowed:
        return f"expected {'accept' if case.allowed else 'reject'}, {answer}"
    if case.message is not None and not decision.message.startswith(case.message):
        return f"expected a message that begins {case.message!r}, {answer}"
    if case.place is not None and (place := decided_at(explanation)) != case.place:
        return f"expected {case.place} to decide, it was {place}"
    return None
