"""Comparing two policies by what they decide."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from types import MappingProxyType
from typing import Final

import attrs

from orly_policy_hookspecs import POLICY_EVENT_KIND
from orly_policy_hookspecs.nip01 import FrozenEvent

from ..authority import Contribution
from ..decisions import Snapshot, compile_policy
from ..policy import Policy, lists_named, rules_of, scripts_of
from ..policy.diff import Change, changes_of_meaning
from ..policy.fields import BOTH, Access
from .demands import Demand, demands_of
from .events import NoSample, event_that
from .people import STRANGER, Assumed, People, people_of, thinned
from .questions import Difference, Question
from .taking_back import Unit, taken_over, unit_of

_MOST_KEPT: Final = 2_000
"""Questions of one kind and access that are answered otherwise."""
_NEVER_TOLD: Final = frozenset(
    {"script", "criteria", "rate_limit", "owners", "policy_admins", "plugins", "lists"}
)
"""What changes more than the answer to one question, or by what no policy holds."""


@attrs.frozen
class Side:
    """One of two policies."""

    policy: Policy
    contributions: tuple[Contribution, ...] = ()
    owners: frozenset[str] = frozenset()
    """Those of the environment."""


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
    return _Comparing(old, new, now).compared()


class _Comparing:
    def __init__(self, old: Side, new: Side, now: int) -> None:
        self.now = now
        self.sides = tuple(
            attrs.evolve(side, policy=without_criteria(side.policy)) for side in (old, new)
        )
        self.changes = changes_of_meaning(old.policy, new.policy)
        self.limits = dict.fromkeys(
            limit for side in (old, new) for limit in _never_asked(side.policy)
        )
        self.thin = thinned([side.policy for side in self.sides])
        """The policies, to choose people by."""
        self.assumed = Assumed.of(self.thin)
        self.old, self.new = (self.compiled(side) for side in self.sides)
        self.found: dict[tuple[Access, int], list[Question]] = {}
        self.answered: set[tuple[Access, int]] = set()
        """The kinds of which something is accepted."""
        self.unseen: dict[tuple[Access, int], str] = {
            (access, kind): ""
            for side in (old, new)
            for place, rule in rules_of(side.policy)
            if rule.criteria
            for access in BOTH
            for kind in self.kinds(place)
        }
        """The kinds of which not all was looked at, and why; empty for criteria."""

    def compiled(self, side: Side) -> Snapshot:
        return compile_policy(
            side.policy,
            follows=self.assumed.follows,
            lists=self.assumed.lists,
            owners=side.owners,
            contributions=side.contributions,
        )

    def compared(self) -> Comparison:
        """Ask, and find the changes that the answers show."""
        for access in BOTH:
            asked: set[tuple[int, int]] = set()
            for kind in self.kinds():
                plans = (
                    self.old.plans(access).for_kind(kind),
                    self.new.plans(access).for_kind(kind),
                )
                pair = id(plans[0]), id(plans[1])
                if pair not in asked:
                    asked.add(pair)
                    self.ask(access, kind)
        shown: dict[Question, list[str]] = {}
        idle: list[Change] = []
        untold: list[Change] = []
        for change, questions in self.shown_by_change():
            for question in questions:
                shown.setdefault(question, []).append(change.place)
            if not questions:
                told = not self.cannot_be_told(unit_of(change.place))
                (idle if told else untold).append(change)
        if not shown and (first := next(self.all_found(), None)) is not None:
            shown[first] = []
        differences = tuple(self.difference(question, shown[question]) for question in shown)
        return Comparison(differences, tuple(idle), tuple(untold), tuple(self.limits))

    def kinds(self, place: str = "") -> list[int]:
        """A kind of each plan: those that either policy names, and one that neither does.

        :param place: of a rule; empty or ``global`` for all.
        """
        if place.startswith("rules."):
            return [int(place.removeprefix("rules."))]
        named = {POLICY_EVENT_KIND}
        for side in (self.old, self.new):
            named |= side.writes.named | side.reads.named
        other = next((kind for kind in range(1, 65_536) if kind not in named), 0)
        return sorted({*named, other})

    # --- asking

    def ask(self, access: Access, kind: int) -> None:
        """Ask both policies about one kind, and keep what they answer otherwise."""
        if self.is_same(access, kind):
            return
        people = self.people(access, kind)
        if not people.is_all:
            why = f"kind {kind}: more classes of keys than are tried together"
            self.unseen[access, kind] = why
        found = self.found.setdefault((access, kind), [])
        demands = [list(self.demands(side.policy, access, kind)) for side in self.sides]
        for named in people.named:
            for question in self.questions(access, kind, people, named, demands):
                old, new = question.is_accepted(self.old), question.is_accepted(self.new)
                if old or new:
                    self.answered.add((access, kind))
                if old is not new and len(found) < _MOST_KEPT:
                    found.append(question)

    def is_same(self, access: Access, kind: int) -> bool:
        """Whether both decide by the same conditions."""
        old, new = (each.plans(access).for_kind(kind) for each in (self.old, self.new))
        return (old.conditions, old.scripts, old.rates, old.ungranted, old.granted) == (
            new.conditions,
            new.scripts,
            new.rates,
            new.ungranted,
            new.granted,
        )

    def questions(
        self,
        access: Access,
        kind: int,
        people: People,
        named: tuple[str, ...],
        demands: list[list[Demand]],
    ) -> Iterator[Question]:
        """The questions with events that name some keys."""
        both = [*demands[0], *demands[1]]
        for met in _distinct([*demands, both]):
            event = self.event(access, kind, met, None, named)
            if event is not None:
                yield from (Question.by(each, access, event, self.now) for each in people.persons)
        for side, (met, others) in zip(
            (self.old, self.new), (demands, demands[::-1]), strict=True
        ):
            yield from self.violations(access, kind, people, named, side, met, others)

    def violations(
        self,
        access: Access,
        kind: int,
        people: People,
        named: tuple[str, ...],
        side: Snapshot,
        met: list[Demand],
        others: list[Demand],
    ) -> Iterator[Question]:
        """Events that one policy takes and that break one demand of the other."""
        accepted = self.accepted(access, kind, people, named, side, met, others)
        if accepted is None:
            return
        for broken in dict.fromkeys(others):
            if (
                broken not in met
                and (breaking := self.event(access, kind, met, broken, named)) is not None
            ):
                yield attrs.evolve(accepted, event=breaking._replace(pubkey=accepted.event.pubkey))

    def accepted(
        self,
        access: Access,
        kind: int,
        people: People,
        named: tuple[str, ...],
        side: Snapshot,
        met: list[Demand],
        others: list[Demand],
    ) -> Question | None:
        """A question that a policy accepts; one that both do, if there is one, so that nothing but
        a broken demand refuses what is made of it.
        """
        for demands, sides in (([*met, *others], (self.old, self.new)), (met, (side,))):
            event = self.event(access, kind, demands, None, named)
            if event is not None:
                for person in people.persons:
                    question = Question.by(person, access, event, self.now)
                    if all(question.is_accepted(each) for each in sides):
                        return question
        return None

    def event(
        self,
        access: Access,
        kind: int,
        met: list[Demand],
        broken: Demand | None,
        named: tuple[str, ...],
    ) -> FrozenEvent | None:
        try:
            return event_that(met, broken, kind, STRANGER, named, self.now)
        except NoSample as missing:
            why = f"kind {kind}: for the regular expressions of {missing} tags no value was found"
            self.unseen[access, kind] = why
            return None

    def people(self, access: Access, kind: int) -> People:
        rules = [
            (rule, policy)
            for policy in self.thin
            for rule in (policy.rule_of_all, policy.rules.get(kind))
            if rule is not None
        ]
        trusted = ((*policy.owners, *policy.policy_admins) for policy in self.thin)
        return people_of(rules, access, self.assumed, trusted if kind == POLICY_EVENT_KIND else ())

    def demands(self, policy: Policy, access: Access, kind: int) -> Iterator[Demand]:
        if kind != POLICY_EVENT_KIND:
            yield from demands_of(policy.rule_of_all, access)
            if (own := policy.rules.get(kind)) is not None:
                yield from demands_of(own, access)

    # --- what the answers show

    def all_found(self, unit: Unit | None = None) -> Iterator[Question]:
        """The questions that are answered otherwise, of the kinds that a unit is about."""
        if unit is None or unit.kind is None:
            yield from chain.from_iterable(self.found.values())
        else:
            for access in BOTH:
                yield from self.found.get((access, unit.kind), ())

    def shown_by_change(self) -> list[tuple[Change, list[Question]]]:
        """Each change with the first question that it newly allows, and the first that it refuses.

        The changes are taken back, one after the other, the rules' first. What changes no answer
        stays taken back, so that of two changes that do the same one is found.
        """
        policy, found = self.sides[1].policy, []
        for change in reversed(self.changes):
            unit = unit_of(change.place)
            without = taken_over(policy, self.sides[0].policy, unit)
            questions = list(self.answered_otherwise(without, unit))
            if not questions:
                policy = without
            found.append((change, questions))
        return found[::-1]

    def answered_otherwise(self, policy: Policy, unit: Unit) -> Iterator[Question]:
        """The first questions that a policy answers otherwise than the new one: of those that this
        accepts, and of those that it refuses.
        """
        if next(self.all_found(unit), None) is None:
            return
        if unit.kind is not None:  # no other rule says anything of its questions
            policy = attrs.evolve(policy, rules={unit.kind: policy.rules[unit.kind]})
        snapshot = self.compiled(attrs.evolve(self.sides[1], policy=policy))
        told: set[bool] = set()
        for question in self.all_found(unit):
            is_now = question.is_accepted(self.new)
            if is_now not in told and question.is_accepted(snapshot) is not is_now:
                told.add(is_now)
                yield question

    def cannot_be_told(self, unit: Unit) -> bool:
        """Whether a unit's change, which no question shows, may still decide something."""
        about = [
            (access, kind)
            for access in BOTH
            for kind in ([unit.kind] if unit.kind is not None else self.kinds())
        ]
        if unseen := [each for each in about if each in self.unseen]:
            self.limits |= {why: None for each in unseen if (why := self.unseen[each])}
            return True
        if unit.field not in _NEVER_TOLD:
            return False
        if unit.field == "lists":
            named = {name for side in self.sides for _, name in lists_named(side.policy)}
            return unit.member in named
        return unit.is_at_the_top or not self.answered.isdisjoint(about)

    def difference(self, question: Question, places: list[str]) -> Difference:
        old, new = question.explained(self.old), question.explained(self.new)
        keys = (
            *question.keys,
            question.event.pubkey,
            *(t[1] for t in question.event.tags if len(t) > 1),
        )
        return Difference(question, old, new, tuple(places), self.assumed.about(keys))


def _distinct(all_met: Iterable[list[Demand]]) -> Iterator[list[Demand]]:
    """Those of which none before says the same."""
    seen: set[frozenset[Demand]] = set()
    for met in all_met:
        if frozenset(met) not in seen:
            seen.add(frozenset(met))
            yield met


def without_criteria(policy: Policy) -> Policy:
    """A policy without the fields of plugins, which a relay alone can ask."""
    if not any(rule.criteria for _, rule in rules_of(policy)):
        return policy
    bare: Mapping[str, object] = MappingProxyType({})
    return attrs.evolve(
        policy,
        global_rule=policy.global_rule and attrs.evolve(policy.global_rule, criteria=bare),
        rules={
            kind: attrs.evolve(rule, criteria=bare) if rule.criteria else rule
            for kind, rule in policy.rules.items()
        },
    )


def _never_asked(policy: Policy) -> Iterator[str]:
    """What no question asks of a policy."""
    for place, _ in scripts_of(policy):
        yield f"{place}: the script is taken to accept"
    for place, rule in rules_of(policy):
        for name in rule.criteria:
            yield f"{place}.{name}: the criterion is left out"
        if rule.rate_limit:
            yield f"{place}.rate_limit: nothing else has been written yet"
