"""From a policy to the tuples of conditions that decide (sections 2 and 3 of SPEC.md).

One :class:`Plan` a kind and access: the global rule's conditions, the kind filter, the kind's own
rule. Kinds that nothing names share one plan, and so do all that only a kind list names.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

import attrs

from orly_policy_hookspecs import POLICY_EVENT_KIND, Decision

from ..policy import Policy, Rule
from ..policy.models import Pubkeys
from .access import (
    Access,
    EventNames,
    Everybody,
    Matcher,
    MayAccess,
    NotDenied,
    OwnersAndAdmins,
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
from .kinds import InBlacklist, KindPasses, NotAPolicyEvent, NotInWhitelist

Follows = Mapping[str, Collection[str]]
"""Author to the pubkeys that the author's newest kind 3 names."""

_VERBS = {"write": "write", "read": "read"}


@attrs.frozen(init=False)
class Plan:
    """All that decides one access to the events of one kind."""

    conditions: tuple[Condition, ...]
    """In the order in which their messages count."""
    ungranted: Decision
    """The answer where nothing denied and nothing granted: ``default_policy``."""
    ungranted_unauthenticated: Decision
    """The same where nobody authenticated."""
    checks: tuple[Any, ...]
    """The conditions' check methods, without those that always pass."""

    def __init__(
        self,
        conditions: tuple[Condition, ...],
        ungranted: Decision,
        ungranted_unauthenticated: Decision,
    ) -> None:
        self.__attrs_init__(  # type: ignore[attr-defined]
            conditions,
            ungranted,
            ungranted_unauthenticated,
            tuple(condition.check for condition in conditions if not condition.always_passes),
        )


@attrs.frozen
class Plans:
    """The plans of one access, by kind."""

    by_kind: Mapping[int, Plan]
    other: Plan
    """For every kind that is not in ``by_kind``."""

    def for_kind(self, kind: int) -> Plan:
        """The plan of a kind.

        :raises TypeError: it is not a whole number, so that no rule could be told from another.
        """
        plan = self.by_kind.get(kind)
        if plan is not None:
            return plan
        if not isinstance(kind, int):
            raise TypeError(f"a kind is a whole number, not {kind!r}")
        return self.other


def compile_access(
    policy: Policy, access: Access, follows: Follows, owners: Iterable[str]
) -> Plans:
    """Compile what a policy says of one access.

    :param follows: the follow lists that are known; an author without one follows nobody.
    :param owners: all owners, those of the environment included.
    """
    compiler = _Compiler(policy, access, follows)
    privileged_keys = frozenset(owners) | frozenset(policy.policy_admins)
    plans = dict(compiler.listed_kinds())
    plans |= {kind: compiler.plan(kind, rule) for kind, rule in policy.rules.items()}
    plans[POLICY_EVENT_KIND] = compiler.policy_events(privileged_keys)
    return Plans(plans, compiler.other_kinds())


class _Compiler:
    def __init__(self, policy: Policy, access: Access, follows: Follows) -> None:
        self.policy = policy
        self.access: Access = access
        self.follows = follows
        rule = policy.global_rule
        self.global_conditions = self.rule(rule, "global", "", own=False) if rule else ()
        permissive = rule is not None and bool(getattr(rule, f"{access}_allow_permissive"))
        self.whitelist = frozenset(() if permissive else policy.kind.whitelist)
        self.has_whitelist = bool(policy.kind.whitelist)
        self.blacklist = frozenset(() if policy.kind.whitelist else policy.kind.blacklist)

    # --- plans

    def plan(self, kind: int, rule: Rule | None) -> Plan:
        own = self.rule(rule, f"rules.{kind}", f" for kind {kind}", own=True) if rule else ()
        return self._made((*self.global_conditions, *self.kind_filter(kind), *own))

    def listed_kinds(self) -> Iterator[tuple[int, Plan]]:
        """Kinds that a kind list names and no rule: they share a plan a list."""
        for kinds in (self.whitelist, self.blacklist):
            unruled = kinds - self.policy.rules.keys()
            if unruled:
                plan = self.plan(min(unruled), None)
                yield from ((kind, plan) for kind in unruled)

    def other_kinds(self) -> Plan:
        return self._made((*self.global_conditions, *self.kind_filter(None)))

    def policy_events(self, readers: frozenset[str]) -> Plan:
        """Kind 12345, before and instead of everything else."""
        condition: Condition
        if self.access == "write":
            condition = NotAPolicyEvent("section 8", "")
        else:
            condition = OwnersAndAdmins(
                place="owners, policy_admins",
                subject="",
                keys=readers,
                refusal=Decision.reject(
                    "restricted: only owners and policy admins may read policy events"
                ),
                unauthenticated_refusal=Decision.reject(
                    "auth-required: only owners and policy admins may read policy events"
                ),
            )
        refusal = Decision.reject("blocked: policy events are not open")
        return Plan((condition,), refusal, refusal)

    def kind_filter(self, kind: int | None) -> tuple[Condition, ...]:
        """``kind`` is ``None`` for all kinds that no list and no rule names."""
        if self.whitelist:
            if kind in self.whitelist:
                return (KindPasses("kind.whitelist", "", "in the whitelist"),)
            return (NotInWhitelist("kind.whitelist", ""),)
        if kind in self.blacklist:
            return (InBlacklist("kind.blacklist", ""),)
        if self.blacklist:
            return (KindPasses("kind.blacklist", "", "not in the blacklist"),)
        if self.has_whitelist:
            place = f"global.{self.access}_allow_permissive"
            return (KindPasses(place, "", "the whitelist does not restrict this"),)
        return ()

    def _made(self, conditions: tuple[Condition, ...]) -> Plan:
        if self.policy.default_policy == "allow":
            accept = Decision.accept()
            return Plan(conditions, accept, accept)
        verb = _VERBS[self.access]
        refusal = Decision.fallback(f"blocked: default_policy denies to {verb} this kind")
        could_grant = any(
            isinstance(condition, MayAccess) and condition.grants for condition in conditions
        )
        return Plan(
            conditions,
            refusal,
            Decision.fallback(f"auth-required: authenticate to {verb} this kind")
            if could_grant
            else refusal,
        )

    # --- rules

    def rule(self, rule: Rule, place: str, subject: str, *, own: bool) -> tuple[Condition, ...]:
        """A rule's conditions, in the order of the table in section 1."""
        conditions = [*self._sizes(rule, place, subject)]
        if self.access == "write":
            conditions += self._write_constraints(rule, place, subject)
        conditions += self._may_access(rule, place, subject, own=own)
        return tuple(conditions)

    def _sizes(self, rule: Rule, place: str, subject: str) -> Iterator[Condition]:
        if rule.size_limit is not None:
            yield SizeLimit(f"{place}.size_limit", subject, rule.size_limit)
        if rule.content_limit is not None:
            yield ContentLimit(f"{place}.content_limit", subject, rule.content_limit)

    def _write_constraints(self, rule: Rule, place: str, subject: str) -> Iterator[Condition]:
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
        if rule.max_age_of_event:
            yield MaxAge(f"{place}.max_age_of_event", subject, rule.max_age_of_event)
        if rule.max_age_event_in_future:
            seconds = rule.max_age_event_in_future
            yield MaxFuture(f"{place}.max_age_event_in_future", subject, seconds)

    def _may_access(
        self, rule: Rule, place: str, subject: str, *, own: bool
    ) -> Iterator[Condition]:
        access = self.access
        what = f"{_VERBS[access]} events{subject.replace(' for', ' of')}"
        denied: Pubkeys = getattr(rule, f"{access}_deny")
        if denied:
            refusal = Decision.reject(f"restricted: not allowed to {what}")
            yield NotDenied(
                f"{place}.{access}_deny", subject, frozenset(denied), access == "write", refusal
            )
        grants = tuple(self._grants(rule, place))
        allows = tuple(self._allows(rule, place))
        if own and not allows:
            grants += tuple(self._open_to_all(rule, place))
        if not (grants or allows):
            return
        by_authenticating = any(not isinstance(matcher, EventNames) for matcher in grants + allows)
        yield MayAccess(
            place=", ".join(matcher.place for matcher in grants + allows),
            subject=subject,
            grants=grants,
            allows=allows,
            refusal=Decision.reject(f"restricted: not allowed to {what}"),
            unauthenticated_refusal=Decision.reject(
                f"auth-required: authenticate to {what}"
                if by_authenticating
                else f"restricted: not allowed to {what}"
            ),
        )

    def _grants(self, rule: Rule, place: str) -> Iterator[Matcher]:
        if rule.write_allow_follows and self.policy.policy_follow_whitelist_enabled:
            yield SubmitterIn(
                f"{place}.write_allow_follows",
                "whom a policy admin follows",
                self._followed_by(self.policy.policy_admins),
            )
        if rule.follows_whitelist_admins:
            yield SubmitterIn(
                f"{place}.follows_whitelist_admins",
                f"whom one of {len(rule.follows_whitelist_admins)} keys follows",
                self._followed_by(rule.follows_whitelist_admins),
            )

    def _open_to_all(self, rule: Rule, place: str) -> Iterator[Matcher]:
        """What lets everybody in where no allow list stands: step 5 of section 2."""
        access = self.access
        if getattr(rule, f"{access}_allow") == ():
            yield Everybody(f"{place}.{access}_allow", "everybody: the list is empty")
        elif getattr(rule, f"{access}_deny"):
            yield Everybody(f"{place}.{access}_deny", "everybody else")

    def _allows(self, rule: Rule, place: str) -> Iterator[Matcher]:
        access = self.access
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
