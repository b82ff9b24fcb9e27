"""Showing what two policies decide differently: lines for people, objects for programs."""

from collections.abc import Iterator, Sequence
from typing import Any

from orly_policy_hookspecs import Decision
from orly_policy_hookspecs.nip01 import event_json
from orly_policy_plugin.counted import counted, listed
from orly_policy_plugin.decisions import decided_at
from orly_policy_plugin.event_size import content_size, event_size
from orly_policy_plugin.policy.diff import Change
from orly_policy_plugin.witnesses import Comparison, Difference, Question

from .contribution_changes import ContributionChange
from .showing import say, short, verdict
from .showing_changes import show_changes

_MOST_TAGS = 4
_LONGEST_VALUE = 24
_KEY_LENGTH = 64


def show_comparison(comparison: Comparison, changes: Sequence[Change]) -> None:
    """Print each change, and below it a question that shows it, or why there is none."""
    shown: set[Question] = set()
    for change in changes:
        show_changes([change])
        for difference in comparison.differences:
            if change.place in difference.places and difference.question not in shown:
                shown.add(difference.question)
                _show(difference)
            elif change.place in difference.places:
                say(f"  as well: {_asked(difference)}")
        if change in comparison.idle:
            say("  changes no decision")
        elif change in comparison.untold:
            say("  whether it changes a decision was not found out")


def show_result(
    comparison: Comparison, changes: Sequence[Change], contributions: Sequence[ContributionChange]
) -> None:
    """Print a question that only contributions explain, or what it comes to where no difference is
    shown.
    """
    for difference in comparison.differences:
        if not difference.places:
            _show(difference)
    if not (changes or contributions or comparison.differences):
        say("both mean the same")
    elif comparison.alike and not contributions:
        say("both decide alike, on a question of every region")
    elif comparison.alike is None:
        say("no difference of decisions was found; not everything could be looked into")
    for limit in comparison.not_looked_into if changes else ():
        say(f"  {limit}")


def _show(difference: Difference) -> None:
    say(f"  newly {'allowed' if difference.newly_allowed else 'refused'}: {_asked(difference)}")
    refusal = difference.old if difference.newly_allowed else difference.new
    before = "before, " if difference.newly_allowed else ""
    say(f"    {before}{short(decided_at(refusal))}: {short(verdict(refusal.decision))}")


def _asked(difference: Difference) -> str:
    question = difference.question
    what = "writing" if question.access == "write" else "reading"
    return short(f"{what} {', '.join(_event(question))}; {', '.join(_people(difference))}")


def _event(question: Question) -> Iterator[str]:
    event = question.event
    yield f"kind {event.kind}"
    yield f"{counted(event_size(event), 'byte')} ({content_size(event)} of content)"
    if ago := question.now - event.created_at:
        yield f"dated {counted(ago, 'second')} ago" if ago > 0 else f"dated {-ago} seconds ahead"
    if event.tags:
        yield f"tags {listed(event.tags, _MOST_TAGS, ' ', _tag)}"


def _tag(tag: tuple[str, ...]) -> str:
    cut = (
        value if len(value) == _KEY_LENGTH or len(value) <= _LONGEST_VALUE else f"{value[:20]}…"
        for value in tag
    )
    return "[" + ", ".join(value or '""' for value in cut) + "]"


def _people(difference: Difference) -> Iterator[str]:
    question, assumed = difference.question, difference.assumed
    yield f"by {' and '.join(question.keys)}" if question.keys else "nobody authenticated"
    if question.keys[:1] != (question.event.pubkey,):
        yield f"author {question.event.pubkey}"
    for author, fans in assumed.follows.items():
        yield f"if {author} follows {' and '.join(fans)}"
    for name, keys in assumed.lists.items():
        yield f"if @{name} has {' and '.join(keys)}"


def differences_as_json(comparison: Comparison) -> list[dict[str, Any]]:
    """The questions as JSON values, nothing shortened."""
    return [
        {
            "places": list(difference.places),
            "access": difference.question.access,
            "event": event_json(difference.question.event),
            "authed": list(difference.question.keys),
            "now": difference.question.now,
            "follows": {name: list(of) for name, of in difference.assumed.follows.items()},
            "lists": {name: sorted(of) for name, of in difference.assumed.lists.items()},
            "old": _decision(difference.old.decision),
            "new": _decision(difference.new.decision),
        }
        for difference in comparison.differences
    ]


def _decision(decision: Decision) -> dict[str, Any]:
    return {"accepted": decision.accepted, "message": decision.message}
