"""Decide without waiting, where the answers allow it."""

from collections.abc import Collection

from .answers import Attributed, come_and_awaited
from .combining import combine
from .decision import Decision, Verdict
from .registry import Answers
from .waiting import is_firm_no

VOUCH = Verdict.VOUCH  # an enumeration's attribute is slow to look up


def as_list(answers: Answers) -> list[Attributed]:
    """All the answers, as a list."""
    if isinstance(answers, list):
        return answers
    return [] if answers is None else [answers]


def at_once(answers: Answers, may_vouch: Collection[str]) -> Decision | None:
    """The combined decision, or ``None`` where an answer must be waited for."""
    if type(answers) is list and len(answers) == 1:
        (answers,) = answers  # the others have abstained
    if type(answers) is Decision and answers.verdict is not VOUCH:
        return answers
    decisions, awaited = come_and_awaited(as_list(answers))
    if awaited and not any(map(is_firm_no, decisions)):
        return None
    for later in awaited:
        later.give_up()
    return combine(decisions, may_vouch)
