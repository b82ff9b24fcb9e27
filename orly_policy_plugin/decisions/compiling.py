"""From a policy to the tuples of conditions that decide (sections 2, 3 and 9 of SPEC.md).

One :class:`.Plan` a kind and access: the global rule's conditions, the kind filter, the kind's own
rule. Kinds that nothing names share one plan, and so do all that only a kind list names.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from orly_policy_hookspecs import POLICY_EVENT_KIND, Decision

from ..authority.contributions import Contribution
from ..policy import GlobalRule, Policy, Rule
from .access import Access, OwnersAndAdmins
from .conditions import Condition
from .deciding import ACCEPT, Plan, Plans
from .kinds import InBlacklist, KindPasses, NotAPolicyEvent, NotInWhitelist
from .rates import TIME_CONSTANT_SECONDS, RateLimit
from .rules import Extensions, Follows, RuleCompiler, RuleInPlace
from .spared import NOBODY, FromAdmin, Spared
from .unsettled import NamedScript

PRIVATE_KINDS: Final = frozenset({4, 13, 14, 1059, 1060})
"""Kinds that an admin's rule never opens for reading where ``default_policy`` denies."""


def compile_access(
    policy: Policy,
    access: Access,
    follows: Follows,
    owners: Iterable[str],
    contributions: Iterable[Contribution] = (),
    rate_seconds: float = TIME_CONSTANT_SECONDS,
) -> Plans:
    """Compile what a policy, with the contributions that stand, says of one access.

    :param follows: the follow lists that are known; an author without one follows nobody.
    :param owners: all owners, those of the environment included.
    :param contributions: oldest first, each fitting the policy
        (:func:`orly_policy_plugin.authority.fitting.standing_contributions`).
    :param rate_seconds: the time constant of rate limits.
    """
    compiler = _Compiler(
        policy, access, follows, frozenset(owners), tuple(contributions), rate_seconds
    )
    plans = dict(compiler.listed_kinds())
    plans |= {kind: compiler.plan(kind) for kind in compiler.ruled_kinds()}
    plans[POLICY_EVENT_KIND] = compiler.policy_events()
    return Plans(plans, compiler.plan(None))


class _Compiler:
    def __init__(
        self,
        policy: Policy,
        access: Access,
        follows: Follows,
        owners: frozenset[str],
        contributions: tuple[Contribution, ...],
        rate_seconds: float,
    ) -> None:
        self.policy = policy
        self.access: Access = access
        self.rate_seconds = rate_seconds
        self.contributions = contributions
        self.owners_and_admins = owners | frozenset(policy.policy_admins)
        self.spared = Spared(self.owners_and_admins, looks_at_author=access == "write")
        self.rules = RuleCompiler(policy, access, follows, self.spared)
        rule = policy.global_rule or GlobalRule()
        self.global_conditions = self.rules.conditions(
            RuleInPlace(
                rule=rule,
                place="global",
                is_kinds_own=False,
                extensions=self.global_extensions(),
            )
        )
        added = {kind for made in contributions for kind in made.kind_whitelist_add}
        widened = added if policy.kind.whitelist else set()
        self.has_whitelist = bool(policy.kind.whitelist)
        self.is_permissive = bool(getattr(rule, f"{access}_allow_permissive"))
        self.whitelist = frozenset(policy.kind.whitelist) | widened
        self.blacklist = frozenset(() if self.has_whitelist else policy.kind.blacklist)

    # --- plans

    def plan(self, kind: int | None) -> Plan:
        """The plan of a kind; of all that no list and no rule names where it is ``None``."""
        own = () if kind is None else self.own_conditions(kind)
        conditions = (*self.global_conditions, *self.kind_filter(kind), *own)
        return self._made(conditions, tuple(self.scripts(kind)), tuple(self.rates(kind)))

    def ruled_kinds(self) -> Iterator[int]:
        """Kinds that need a plan of their own: those with a rule, and those an admin denies."""
        yield from self.policy.rules
        for contribution in self.contributions:
            yield from contribution.rules_add
            yield from contribution.kind_blacklist_add

    def listed_kinds(self) -> Iterator[tuple[int, Plan]]:
        """Kinds that only a kind list names: they share a plan a list."""
        ruled = frozenset(self.ruled_kinds())
        whitelist = frozenset() if self.is_permissive else self.whitelist
        for kinds in (whitelist - ruled, self.blacklist - ruled):
            if kinds:
                plan = self.plan(min(kinds))
                yield from ((kind, plan) for kind in kinds)

    def policy_events(self) -> Plan:
        """Kind 12345, before and instead of everything else."""
        condition: Condition
        if self.access == "write":
            condition = NotAPolicyEvent("section 8", "")
        else:
            condition = OwnersAndAdmins(
                place="owners, policy_admins",
                subject="",
                keys=self.owners_and_admins,
                refusal=Decision.reject(
                    "restricted: only owners and policy admins may read policy events"
                ),
                unauthenticated_refusal=Decision.reject(
                    "auth-required: only owners and policy admins may read policy events"
                ),
            )
        refusal = Decision.reject("blocked: policy events are not open")
        return Plan((condition,), refusal, refusal)

    def _made(
        self,
        conditions: tuple[Condition, ...],
        scripts: tuple[NamedScript, ...],
        rates: tuple[RateLimit, ...],
    ) -> Plan:
        if self.policy.default_policy == "allow":
            return Plan(conditions, ACCEPT, ACCEPT, scripts, rates)
        refusal = Decision.fallback(f"blocked: default_policy denies to {self.access} this kind")
        if not any(condition.could_grant for condition in conditions):
            return Plan(conditions, refusal, refusal, scripts, rates)
        by_authenticating = f"auth-required: authenticate to {self.access} this kind"
        return Plan(conditions, refusal, Decision.fallback(by_authenticating), scripts, rates)

    # --- what is left when the criteria have passed

    def scripts(self, kind: int | None) -> Iterator[NamedScript]:
        """The global rule's script and the kind's. A contribution cannot name one."""
        for rule, place in self._owners_rules(kind):
            if rule.script is not None:
                yield NamedScript(f"{place}.script", rule.script, grants=place != "global")

    def rates(self, kind: int | None) -> Iterator[RateLimit]:
        """The limits of the global rule, of the kind's, and of one that an admin added."""
        if self.access == "read":
            return
        for rule, place in self._owners_rules(kind):
            yield from self._rate(rule, place, NOBODY)
        for contribution in self.contributions:
            if kind is not None and kind in contribution.rules_add:
                place = f"{_place(contribution)}.rules_add.{kind}"
                yield from self._rate(contribution.rules_add[kind], place, self.spared)

    def _rate(self, rule: Rule, place: str, spared: Spared) -> Iterator[RateLimit]:
        if rule.rate_limit:
            yield RateLimit(f"{place}.rate_limit", rule.rate_limit, self.rate_seconds, spared)

    def _owners_rules(self, kind: int | None) -> Iterator[tuple[Rule, str]]:
        if self.policy.global_rule:
            yield self.policy.global_rule, "global"
        if kind is not None and kind in self.policy.rules:
            yield self.policy.rules[kind], f"rules.{kind}"

    # --- the kind filter

    def kind_filter(self, kind: int | None) -> tuple[Condition, ...]:
        """The owner's lists, then the kinds that admins deny."""
        denied = tuple(
            InBlacklist(f"{_place(contribution)}.kind_blacklist_add", "", self.spared)
            for contribution in self.contributions
            if kind in contribution.kind_blacklist_add
        )
        return (*self._owners_kind_filter(kind), *denied)

    def _owners_kind_filter(self, kind: int | None) -> tuple[Condition, ...]:
        if self.has_whitelist and self.is_permissive:
            place = f"global.{self.access}_allow_permissive"
            return (KindPasses(place, "", "the whitelist does not restrict this"),)
        if self.has_whitelist:
            if kind in self.whitelist:
                return (KindPasses(self._whitelisted_by(kind), "", "in the whitelist"),)
            return (NotInWhitelist("kind.whitelist", ""),)
        if kind in self.blacklist:
            return (InBlacklist("kind.blacklist", ""),)
        if self.blacklist:
            return (KindPasses("kind.blacklist", "", "not in the blacklist"),)
        return ()

    def _whitelisted_by(self, kind: int | None) -> str:
        if kind in self.policy.kind.whitelist:
            return "kind.whitelist"
        return next(
            f"{_place(contribution)}.kind_whitelist_add"
            for contribution in self.contributions
            if kind in contribution.kind_whitelist_add
        )

    # --- rules

    def own_conditions(self, kind: int) -> tuple[Condition, ...]:
        """The conditions of the kind's own rule, the owner's or one that an admin added."""
        subject = f" for kind {kind}"
        if (rule := self.policy.rules.get(kind)) is not None:
            return self.rules.conditions(
                RuleInPlace(
                    rule=rule,
                    place=f"rules.{kind}",
                    subject=subject,
                    is_kinds_own=True,
                    extensions=self.extensions(kind),
                )
            )
        return tuple(
            condition
            for contribution in self.contributions
            if kind in contribution.rules_add
            for condition in self.added_rule(contribution, kind, subject)
        )

    def added_rule(
        self, contribution: Contribution, kind: int, subject: str
    ) -> Iterator[Condition]:
        """The conditions of a rule that an admin added."""
        place = f"{_place(contribution)}.rules_add.{kind}"
        stays_private = (
            self.access == "read"
            and kind in PRIVATE_KINDS
            and self.policy.default_policy == "deny"
        )
        rule = contribution.rules_add[kind]
        for condition in self.rules.conditions(
            RuleInPlace(rule=rule, place=place, subject=subject, is_kinds_own=True)
        ):
            yield FromAdmin(
                condition.place, subject, condition, self.spared, may_grant=not stays_private
            )

    def extensions(self, kind: int) -> Extensions:
        """What contributions add to the owner's rule of a kind."""
        return tuple(
            (f"{_place(contribution)}.rules_extend.{kind}", contribution.rules_extend[kind])
            for contribution in self.contributions
            if kind in contribution.rules_extend
        )

    def global_extensions(self) -> Extensions:
        """What contributions add to the global rule."""
        return tuple(
            (f"{_place(contribution)}.global_extend", contribution.global_extend)
            for contribution in self.contributions
            if contribution.global_extend is not None
        )


def _place(contribution: Contribution) -> str:
    return f"contributions.{contribution.event_id}"
