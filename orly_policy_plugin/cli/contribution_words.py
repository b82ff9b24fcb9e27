"""The effects of a contribution, in the words of ``diff``. Pure."""

from collections.abc import Iterator
from typing import Final

import attrs

from orly_policy_plugin.authority import Contribution, Extension
from orly_policy_plugin.policy import KindLists, Policy, Rule
from orly_policy_plugin.policy.diff import changes_of_meaning
from orly_policy_plugin.policy.diff.kinds import in_words as kinds_in_words
from orly_policy_plugin.policy.diff.who_may import in_words as who_in_words
from orly_policy_plugin.policy.fields import BOTH, Right, rights_in, value_in_effect
from orly_policy_plugin.policy.who import Step
from orly_policy_plugin.policy.who_may import ways
from orly_policy_plugin.policy.wording import Texts


@attrs.frozen
class Effects:
    """Things that are allowed and things that are refused, in words."""

    allowed: Texts = ()
    refused: Texts = ()

    def reversed(self) -> "Effects":
        """The effects of taking them away."""
        return Effects(allowed=self.refused, refused=self.allowed)

    def since(self, before: "Effects") -> "Effects":
        """The new effects, compared with earlier ones."""
        allowed = _without(self.allowed, before.allowed)
        refused = _without(self.refused, before.refused)
        gone = Effects(
            _without(before.allowed, self.allowed), _without(before.refused, self.refused)
        )
        return Effects(allowed + gone.refused, refused + gone.allowed)


def effects_of(contribution: Contribution, policy: Policy) -> Effects:
    """The effects of a contribution, each place taken by itself.

    Where the owner set no limit there is none to raise, and without a whitelist none to widen.

    :param policy: the owner's, which it adds to.
    """
    effects = [*_of_kinds(contribution, policy)]
    if contribution.global_extend is not None:
        effects += _of_extension("global", contribution.global_extend, policy.rule_of_all, policy)
    for kind, extension in sorted(contribution.rules_extend.items()):
        rule = policy.rules.get(kind, _NO_RULE)
        effects += _of_extension(f"kind {kind}", extension, rule, policy)
    for kind, rule in sorted(contribution.rules_add.items()):
        effects += _of_rule(kind, rule, policy)
    return Effects(
        tuple(text for each in effects for text in each.allowed),
        tuple(text for each in effects for text in each.refused),
    )


_NO_RULE: Final = Rule()


def _of_kinds(contribution: Contribution, policy: Policy) -> Iterator[Effects]:
    if policy.kind.whitelist:
        yield Effects(allowed=kinds_in_words(frozenset(contribution.kind_whitelist_add)))
    yield Effects(refused=kinds_in_words(frozenset(contribution.kind_blacklist_add)))


def _of_extension(
    where: str, extension: Extension, rule: Rule, policy: Policy
) -> Iterator[Effects]:
    for access in BOTH:
        for way in ways(extension, access, policy):
            keys = way.keys if way.who.whom.names_keys else ("",)
            texts = tuple(f"{where}: {who_in_words(access, way.who, key)}" for key in keys)
            denies = way.who.step is Step.DENY
            yield Effects(refused=texts) if denies else Effects(allowed=texts)
    for each in rights_in(Rule):
        if each.right is Right.RAISE:
            limit, raised = value_in_effect(rule, each.name), getattr(extension, each.extending)
            if limit is not None and raised is not None:
                assert each.field.direction is not None
                allowed, _ = each.field.direction(limit, raised)
                yield Effects(allowed=tuple(f"{where}: {text}" for text in allowed))


def _of_rule(kind: int, rule: Rule, policy: Policy) -> Iterator[Effects]:
    """The effects of a rule where there was none."""
    alone = attrs.evolve(policy, kind=KindLists(), global_rule=None, rules={})
    for change in changes_of_meaning(alone, attrs.evolve(alone, rules={kind: rule})):
        yield Effects(
            tuple(f"kind {kind}: {text}" for text in change.allowed),
            tuple(f"kind {kind}: {text}" for text in change.refused),
        )


def _without(texts: Texts, others: Texts) -> Texts:
    return tuple(text for text in texts if text not in others)
