"""From one rule, and what admins' contributions add to it, to its conditions.

Sections 1, 2 and 9 of SPEC.md. The order of the conditions is that of the table in section 1, in
which messages count.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Final

import attrs

from orly_policy_hookspecs import Decision

from ..authority.contributions import Extension
from ..policy import Policy, Rule
from .access import (
    Access,
    EventNames,
    Everybody,
    Matcher,
    MayAccess,
    NotDenied,
    OnAllowList,
    PartyInvolved,
    SubmitterIn,
)
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
from .spared import NOBODY, Spared

Follows = Mapping[str, Collection[str]]
"""Author to the pubkeys that the author's newest kind 3 names."""

Extensions = tuple[tuple[str, Extension], ...]
"""What contributions add to a rule, each with its place."""

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
    extensions: Extensions = ()

    def limit(self, name: str) -> tuple[str, int] | None:
        """Where the limit in force stands and what it is: the owner's or the largest override.

        ``None`` where the owner set none: an override does nothing then.
        """
        own = getattr(self.rule, name)
        if own == _NOT_SET.get(name):
            return None
        limits = [(f"{self.place}.{name}", own)]
        for place, extension in self.extensions:
            override = getattr(extension, f"{name}_override")
            if override is not None:
                limits.append((f"{place}.{name}_override", override))
        return max(limits, key=lambda limit: limit[1])


class RuleCompiler:
    """Makes conditions for one access of one policy."""

    def __init__(self, policy: Policy, access: Access, follows: Follows, spared: Spared) -> None:
        self.policy = policy
        self.access: Access = access
        self.follows = follows
        self.spared = spared

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
        if denied := getattr(of.rule, f"{self.access}_deny"):
            yield self._denial(of, f"{of.place}.{self.access}_deny", denied, NOBODY)
        for place, extension in of.extensions:
            if denied := getattr(extension, f"{self.access}_deny_add"):
                where = f"{place}.{self.access}_deny_add"
                yield self._denial(of, where, denied, self.spared)

    def _denial(
        self, of: RuleInPlace, place: str, denied: Iterable[str], spared: Spared
    ) -> Condition:
        refusal = Decision.reject(f"restricted: not allowed to {self._what(of)}")
        looks_at_author = self.access == "write"
        return NotDenied(place, of.subject, frozenset(denied), looks_at_author, refusal, spared)

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
            yield self._follows_of(f"{of.place}.follows_whitelist_admins", authors)

    def _added_grants(self, of: RuleInPlace) -> Iterator[Matcher]:
        """What contributions grant. Under a privileged rule they grant no read."""
        if self.access == "read" and of.rule.privileged:
            return
        for place, extension in of.extensions:
            if extension.write_allow_follows:
                yield from self._admins_follows(f"{place}.write_allow_follows")
            if authors := extension.follows_whitelist_admins_add:
                yield self._follows_of(f"{place}.follows_whitelist_admins_add", authors)
            if keys := getattr(extension, f"{self.access}_allow_add"):
                where = f"{place}.{self.access}_allow_add"
                yield SubmitterIn(where, f"{len(keys)} keys", frozenset(keys))

    def _admins_follows(self, place: str) -> Iterator[Matcher]:
        if self.policy.policy_follow_whitelist_enabled:
            followed = self._followed_by(self.policy.policy_admins)
            yield SubmitterIn(place, "whom a policy admin follows", followed)

    def _follows_of(self, place: str, authors: Collection[str]) -> Matcher:
        what = f"whom one of {len(authors)} keys follows"
        return SubmitterIn(place, what, self._followed_by(authors))

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
                f"{place}.{access}_allow", f"{len(allowed)} keys", frozenset(allowed)
            )
        if access == "read" and rule.privileged:
            yield PartyInvolved(f"{place}.privileged", "the author or named in a p tag")
        if following := getattr(rule, f"{access}_follows_whitelist"):
            yield SubmitterIn(
                f"{place}.{access}_follows_whitelist",
                f"{len(following)} keys and whom they follow",
                self._followed_by(following) | frozenset(following),
            )
        if access == "write" and rule.write_allow_if_tagged:
            named = rule.write_allow_if_tagged
            yield EventNames(
                f"{place}.write_allow_if_tagged",
                f"a p tag names one of {len(named)} keys",
                frozenset(named),
            )

    def _followed_by(self, authors: Iterable[str]) -> frozenset[str]:
        return frozenset().union(*(self.follows.get(author, ()) for author in authors))
