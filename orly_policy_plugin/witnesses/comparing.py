"""Comparing two policies by what they decide: which of their differences decides what."""

from collections.abc import Iterator
from typing import Final

import attrs

from ..policy import GlobalRule, Policy, lists_named, rules_of
from ..policy.diff import Change, changes_of_meaning
from ..policy.fields import fields_of
from .asking import Asked, Side
from .demands import DEMANDS
from .questions import Difference, Question
from .taking_back import Unit, taken_over, unit_of

_TOLD_AT_THE_TOP: Final = frozenset({"kind", "default_policy"})


@attrs.frozen
class Comparison:
    """What two policies decide differently."""

    differences: tuple[Difference, ...]
    """At least one for each place that decides anything, from the top of the file on."""
    idle: tuple[Change, ...]
    """Changes that change no decision."""
    untold: tuple[Change, ...]
    """Changes of which it cannot be told."""
    not_looked_into: tuple[str, ...]
    """What no question asks about, each with its place."""

    @property
    def alike(self) -> bool | None:
        """Whether both decide alike; ``None`` where that is not known."""
        if self.differences:
            return False
        return None if self.untold else True


def compare(old: Side, new: Side, now: int) -> Comparison:
    """Compare two policies.

    :param now: Unix seconds, at which they are asked.
    """
    asked = Asked(old, new, now)
    places: dict[Question, list[str]] = {}
    idle: list[Change] = []
    untold: list[Change] = []
    unseen: list[str] = []
    for change, questions in _shown_by_change(asked, changes_of_meaning(old.policy, new.policy)):
        for question in questions:
            places.setdefault(question, []).append(change.place)
        if not questions:
            unit = unit_of(change.place)
            reasons = _unseen(asked, unit)
            is_told = reasons is None and not _may_decide(asked, unit, old.policy, new.policy)
            (idle if is_told else untold).append(change)
            unseen += reasons or ()
    if not places and (first := next(asked.found(), None)) is not None:
        places[first] = []  # contributions alone explain it
    differences = tuple(_difference(asked, question, places[question]) for question in places)
    not_looked_into = dict.fromkeys((*asked.left_out, *unseen))
    return Comparison(differences, tuple(idle), tuple(untold), tuple(not_looked_into))


def _shown_by_change(asked: Asked, changes: list[Change]) -> list[tuple[Change, list[Question]]]:
    """Each change with the first question that it newly allows, and the first that it refuses.

    The changes are taken back, one after the other, the rules' first. What changes no answer stays
    taken back, so that of two changes that do the same one is found.
    """
    old, new = asked.sides
    policy, found = new.policy, []
    for change in reversed(changes):
        unit = unit_of(change.place)
        without = taken_over(policy, old.policy, unit)
        questions = list(_answered_otherwise(asked, without, unit))
        if not questions:
            policy = without
        found.append((change, questions))
    return found[::-1]


def _answered_otherwise(asked: Asked, policy: Policy, unit: Unit) -> Iterator[Question]:
    """The first questions that a policy answers otherwise than the new one: of those that this
    accepts, and of those that it refuses.
    """
    if next(asked.found(unit.kind), None) is None:
        return
    if unit.kind is not None:  # no other rule says anything of its questions
        policy = attrs.evolve(policy, rules={unit.kind: policy.rules[unit.kind]})
    snapshot = asked.compiled(attrs.evolve(asked.sides[1], policy=policy))
    told: set[bool] = set()
    for question in asked.found(unit.kind):
        is_now = question.is_accepted(asked.new)
        if is_now not in told and question.is_accepted(snapshot) is not is_now:
            told.add(is_now)
            yield question


def _unseen(asked: Asked, unit: Unit) -> list[str] | None:
    """Why not all was looked at that a unit is about; ``None``: all was."""
    unseen = [asked.unseen[part] for part in asked.parts(unit.kind) if part in asked.unseen]
    return list(filter(None, unseen)) if unseen else None


def _may_decide(asked: Asked, unit: Unit, *policies: Policy) -> bool:
    """Whether a unit's change may decide what no question shows."""
    if _is_told(unit):
        return False
    if unit.field == "lists":  # of which criteria name some that their plugins alone know
        named = {name for each in policies for _, name in lists_named(each)}
        asks_plugins = any(rule.criteria for each in policies for _, rule in rules_of(each))
        return unit.member in named or asks_plugins
    return unit.is_at_the_top or not asked.answered.isdisjoint(asked.parts(unit.kind))


def _is_told(unit: Unit) -> bool:
    """Whether one question shows all that a change of a unit can decide: not of what programs say,
    of who may send policies, nor of a rate, which is about many events.
    """
    if unit.is_at_the_top:
        return unit.field in _TOLD_AT_THE_TOP
    is_about_people = fields_of(GlobalRule)[unit.field].who is not None
    return is_about_people or (unit.field in DEMANDS and unit.field != "rate_limit")


def _difference(asked: Asked, question: Question, places: list[str]) -> Difference:
    named = (tag[1] for tag in question.event.tags if len(tag) > 1)
    assumed = asked.assumed.about((*question.keys, question.event.pubkey, *named))
    old, new = question.explained(asked.old), question.explained(asked.new)
    return Difference(question, old, new, tuple(places), assumed)
