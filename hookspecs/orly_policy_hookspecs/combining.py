"""Combine the answers of several plugins. Pure. Their order does not matter."""

from collections.abc import Collection, Iterable
from typing import Final

from .decision import Decision, Verdict

NO_OBJECTION = Decision.accept()

_MOST_HELPFUL: Final = ("auth-required:", "restricted:")
"""Prefixes that tell a client what to do come first."""
_OTHER: Final = len(_MOST_HELPFUL)

_STRENGTH = {verdict: strength for strength, verdict in enumerate(Verdict)}


def combine(answers: Iterable[Decision], may_vouch: Collection[str] = ()) -> Decision:
    """The answer that wins: firm reject over shadow reject over vouch over fallback over accept.
    Among equal refusals ``auth-required:`` wins, then ``restricted:``, then the others.

    :param answers: each attributed to its plugin (:attr:`Decision.source`); none is no objection.
    :param may_vouch: the plugins whose vouch counts; another's is no more than an accept.
    """
    counted = [
        Decision(Verdict.ACCEPT, answer.message, answer.source, answer.place)
        if answer.verdict is Verdict.VOUCH and answer.source not in may_vouch
        else answer
        for answer in answers
    ]
    return min(counted, key=_rank, default=NO_OBJECTION)


def _rank(answer: Decision) -> tuple[int, bool, int, str, str]:
    """Strength first; among equals one with a message, then what a client can act upon, then the
    message and the name, so that the order of plugins is nothing.
    """
    message = answer.message
    helpful = next((i for i, each in enumerate(_MOST_HELPFUL) if message.startswith(each)), _OTHER)
    return _STRENGTH[answer.verdict], not message, helpful, message, answer.source
