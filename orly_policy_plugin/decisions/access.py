"""Who may: deny lists, allow lists and grants, the part of a rule that looks at the submitter.

Sections 2 and 3 of the spec. A submitter is the set of keys that authenticated: one of them in a
deny list denies, otherwise one that matches an allow list is enough.
"""

from collections.abc import Collection

import attrs

from orly_policy_hookspecs import Decision, Event
from orly_policy_hookspecs.nip01 import is_party, names_one_of

from ..counted import counted
from .added import AddedToRule
from .conditions import GRANT, GRANTS, PASSES, Condition, Finding, Foresight, Keys
from .exempt import NOBODY, Exempt


@attrs.frozen
class NotDenied(Condition):
    """``write_deny`` or ``read_deny``: no submitter, and for a write not the author either."""

    whom: str
    """The denied keys in words: ``2 keys``."""
    denied: frozenset[str]
    looks_at_author: bool
    refusal: Decision
    exempt: Exempt = NOBODY
    added: AddedToRule | None = None
    """The additions of contributions to the rule, where the keys are theirs."""
    added_field: str = ""
    """The list of an extension that they come from."""

    def check(self, event: Event, keys: Keys, now: int) -> Finding:
        for key in keys:
            if key in self.denied:
                break
        else:
            if not (self.looks_at_author and event.pubkey.lower() in self.denied):
                return None
        return None if self.exempt.exempts(event, keys) else self.refusal

    def place_for(self, event: Event, keys: Keys) -> str:
        if self.added is None:
            return self.place
        author = (event.pubkey.lower(),) if self.looks_at_author else ()
        return self.added.place_of(self.added_field, (*keys, *author))

    def seen(self, event: Event, keys: Keys, now: int) -> str:
        author = f", author {event.pubkey}" if self.looks_at_author else ""
        return f"{submitter(keys)}{author}"

    @property
    def limit(self) -> str:
        return f"none of {self.whom}"

    def foresees(self, keys: Keys) -> Foresight:
        """For reads, which do not look at the author."""
        if self.denied.isdisjoint(keys) or self.exempt.exempts_reader(keys):
            return PASSES
        return Foresight(self.refusal)


@attrs.frozen
class ListNotKnown(Condition):
    """A deny list names a list that is not known yet: whom it keeps out nobody can say, and so it
    keeps out everybody.
    """

    name: str
    """With its sign."""
    refusal: Decision

    def check(self, event: Event, keys: Keys, now: int) -> Finding:
        return self.refusal

    def seen(self, event: Event, keys: Keys, now: int) -> str:
        return submitter(keys)

    @property
    def limit(self) -> str:
        return f"none of {self.name}, which is not known yet"

    def foresees(self, keys: Keys) -> Foresight:
        return Foresight(self.refusal)


@attrs.frozen
class Matcher:
    """One way to be let in."""

    place: str
    limit: str

    def matches(self, event: Event, keys: Keys) -> bool:
        """Whether it lets this submitter, or this event, in."""
        raise NotImplementedError

    def place_for(self, keys: Keys) -> str:
        """The place that says that these may."""
        return self.place

    def lets_in(self, keys: Keys) -> bool | None:
        """Whether it lets this submitter in whatever the event; ``None`` where that depends on
        whether the submitter is a party.
        """
        raise NotImplementedError


@attrs.frozen
class SubmitterIn(Matcher):
    """The submitter is one of these: an allow list, or whom somebody follows."""

    keys: frozenset[str]

    def matches(self, event: Event, keys: Keys) -> bool:
        return self.lets_in(keys)

    def lets_in(self, keys: Keys) -> bool:
        return not self.keys.isdisjoint(keys)


@attrs.frozen
class AddedSubmitters(SubmitterIn):
    """The submitter is one of those whom contributions add."""

    added: AddedToRule
    field: str
    """The list of an extension that they come from."""

    def place_for(self, keys: Keys) -> str:
        return self.added.place_of(self.field, keys)


@attrs.frozen
class FollowedByOneOf(Matcher):
    """Somebody whom an admin's contribution names follows the submitter.

    The lists are looked through one by one. What the owner names is made one set of; but an
    admin may name a thousand authors for each of many kinds, and that must not cost the relay a
    set of all their lists for each.
    """

    lists: tuple[Collection[str], ...]
    also: frozenset[str] = frozenset()
    """Who needs nobody to follow them."""

    def matches(self, event: Event, keys: Keys) -> bool:
        return self.lets_in(keys)

    def lets_in(self, keys: Keys) -> bool:
        if not self.also.isdisjoint(keys):
            return True
        return any(key in listed for listed in self.lists for key in keys)


@attrs.frozen
class PartyInvolved(Matcher):
    """``privileged``: the submitter is the author or named in a ``p`` tag."""

    def matches(self, event: Event, keys: Keys) -> bool:
        return is_party(event, keys)

    def lets_in(self, keys: Keys) -> bool | None:
        return None if keys else False


@attrs.frozen
class EventNames(Matcher):
    """``write_allow_if_tagged``: a ``p`` tag names one of these. For writes alone."""

    keys: frozenset[str]

    def matches(self, event: Event, keys: Keys) -> bool:
        return names_one_of(event, self.keys)


@attrs.frozen
class Everybody(Matcher):
    """An allow list written out as empty, or a deny list that did not match."""

    def matches(self, event: Event, keys: Keys) -> bool:
        return True

    def lets_in(self, keys: Keys) -> bool:
        return True


def is_party_involved(event: Event, pubkey: str) -> bool:
    """Whether somebody is the event's author or named in a ``p`` tag: whom ``privileged`` lets
    read.

    :param pubkey: 64 lowercase hex characters; empty for nobody, who is no party.
    """
    return pubkey != "" and is_party(event, (pubkey,))


@attrs.frozen
class MayAccess(Condition):
    """A rule's grants and allow lists: steps 3 to 6 of section 2."""

    grants: tuple[Matcher, ...]
    """One of these that matches grants, whatever the allow lists say."""
    allows: tuple[Matcher, ...]
    """One of these must match, if there are any, and then grants."""
    refusal: Decision
    unauthenticated_refusal: Decision
    _submitters: tuple[frozenset[str], ...] = attrs.field(init=False, eq=False, repr=False)
    """The lists of submitters among both, asked first: which one matches makes no difference."""
    _others: tuple[Matcher, ...] = attrs.field(init=False, eq=False, repr=False)

    @_submitters.default
    def _lists(self) -> tuple[frozenset[str], ...]:
        matchers = self.grants + self.allows
        return tuple(each.keys for each in matchers if isinstance(each, SubmitterIn))

    @_others.default
    def _other_matchers(self) -> tuple[Matcher, ...]:
        matchers = self.grants + self.allows
        return tuple(each for each in matchers if not isinstance(each, SubmitterIn))

    def check(self, event: Event, keys: Keys, now: int) -> Finding:
        for listed in self._submitters:
            if not listed.isdisjoint(keys):
                return GRANT
        for other in self._others:
            if other.matches(event, keys):
                return GRANT
        if not self.allows:
            return None
        return self.refusal if keys else self.unauthenticated_refusal

    @property
    def could_grant(self) -> bool:
        return bool(self.grants or self.allows)

    @property
    def asks_to_authenticate(self) -> bool:
        told = self.unauthenticated_refusal.message
        return bool(self.allows) and not self.always_grants and told.startswith("auth-required:")

    @property
    def always_grants(self) -> bool:
        return any(isinstance(grant, Everybody) for grant in self.grants)

    def foresees(self, keys: Keys) -> Foresight:
        """For reads, where only parties are told by the event."""
        let_in = [matcher.lets_in(keys) for matcher in self.grants + self.allows]
        if True in let_in:
            return GRANTS
        if not self.allows:
            return PASSES  # no grant is for parties: privileged is one of the allow lists
        refusal = self.refusal if keys else self.unauthenticated_refusal
        if None in let_in:
            return Foresight(may_deny=False, grants_parties=True, denies_others=refusal)
        return Foresight(refusal)

    def seen(self, event: Event, keys: Keys, now: int) -> str:
        return submitter(keys)

    @property
    def limit(self) -> str:
        return "one of: " + ", ".join(m.limit for m in self.grants + self.allows)


@attrs.frozen
class OnAllowList(MayAccess):
    """The commonest of these: one list of submitters, and nothing else that lets in."""

    _listed: frozenset[str] = attrs.field(init=False, eq=False, repr=False)

    @_listed.default
    def _the_list(self) -> frozenset[str]:
        (listed,) = self._submitters
        return listed

    def check(self, event: Event, keys: Keys, now: int) -> Finding:
        for key in keys:  # mostly one, for which this is faster than a set's method
            if key in self._listed:
                return GRANT
        return self.refusal if keys else self.unauthenticated_refusal

    @classmethod
    def is_enough(cls, grants: tuple[Matcher, ...], allows: tuple[Matcher, ...]) -> bool:
        """Whether these are one list of submitters."""
        return not grants and len(allows) == 1 and isinstance(allows[0], SubmitterIn)


@attrs.frozen
class OwnersAndAdmins(Condition):
    """Who may read kind 12345 (section 3): owners and policy admins alone."""

    keys: frozenset[str]
    refusal: Decision
    unauthenticated_refusal: Decision

    def check(self, event: Event, keys: Keys, now: int) -> Finding:
        if not self.keys.isdisjoint(keys):
            return GRANT
        return self.refusal if keys else self.unauthenticated_refusal

    def seen(self, event: Event, keys: Keys, now: int) -> str:
        return submitter(keys)

    @property
    def limit(self) -> str:
        return f"{counted(len(self.keys), 'key')} of owners and policy admins"

    def foresees(self, keys: Keys) -> Foresight:
        if not self.keys.isdisjoint(keys):
            return GRANTS
        return Foresight(self.refusal if keys else self.unauthenticated_refusal)


def submitter(keys: Keys) -> str:
    """The submitter in words, for explanations."""
    return "submitter " + " and ".join(keys) if keys else "nobody authenticated"
