"""From one rule, and what admins' contributions add to it, to its conditions.

Sections 1, 2 and 9 of the spec. The order of the conditions is that in which the fields are
declared, which is that of the table in section 1, in which messages count.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Final

import attrs

from orly_policy_hookspecs import Decision
from orly_policy_hookspecs.criteria import Registered

from ..counted import counted
from ..policy import Lists, Policy, Rule
from ..policy.fields import Access, fields_of, once, value_in_effect
from ..policy.named_lists import SIGN, list_in_words, not_known_yet
from ..policy.who import Step, Whom
from ..policy.who_may import Way, opening_field, ways, ways_in
from .access import (
    AddedSubmitters,
    EventNames,
    Everybody,
    FollowedByOneOf,
    ListNotKnown,
    Matcher,
    MayAccess,
    NotDenied,
    OnAllowList,
    PartyInvolved,
    SubmitterIn,
)
from .added import AddedToRule
from .conditions import CONSTRAINTS, Condition, MakeConstraint
from .criteria import (
    AskedOf,
    LetInByCriterion,
    MayAccessByCriteria,
    NoSuchCriterion,
    RefusedByCriterion,
)
from .exempt import Exempt
from .key_sets import KeySets

Follows = Mapping[str, Collection[str]]
"""Author to the pubkeys that the author's newest kind 3 names."""


@attrs.frozen(kw_only=True)
class RuleInPlace:
    """A rule of the policy, where it is written, and what is added to it."""

    rule: Rule
    place: str
    """``global``, ``rules.1``, ``contributions.<event id>.rules_add.1``."""
    subject: str = ""
    """As messages end: `` for kind 1``, or nothing for the global rule."""
    is_admins: bool = False
    """Whether an admin's contribution holds the whole rule."""
    added: AddedToRule | None = None
    """The additions of contributions to an owner's rule."""
    is_private: bool = False
    """Whether it is about reading what nothing that admins send opens (section 8 of the spec)."""

    @property
    def opened_by(self) -> AddedToRule | None:
        """The additions, where they may let in more than the owner does."""
        return None if self.is_private else self.added


@once
def _constraints(rule: type[Rule], access: Access) -> tuple[tuple[str, MakeConstraint], ...]:
    """The fields of a rule that can only deny an access, each with its constraint."""
    return tuple(
        (name, CONSTRAINTS[name])
        for name, field in fields_of(rule).items()
        if name in CONSTRAINTS and access in field.asked_on
    )


class RuleCompiler:
    """Makes conditions for one access of one policy."""

    def __init__(
        self,
        policy: Policy,
        access: Access,
        follows: Follows,
        lists: Lists,
        exempt: Exempt,
        sets: KeySets,
        criteria: Mapping[str, Registered],
    ) -> None:
        self.policy = policy
        self.access: Access = access
        self.follows = follows
        self.lists = lists
        self.exempt = exempt
        self.sets = sets
        self.criteria = criteria
        self._not_known_yet = not_known_yet(policy.lists, lists)
        self._united: dict[frozenset[str], frozenset[str]] = {}

    def conditions(self, rule: RuleInPlace) -> tuple[Condition, ...]:
        """A rule's conditions, in the order in which their messages count."""
        found = list(ways(rule.rule, self.access, self.policy))
        criteria = dict(self._criteria(rule))
        return (
            *self._limits(rule),
            *self._refused_by_criteria(rule, criteria),
            *self._denials(rule, found),
            *self._may_access(rule, found, criteria),
        )

    def _limits(self, of: RuleInPlace) -> Iterator[Condition]:
        for name, make in _constraints(type(of.rule), self.access):
            if (value := value_in_effect(of.rule, name)) is None:
                continue
            place = f"{of.place}.{name}"
            if of.opened_by is not None:
                place, value = of.opened_by.raised(name, (place, value))
            yield make(place, of.subject, value)

    # --- criteria of plugins

    def _refused_by_criteria(
        self, of: RuleInPlace, criteria: Mapping[str, AskedOf]
    ) -> Iterator[Condition]:
        for name in sorted(of.rule.criteria.keys() - self.criteria.keys()):
            yield NoSuchCriterion(f"{of.place}.{name}")
        # Whether one lets in or keeps out is its plugin's to say, and so it keeps out everybody.
        for place, asked in criteria.items():
            for listed in asked.not_known:
                yield ListNotKnown(place, f"{SIGN}{listed}", _NOT_KNOWN_YET)
        for place, asked in criteria.items():
            if asked.registered.criterion.refuses is not None:
                yield RefusedByCriterion(place, asked)

    def _criteria(self, of: RuleInPlace) -> Iterator[tuple[str, AskedOf]]:
        """A rule's criteria that are asked on this access, by their places, in the order of their
        names.
        """
        for name in sorted(of.rule.criteria.keys() & self.criteria.keys()):
            registered, written = self.criteria[name], of.rule.criteria[name]
            if self.access in registered.criterion.asked_on:
                asked = AskedOf.reading(registered, written, self.lists, self._not_known_yet)
                yield f"{of.place}.{name}", asked

    # --- who may

    def _what(self, of: RuleInPlace) -> str:
        return f"{self.access} events{of.subject.replace(' for', ' of')}"

    def _denials(self, of: RuleInPlace, found: list[Way]) -> Iterator[Condition]:
        message = f"restricted: not allowed to {self._what(of)}"
        looks_at_author = self.access == "write"
        for way in _at(Step.DENY, found):
            place = f"{of.place}.{way.field}"
            refusal = Decision.reject(message, place)
            for words, denied in self._sets(way):
                yield NotDenied(place, words, denied, looks_at_author, refusal)
            for name in way.lists:
                if name not in self.lists:
                    yield ListNotKnown(place, list_in_words(name, self.lists), _NOT_KNOWN_YET)
        if of.added is None:
            return
        for way in _at(Step.DENY, ways(of.added.total, self.access, self.policy)):
            place = of.added.place_of(way.field)
            yield NotDenied(
                place,
                way.keys_in_words(self.lists),
                frozenset(way.keys),
                looks_at_author,
                Decision.reject(message, place),
                self.exempt,
                of.added,
                way.field,
            )

    def _may_access(
        self, of: RuleInPlace, found: list[Way], criteria: Mapping[str, AskedOf]
    ) -> Iterator[Condition]:
        what = self._what(of)
        grants = tuple(self._matchers(of, _at(Step.GRANT, found)))
        allows = tuple(self._matchers(of, _at(Step.ALLOW, found)))
        by_criteria = tuple(
            LetInByCriterion(place, asked.in_words, asked)
            for place, asked in criteria.items()
            if asked.registered.criterion.lets_in is not None
        )
        allows += by_criteria
        if (added := of.opened_by) is not None:
            added_ways = ways_in(added.total, self.access, self.policy)
            grants += tuple(self._added_matcher(added, way) for way in added_ways)
        if not allows:
            grants += tuple(self._open_to_all(of))
        if not (grants or allows):
            return
        by_authenticating = any(not isinstance(matcher, EventNames) for matcher in grants + allows)
        made: type[MayAccess] = MayAccess
        if by_criteria:
            made = MayAccessByCriteria
        elif OnAllowList.is_enough(grants, allows):
            made = OnAllowList
        place = ", ".join(dict.fromkeys(matcher.place for matcher in grants + allows))
        yield made(
            place=place,
            grants=grants,
            allows=allows,
            refusal=Decision.reject(f"restricted: not allowed to {what}", place),
            unauthenticated_refusal=Decision.reject(
                f"auth-required: authenticate to {what}"
                if by_authenticating
                else f"restricted: not allowed to {what}",
                place,
            ),
        )

    def _matchers(self, of: RuleInPlace, found: Iterable[Way]) -> Iterator[Matcher]:
        """The matchers of a rule's fields."""
        for way in found:
            place, whom = f"{of.place}.{way.field}", way.who.whom
            if whom is Whom.PARTIES:
                yield PartyInvolved(place, self._in_words(way))
            elif whom.is_by_follow_lists:
                yield self._followed(place, way, is_admins=of.is_admins)
            else:
                make = EventNames if whom is Whom.TAGGED else SubmitterIn
                for words, keys in self._sets(way):
                    yield make(place, whom.of_all(words), keys)

    def _sets(self, way: Way) -> Iterator[tuple[str, frozenset[str]]]:
        """The sets of a field's own keys and of each named list, with their words. Named lists are
        not copied, and explanations tell them apart. One that is not known lets nobody in.
        """
        if way.keys:
            own = self.sets.of(tuple(way.keys))
            yield counted(len(own), "key"), own
        for name in way.lists:
            yield list_in_words(name, self.lists), self.lists.get(name, _NOBODY)

    def _in_words(self, way: Way) -> str:
        return way.who.whom.of_all(way.keys_in_words(self.lists))

    def _added_matcher(self, added: AddedToRule, way: Way) -> Matcher:
        """The matcher of an extension's field, of submitters or of whom somebody follows."""
        place = added.place_of(way.field)
        if way.who.whom is Whom.LISTED:
            words = self._in_words(way)
            return AddedSubmitters(place, words, frozenset(way.keys), added, way.field)
        return self._followed(place, way, is_admins=True)

    def _followed(self, place: str, way: Way, *, is_admins: bool) -> Matcher:
        """The matcher of follow lists. Those that an admin names are looked through singly: see
        :class:`.FollowedByOneOf`.
        """
        assert way.who.whom.is_by_follow_lists
        authors, words = way.all_keys(self.lists), self._in_words(way)
        also = frozenset(authors if way.who.whom is Whom.LISTED_AND_FOLLOWED else ())
        if is_admins and way.who.whom is not Whom.FOLLOWED_BY_ADMINS:
            return FollowedByOneOf(place, words, self.lists_of(authors), also)
        followed = self.followed_by(authors)
        # Without a copy where there is nothing to add: many rules may share one set.
        return SubmitterIn(place, words, followed | also if also else followed)

    def _open_to_all(self, of: RuleInPlace) -> Iterator[Matcher]:
        """The matcher of everybody, where a rule has no allow list: step 5 of section 2."""
        if field := opening_field(of.rule, self.access):
            why = "everybody else" if getattr(of.rule, field) else "everybody: the list is empty"
            yield Everybody(f"{of.place}.{field}", why)

    def followed_by(self, authors: Iterable[str]) -> frozenset[str]:
        """The keys that any of them follows. Rules that name the same authors share the set."""
        named = frozenset(authors)
        if named not in self._united:
            self._united[named] = frozenset().union(*self.lists_of(named))
        return self._united[named]

    def lists_of(self, authors: Iterable[str]) -> tuple[Collection[str], ...]:
        """Their follow lists, as far as they are known."""
        return tuple(self.follows[author] for author in authors if author in self.follows)


_NOBODY: Final = frozenset[str]()
_NOT_KNOWN_YET: Final = Decision.reject(
    "error: a list of people that the policy needs is not known yet; try again later"
)


def _at(step: Step, found: Iterable[Way]) -> list[Way]:
    return [way for way in found if way.who.step is step]
