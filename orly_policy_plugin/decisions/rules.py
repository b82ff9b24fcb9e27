"""From one rule, and what admins' contributions add to it, to its conditions.

Sections 1, 2 and 9 of the spec. The order of the conditions is that of the table in section 1, in
which messages count.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Final

import attrs

from orly_policy_hookspecs import Decision

from ..policy import Policy, Rule
from .access import (
    Access,
    AddedSubmitters,
    EventNames,
    Everybody,
    FollowedByOneOf,
    Matcher,
    MayAccess,
    NotDenied,
    OnAllowList,
    PartyInvolved,
    SubmitterIn,
)
from .added import AddedToRule
from .conditions import (
    AllowedTags,
    Condition,
    ContentLimit,
    Identifier,
    MaxAge,
    MaxExpiry,
    MaxFuture,
    MustHaveTags,
    Protected,
    SizeLimit,
    TagValidation,
)
from .exempt import Exempt
from .key_sets import KeySets

Follows = Mapping[str, Collection[str]]
"""Author to the pubkeys that the author's newest kind 3 names."""

_NOT_SET: Final = {"max_age_of_event": 0, "max_age_event_in_future": 0}


@attrs.frozen(kw_only=True)
class RuleInPlace:
    """A rule of the policy, where it stands, and what is added to it."""

    rule: Rule
    place: str
    """``global``, ``rules.1``, ``contributions.<event id>.rules_add.1``."""
    subject: str = ""
    """As messages end: `` for kind 1``, or nothing for the global rule."""
    is_kinds_own: bool
    """Whether it is a kind's rule (step 5 of section 2 holds for these alone)."""
    is_admins: bool = False
    """Whether an admin's contribution holds the whole rule."""
    added: AddedToRule | None = None
    """What contributions add to an owner's rule."""
    is_private: bool = False
    """Whether it is about reading what nothing that admins send opens (section 8 of the spec)."""

    def limit(self, name: str) -> tuple[str, int] | None:
        """Where the limit in force stands and what it is: the owner's or the largest override.

        ``None`` where the owner set none: an override does nothing then.
        """
        own = getattr(self.rule, name)
        if own == _NOT_SET.get(name):
            return None
        owners = f"{self.place}.{name}", own
        if self.added is None or self.is_private:
            return owners
        override = self.added.overrides.get(f"{name}_override", owners)
        return max(owners, override, key=lambda limit: limit[1])


class RuleCompiler:
    """Makes conditions for one access of one policy."""

    def __init__(
        self, policy: Policy, access: Access, follows: Follows, exempt: Exempt, sets: KeySets
    ) -> None:
        self.policy = policy
        self.access: Access = access
        self.follows = follows
        self.exempt = exempt
        self.sets = sets
        self._united: dict[frozenset[str], frozenset[str]] = {}

    def conditions(self, rule: RuleInPlace) -> tuple[Condition, ...]:
        """A rule's conditions, in the order in which their messages count."""
        conditions = [*self._sizes(rule)]
        if self.access == "write":
            conditions += self._constraints(rule)
            conditions += self._ages(rule)
        conditions += self._denials(rule)
        conditions += self._may_access(rule)
        return tuple(conditions)

    def _sizes(self, of: RuleInPlace) -> Iterator[Condition]:
        if limit := of.limit("size_limit"):
            yield SizeLimit(limit[0], of.subject, limit[1])
        if limit := of.limit("content_limit"):
            yield ContentLimit(limit[0], of.subject, limit[1])

    def _constraints(self, of: RuleInPlace) -> Iterator[Condition]:
        rule, place, subject = of.rule, of.place, of.subject
        if rule.must_have_tags:
            yield MustHaveTags(f"{place}.must_have_tags", subject, rule.must_have_tags)
        if rule.allowed_tags:
            yield AllowedTags(f"{place}.allowed_tags", subject, frozenset(rule.allowed_tags))
        if rule.max_expiry_duration:
            seconds = rule.max_expiry_duration.seconds
            yield MaxExpiry(f"{place}.max_expiry_duration", subject, seconds)
        elif rule.max_expiry:
            yield MaxExpiry(f"{place}.max_expiry", subject, rule.max_expiry)
        if rule.protected_required:
            yield Protected(f"{place}.protected_required", subject)
        if rule.identifier_regex:
            yield Identifier(f"{place}.identifier_regex", subject, rule.identifier_regex)
        if rule.tag_validation:
            yield TagValidation(f"{place}.tag_validation", subject, rule.tag_validation)

    def _ages(self, of: RuleInPlace) -> Iterator[Condition]:
        if limit := of.limit("max_age_of_event"):
            yield MaxAge(limit[0], of.subject, limit[1])
        if limit := of.limit("max_age_event_in_future"):
            yield MaxFuture(limit[0], of.subject, limit[1])

    # --- who may

    def _what(self, of: RuleInPlace) -> str:
        return f"{self.access} events{of.subject.replace(' for', ' of')}"

    def _denials(self, of: RuleInPlace) -> Iterator[Condition]:
        refusal = Decision.reject(f"restricted: not allowed to {self._what(of)}")
        looks_at_author = self.access == "write"
        if denied := getattr(of.rule, f"{self.access}_deny"):
            place = f"{of.place}.{self.access}_deny"
            yield NotDenied(place, of.subject, self.sets.of(denied), looks_at_author, refusal)
        field = f"{self.access}_deny_add"
        if of.added and (added := of.added.keys[field]):
            yield NotDenied(
                of.added.place_of(field),
                of.subject,
                added,
                looks_at_author,
                refusal,
                self.exempt,
                of.added,
                field,
            )

    def _may_access(self, of: RuleInPlace) -> Iterator[Condition]:
        what = self._what(of)
        allows = tuple(self._allows(of))
        grants = (*self._grants(of), *self._added_grants(of))
        if of.is_kinds_own and not allows:
            grants += tuple(self._open_to_all(of))
        if not (grants or allows):
            return
        by_authenticating = any(not isinstance(matcher, EventNames) for matcher in grants + allows)
        made = OnAllowList if OnAllowList.is_enough(grants, allows) else MayAccess
        yield made(
            place=", ".join(matcher.place for matcher in grants + allows),
            subject=of.subject,
            grants=grants,
            allows=allows,
            refusal=Decision.reject(f"restricted: not allowed to {what}"),
            unauthenticated_refusal=Decision.reject(
                f"auth-required: authenticate to {what}"
                if by_authenticating
                else f"restricted: not allowed to {what}"
            ),
        )

    def _grants(self, of: RuleInPlace) -> Iterator[Matcher]:
        if of.rule.write_allow_follows:
            yield from self._admins_follows(f"{of.place}.write_allow_follows")
        if authors := of.rule.follows_whitelist_admins:
            yield self._follows_of(of, "follows_whitelist_admins", authors)

    def _added_grants(self, of: RuleInPlace) -> Iterator[Matcher]:
        """What contributions grant: no read of what is private."""
        added = of.added
        if added is None or of.is_private:
            return
        if added.admins_follows is not None:
            yield from self._admins_follows(added.admins_follows)
        if added.authors:
            yield FollowedByOneOf(
                added.place_of("follows_whitelist_admins_add"),
                f"whom one of {len(added.authors)} keys follows",
                self.lists_of(added.authors),
            )
        field = f"{self.access}_allow_add"
        if keys := added.keys[field]:
            yield AddedSubmitters(added.place_of(field), f"{len(keys)} keys", keys, added, field)

    def _admins_follows(self, place: str) -> Iterator[Matcher]:
        if self.policy.policy_follow_whitelist_enabled:
            followed = self.followed_by(self.policy.policy_admins)
            yield SubmitterIn(place, "whom a policy admin follows", followed)

    def _follows_of(
        self, of: RuleInPlace, field: str, authors: Collection[str], also: Collection[str] = ()
    ) -> Matcher:
        """Whom one of these authors follows. See :class:`.FollowedByOneOf` for admins' rules."""
        place = f"{of.place}.{field}"
        whom = f"{len(authors)} keys"
        what = f"{whom} and whom they follow" if also else f"whom one of {whom} follows"
        if of.is_admins:
            return FollowedByOneOf(place, what, self.lists_of(authors), frozenset(also))
        return SubmitterIn(place, what, self.followed_by(authors) | frozenset(also))

    def _open_to_all(self, of: RuleInPlace) -> Iterator[Matcher]:
        """What lets everybody in where no allow list stands: step 5 of section 2."""
        access = self.access
        if getattr(of.rule, f"{access}_allow") == ():
            yield Everybody(f"{of.place}.{access}_allow", "everybody: the list is empty")
        elif getattr(of.rule, f"{access}_deny"):
            yield Everybody(f"{of.place}.{access}_deny", "everybody else")

    def _allows(self, of: RuleInPlace) -> Iterator[Matcher]:
        rule, place, access = of.rule, of.place, self.access
        if allowed := getattr(rule, f"{access}_allow"):
            yield SubmitterIn(
                f"{place}.{access}_allow", f"{len(allowed)} keys", self.sets.of(allowed)
            )
        if access == "read" and rule.privileged:
            yield PartyInvolved(f"{place}.privileged", "the author or named in a p tag")
        if following := getattr(rule, f"{access}_follows_whitelist"):
            yield self._follows_of(of, f"{access}_follows_whitelist", following, following)
        if access == "write" and rule.write_allow_if_tagged:
            named = rule.write_allow_if_tagged
            yield EventNames(
                f"{place}.write_allow_if_tagged",
                f"a p tag names one of {len(named)} keys",
                frozenset(named),
            )

    def followed_by(self, authors: Iterable[str]) -> frozenset[str]:
        """Whom they follow, all together. Rules that name the same authors share the set."""
        named = frozenset(authors)
        if named not in self._united:
            self._united[named] = frozenset().union(*self.lists_of(named))
        return self._united[named]

    def lists_of(self, authors: Iterable[str]) -> tuple[Collection[str], ...]:
        """Their follow lists, as far as they are known."""
        return tuple(self.follows[author] for author in authors if author in self.follows)
