"""Several plugins' answers made one. Pure; the order of the answers does not matter."""

from collections.abc import Collection, Iterable

from .decision import Decision, Verdict

NO_OBJECTION = Decision.accept()

_STRENGTH = {verdict: strength for strength, verdict in enumerate(Verdict)}


def combine(answers: Iterable[Decision], may_vouch: Collection[str] = ()) -> Decision:
    """The answer that wins: firm reject over shadow reject over vouch over fallback over accept.

    :param answers: each attributed to its plugin (:attr:`Decision.source`); none is no objection.
    :param may_vouch: the plugins whose vouch counts; another's is no more than an accept.
    """
    counted = [
        Decision(Verdict.ACCEPT, answer.message, answer.source)
        if answer.verdict is Verdict.VOUCH and answer.source not in may_vouch
        else answer
        for answer in answers
    ]
    return min(counted, key=_rank, default=NO_OBJECTION)


def _rank(answer: Decision) -> tuple[int, bool, str, str]:
    """Strength first; among equals one with a message, then by name, so that order is nothing."""
    return _STRENGTH[answer.verdict], not answer.message, answer.source, answer.message
