"""From a policy to the tuples of conditions that decide (sections 2, 3 and 9 of the spec).

One :class:`.Plan` a kind and access: the global rule's conditions, the kind filter, the kind's own
rule. Kinds that nothing names share one plan, and so do all that only kind lists name and of which
these say the same. It costs in proportion to what the policy and its contributions say; the plans
of kinds that the owner has no rule for are made when they are first asked for, so that what admins
may add, thousands of rules, costs only where it is used.
"""

from collections.abc import Iterator, Mapping
from functools import cache

from orly_policy_hookspecs import POLICY_EVENT_KIND, Decision
from orly_policy_hookspecs.criteria import Registered

from ..policy import Lists, Policy, Rule
from ..policy.fields import Access
from .access import OwnersAndAdmins
from .added import Added, AddedRule
from .conditions import Condition
from .deciding import ACCEPT, Plan, Plans
from .exempt import NOBODY, Exempt, FromAdmin
from .kept import Kept
from .key_sets import KeySets
from .kinds import InBlacklist, KindPasses, NotAPolicyEvent, NotInWhitelist
from .named import named_by
from .pending import NamedScript
from .private import PRIVATE_KINDS, is_private, widens_reads
from .rates import RateLimit
from .rules import Follows, RuleCompiler, RuleInPlace


def compile_access(
    policy: Policy,
    access: Access,
    follows: Follows,
    lists: Lists,
    owners: frozenset[str],
    added: Added,
    sets: KeySets,
    rate_seconds: float,
    kept: Kept | None,
    criteria: Mapping[str, Registered],
) -> Plans:
    """Compile what a policy, with the contributions that stand, says of one access.

    :param follows: the follow lists that are known; an author without one follows nobody.
    :param lists: the keys of the lists that the policy names.
    :param owners: all owners, those of the environment included.
    :param added: what the contributions say.
    :param rate_seconds: the time constant of rate limits.
    :param criteria: of plugins, by their names.
    :param kept: plans of the same policy and contributions under older follow lists and
        named lists.
    """
    compiler = _Compiler(
        policy, access, follows, lists, owners, added, sets, rate_seconds, criteria
    )
    plans = {
        kind: (kept.plan(kind) if kept else None) or compiler.plan(kind) for kind in policy.rules
    }
    plans[POLICY_EVENT_KIND] = compiler.policy_events()
    return Plans(plans, compiler.plan(None), compiler.kinds(), compiler.plan)


class _Compiler:
    def __init__(
        self,
        policy: Policy,
        access: Access,
        follows: Follows,
        lists: Lists,
        owners: frozenset[str],
        added: Added,
        sets: KeySets,
        rate_seconds: float,
        criteria: Mapping[str, Registered],
    ) -> None:
        self.policy = policy
        self.access: Access = access
        self.rate_seconds = rate_seconds
        self.added = added
        self.owners_and_admins = owners | frozenset(policy.policy_admins)
        self.exempt = Exempt(self.owners_and_admins, looks_at_author=access == "write")
        self.rules = RuleCompiler(policy, access, follows, lists, self.exempt, sets, criteria)
        self.global_conditions = self._of_global_rule(None)
        self.private_global_conditions = self.global_conditions
        if access == "read" and added.to_global.opens_reads(policy):
            self.private_global_conditions = self._of_global_rule(min(PRIVATE_KINDS))
        self.has_whitelist = bool(policy.kind.whitelist)
        self.is_permissive = policy.rule_of_all.lifts_whitelist(access)
        self.whitelist = frozenset(policy.kind.whitelist)
        self.blacklist = frozenset(policy.kind.blacklist)
        self.is_named = cache(lambda: named_by(policy, added, self.rules).names_one_of)
        self._shared: dict[tuple[object, ...], Plan] = {}

    def _of_global_rule(self, kind: int | None) -> tuple[Condition, ...]:
        """The global rule's conditions for a kind: what is private is granted by fewer."""
        return self.rules.conditions(
            RuleInPlace(
                rule=self.policy.rule_of_all,
                place="global",
                added=self.added.to_global,
                is_private=self._is_closed(kind),
            )
        )

    def _is_closed(self, kind: int | None) -> bool:
        """Whether nothing that admins send opens what a plan of this access is about."""
        return self.access == "read" and is_private(kind, self.policy, self.added)

    # --- plans

    def plan(self, kind: int | None) -> Plan:
        """The plan of a kind; of all that no list and no rule names where it is ``None``."""
        of_all, filter_ = self.global_conditions, self.kind_filter(kind)
        if self._is_closed(kind):
            of_all = self.private_global_conditions
        if kind in self.policy.rules or kind in self.added.rules:
            assert kind is not None
            return self._made((*of_all, *filter_, *self.own_conditions(kind)), kind)
        same = id(of_all), filter_
        if same not in self._shared:
            self._shared[same] = self._made((*of_all, *filter_), None)  # no rule names it
        return self._shared[same]

    def kinds(self) -> frozenset[int]:
        """Kinds that something besides the owner's rules names: all others have the same plan."""
        listed = frozenset() if self.is_permissive else self.whitelist.union(self.added.whitelist)
        private = PRIVATE_KINDS if self._closes_private_kinds else frozenset()
        return listed.union(self.blacklist, private, self.added.rules, self.added.blacklist)

    @property
    def _closes_private_kinds(self) -> bool:
        return self.private_global_conditions is not self.global_conditions

    def policy_events(self) -> Plan:
        """Kind 12345, before and instead of everything else."""
        condition: Condition
        place = "owners, policy_admins"
        if self.access == "write":
            condition = NotAPolicyEvent("section 8")
        else:
            condition = OwnersAndAdmins(
                place=place,
                keys=self.owners_and_admins,
                refusal=Decision.reject(
                    "restricted: only owners and policy admins may read policy events", place
                ),
                unauthenticated_refusal=Decision.reject(
                    "auth-required: only owners and policy admins may read policy events",
                    place,
                ),
            )
        refusal = Decision.reject("blocked: policy events are not open")
        return Plan((condition,), refusal, refusal)

    def _made(self, conditions: tuple[Condition, ...], kind: int | None) -> Plan:
        scripts, rates = tuple(self.scripts(kind)), tuple(self.rates(kind))
        if self.policy.default_policy == "allow":
            return Plan(conditions, ACCEPT, ACCEPT, scripts, rates)
        refusal = Decision.fallback(
            f"blocked: default_policy denies to {self.access} this kind", "default_policy"
        )
        if not any(condition.could_grant for condition in conditions):
            return Plan(conditions, refusal, refusal, scripts, rates)
        by_authenticating = f"auth-required: authenticate to {self.access} this kind"
        unauthenticated = Decision.fallback(by_authenticating, "default_policy")
        return Plan(conditions, refusal, unauthenticated, scripts, rates)

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
        if (added := self._added_rule(kind)) is not None:
            yield from self._rate(added.rule, added.place, self.exempt)

    def _rate(self, rule: Rule, place: str, exempt: Exempt) -> Iterator[RateLimit]:
        if rule.rate_limit:
            where = f"{place}.rate_limit"
            yield RateLimit(where, rule.rate_limit, self.rate_seconds, exempt, self.is_named())

    def _owners_rules(self, kind: int | None) -> Iterator[tuple[Rule, str]]:
        if self.policy.global_rule:
            yield self.policy.global_rule, "global"
        if kind is not None and kind in self.policy.rules:
            yield self.policy.rules[kind], f"rules.{kind}"

    # --- the kind filter

    def kind_filter(self, kind: int | None) -> tuple[Condition, ...]:
        """The owner's lists, then the kinds that admins deny."""
        owners = self._owners_kind_filter(kind)
        if kind is not None and kind in self.added.blacklist:
            return (*owners, InBlacklist(self.added.blacklist[kind], self.exempt))
        return owners

    def _owners_kind_filter(self, kind: int | None) -> tuple[Condition, ...]:
        if self.has_whitelist and self.is_permissive:
            place = f"global.{self.access}_allow_permissive"
            return (KindPasses(place, "the whitelist does not restrict this"),)
        if self.has_whitelist:
            if place_of_kind := self._whitelisted_by(kind):
                return (KindPasses(place_of_kind, "in the whitelist"),)
            return (NotInWhitelist("kind.whitelist"),)
        if kind in self.blacklist:
            return (InBlacklist("kind.blacklist"),)
        if self.blacklist:
            return (KindPasses("kind.blacklist", "not in the blacklist"),)
        return ()

    def _whitelisted_by(self, kind: int | None) -> str | None:
        if kind is None:
            return None
        if kind in self.whitelist:
            return "kind.whitelist"
        counts = self.access == "write" or widens_reads(kind, self.policy)
        return self.added.whitelist.get(kind) if counts else None

    # --- rules

    def own_conditions(self, kind: int) -> tuple[Condition, ...]:
        """The conditions of the kind's own rule, the owner's or one that an admin added."""
        subject = f" for kind {kind}"
        if (rule := self.policy.rules.get(kind)) is None:
            return tuple(self.added_rule(kind, subject))
        return self.rules.conditions(
            RuleInPlace(
                rule=rule,
                place=f"rules.{kind}",
                subject=subject,
                added=self.added.to_rules.get(kind),
                is_private=self._is_closed(kind),
            )
        )

    def added_rule(self, kind: int, subject: str) -> Iterator[Condition]:
        """The conditions of a rule that an admin added."""
        added = self.added.rules[kind]
        may_grant = not self._is_closed(kind)
        for condition in self.rules.conditions(
            RuleInPlace(
                rule=added.rule,
                place=added.place,
                subject=subject,
                is_admins=True,
            )
        ):
            yield FromAdmin(condition.place, condition, self.exempt, may_grant=may_grant)

    def _added_rule(self, kind: int | None) -> AddedRule | None:
        if kind is None or kind in self.policy.rules:
            return None
        return self.added.rules.get(kind)
