"""What can be wrong with a script, and what came of its check."""

from enum import Enum, auto
from typing import Final

import attrs

from orly_policy_plugin.decisions.replies import Reply

from .samples import Sample

_MOST_LINES: Final = 20
"""Of a traceback."""


class Fault(Enum):
    """What can be wrong with a script."""

    ENDS_AT_ONCE = auto()
    ENDS_EARLY = auto()
    CRASHES = auto()
    NOT_JSON = auto()
    NO_ID = auto()
    OTHER_ID = auto()
    UNKNOWN_ACTION = auto()
    MSG_NOT_A_TEXT = auto()
    LONG_LINE = auto()
    NO_NEWLINE = auto()
    NOT_FLUSHED = auto()
    TWICE = auto()
    NO_ANSWER = auto()
    SOME_UNANSWERED = auto()
    READS_UNANSWERED = auto()
    NOBODY_UNANSWERED = auto()
    SLOW = auto()
    TOO_SLOW = auto()
    NOT_ENDING = auto()
    CHILDREN_LEFT = auto()


@attrs.frozen
class Finding:
    """One thing that was seen."""

    fault: Fault
    seen: str
    """A sentence for the script's author."""
    said: str = ""
    """What the script wrote, from which the line that wrote it may be told."""

    @property
    def note(self) -> bool:
        """Worth knowing, and no failure."""
        return self.fault is Fault.SLOW

    @property
    def traceback(self) -> tuple[str, ...]:
        """The last lines that the script wrote to standard error before it crashed, where there
        is more than its last words.
        """
        if self.fault is not Fault.CRASHES:
            return ()
        lines = [line.rstrip() for line in self.said.splitlines() if line.strip()]
        return tuple(lines[-_MOST_LINES:]) if len(lines) > 1 else ()

    def with_times(self, times: int) -> "Finding":
        """The same, seen so many times."""
        return attrs.evolve(self, seen=f"{self.seen} ({times - 1} more)") if times > 1 else self


@attrs.define(eq=False)
class Question:
    """One that was put to the script, and what came of it."""

    sample: Sample
    asked_at: float
    reply: Reply | None = None
    """None: it did not answer."""
    seconds: float = 0.0
    """From the question to the answer."""
    at_the_end: bool = False
    """The answer came only when the input had ended."""


@attrs.frozen
class Report:
    """What a check found."""

    singly: tuple[Question, ...]
    """What was asked one by one."""
    at_once: tuple[Question, ...]
    """What was asked together; empty where it did not come to that."""
    findings: tuple[Finding, ...]

    @property
    def failed(self) -> bool:
        """There is something that has to be changed."""
        return not all(finding.note for finding in self.findings)


def took(seconds: float) -> str:
    """A duration as people read it."""
    if seconds >= 1:
        return f"{seconds:.3g} s"
    return f"{seconds * 1000:.0f} ms" if seconds >= 0.01 else f"{seconds * 1000:.1f} ms"
