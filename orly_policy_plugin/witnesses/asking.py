"""Two policies, asked about every region."""

from collections.abc import Iterator, Mapping
from itertools import chain
from types import MappingProxyType
from typing import Final

import attrs

from orly_policy_hookspecs import POLICY_EVENT_KIND

from ..authority import Contribution
from ..decisions import Plan, Snapshot, compile_policy
from ..policy import Policy, rules_of, scripts_of
from ..policy.fields import BOTH, Access
from .demands import Demand, demands_of
from .people import Assumed, People, people_of, thinned
from .questions import Question
from .regions import Region

_MOST_KEPT: Final = 2_000
"""Questions of one kind and access that are answered otherwise."""


@attrs.frozen
class Side:
    """One of two policies."""

    policy: Policy
    contributions: tuple[Contribution, ...] = ()
    owners: frozenset[str] = frozenset()
    """Those of the environment."""


Part = tuple[Access, int]
"""One access to one kind."""


class Asked:
    """What two policies answer otherwise. Fields of plugins are left out of both."""

    def __init__(self, old: Side, new: Side, now: int) -> None:
        """Ask.

        :param now: Unix seconds.
        """
        self._now = now
        self.sides = tuple(
            attrs.evolve(side, policy=_without_criteria(side.policy)) for side in (old, new)
        )
        self._thin = thinned([side.policy for side in self.sides])
        self.assumed = Assumed.of(self._thin)
        """What the answers assume of follow lists and named lists."""
        self.old, self.new = map(self.compiled, self.sides)
        self._found: dict[Part, list[Question]] = {}
        self.answered: set[Part] = set()
        """Those of which something is accepted."""
        self.unseen: dict[Part, str] = {}
        """Those of which not all was looked at, and why; empty for criteria."""
        self.left_out = tuple(dict.fromkeys(chain(_left_out(old.policy), _left_out(new.policy))))
        """What is taken for granted, each with its place."""
        for side in (old, new):
            self._note_criteria(side.policy)
        for access in BOTH:
            self._ask_all(access)

    def compiled(self, side: Side) -> Snapshot:
        """A policy under the same assumptions."""
        return compile_policy(
            side.policy,
            follows=self.assumed.follows,
            lists=self.assumed.lists,
            owners=side.owners,
            contributions=side.contributions,
        )

    def parts(self, kind: int | None) -> list[Part]:
        """Both accesses to a kind; to every kind that is told apart where it is ``None``."""
        kinds = self._kinds() if kind is None else [kind]
        return [(access, each) for access in BOTH for each in kinds]

    def found(self, kind: int | None = None) -> Iterator[Question]:
        """The questions about a kind, or about all (``None``), that are answered otherwise."""
        if kind is None:
            yield from chain.from_iterable(self._found.values())
        else:
            for part in self.parts(kind):
                yield from self._found.get(part, ())

    def _kinds(self) -> list[int]:
        """Those that either policy names, and one that neither does."""
        named = {POLICY_EVENT_KIND}
        for side in (self.old, self.new):
            named |= side.writes.named | side.reads.named
        other = next((kind for kind in range(1, 65_536) if kind not in named), 0)
        return sorted({*named, other})

    def _note_criteria(self, policy: Policy) -> None:
        for place, rule in rules_of(policy):
            if rule.criteria:
                kind = None if place == "global" else int(place.removeprefix("rules."))
                self.unseen |= dict.fromkeys(self.parts(kind), "")

    def _ask_all(self, access: Access) -> None:
        """Of kinds that share their plans, one is asked about."""
        asked: set[tuple[int, int]] = set()
        for kind in self._kinds():
            old, new = (each.plans(access).for_kind(kind) for each in (self.old, self.new))
            if (id(old), id(new)) not in asked and not _is_same(old, new):
                self._ask((access, kind))
            asked.add((id(old), id(new)))

    def _ask(self, part: Part) -> None:
        people = self._people(part)
        if not people.is_all:
            self.unseen[part] = f"kind {part[1]}: more classes of keys than are tried together"
        found = self._found.setdefault(part, [])
        for named in people.named:
            region = self._region(part, people, named)
            for question in region.questions():
                old, new = question.is_accepted(self.old), question.is_accepted(self.new)
                if old or new:
                    self.answered.add(part)
                if old is not new and len(found) < _MOST_KEPT:
                    found.append(question)
            for tag in region.unsampled:
                self.unseen[part] = (
                    f"kind {part[1]}: for the regular expressions of {tag} tags no value was found"
                )

    def _region(self, part: Part, people: People, named: tuple[str, ...]) -> Region:
        old, new = (list(_demands(side.policy, *part)) for side in self.sides)
        return Region(*part, people.persons, named, self.old, self.new, old, new, self._now)

    def _people(self, part: Part) -> People:
        access, kind = part
        rules = [
            (rule, policy)
            for policy in self._thin
            for rule in (policy.rule_of_all, policy.rules.get(kind))
            if rule is not None
        ]
        trusted = ((*policy.owners, *policy.policy_admins) for policy in self._thin)
        return people_of(rules, access, self.assumed, trusted if kind == POLICY_EVENT_KIND else ())


def _is_same(old: Plan, new: Plan) -> bool:
    """Whether both decide by the same conditions."""
    return all(
        getattr(old, name) == getattr(new, name)
        for name in ("conditions", "scripts", "rates", "granted", "ungranted")
    )


def _demands(policy: Policy, access: Access, kind: int) -> Iterator[Demand]:
    if kind != POLICY_EVENT_KIND:
        yield from demands_of(policy.rule_of_all, access)
        if (own := policy.rules.get(kind)) is not None:
            yield from demands_of(own, access)


def _without_criteria(policy: Policy) -> Policy:
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


def _left_out(policy: Policy) -> Iterator[str]:
    """What no question asks of a policy."""
    for place, _ in scripts_of(policy):
        yield f"{place}: the script is taken to accept"
    for place, rule in rules_of(policy):
        for name in rule.criteria:
            yield f"{place}.{name}: the criterion is left out"
        if rule.rate_limit:
            yield f"{place}.rate_limit: nothing else has been written yet"
