"""A policy in plain words, a line a rule. Pure."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from types import MappingProxyType
from typing import Final

from orly_policy_hookspecs.criteria import Registered
from orly_policy_plugin.counted import listed
from orly_policy_plugin.policy import Lists, Policy, Rule
from orly_policy_plugin.policy.fields import Access, Field, fields_of, value_in_effect
from orly_policy_plugin.policy.named_lists import NO_LISTS, list_in_words
from orly_policy_plugin.policy.who import Step
from orly_policy_plugin.policy.who_may import ForOthers, Way, for_others, ways, ways_in

_MOST_KINDS = 12
_DEFAULTS = {
    "allow": "allow: accepted unless a rule says no",
    "deny": "deny: refused unless a rule says yes",
}


Criteria = Mapping[str, Registered]


def summary(
    policy: Policy, criteria: Criteria = MappingProxyType({}), lists: Lists = NO_LISTS
) -> list[tuple[str, str]]:
    """The names of a policy's parts, each with one line about it.

    :param criteria: of plugins, which have their own words.
    :param lists: the keys of the policy's named lists.
    """
    return list(_lines(policy, criteria, lists))


def _lines(policy: Policy, criteria: Criteria, lists: Lists) -> Iterator[tuple[str, str]]:
    yield "default", _DEFAULTS[policy.default_policy]
    yield "kinds", _kinds(policy)
    if policy.global_rule:
        yield "global", _rule(policy.global_rule, policy, criteria, lists)
    for kind, rule in sorted(policy.rules.items()):
        yield f"kind {kind}", _rule(rule, policy, criteria, lists)
    for name, source in policy.lists.items():
        yield f"list {name}", f"{list_in_words(name, lists)} of {source}"
    yield "owners", str(len(policy.owners))
    yield "policy admins", str(len(policy.policy_admins))
    for name, settings in sorted(policy.plugins.items()):
        says = "switched off" if settings is False else "with settings" if settings else "asked"
        yield f"plugin {name}", says


def _kinds(policy: Policy) -> str:
    white, black = policy.kind.whitelist, policy.kind.blacklist
    if white:
        unused = " (the blacklist is not looked at)" if black else ""
        return f"only {_numbers(white)}{unused}"
    return f"all but {_numbers(black)}" if black else "all"


def _numbers(kinds: tuple[int, ...]) -> str:
    return listed(kinds, _MOST_KINDS)


def _rule(rule: Rule, policy: Policy, criteria: Criteria, lists: Lists) -> str:
    sentences = [
        *_of_itself(rule),
        *_criteria(rule, criteria),
        *_by_access(rule, policy, lists),
    ]
    return " ".join(f"{sentence}." for sentence in sentences) or "Nothing of its own."


def _of_itself(rule: Rule) -> Iterator[str]:
    """The sentences that hold for both accesses, or for none."""
    return _phrases(rule, lambda field: len(field.asked_on) != 1)


def _criteria(rule: Rule, criteria: Criteria) -> Iterator[str]:
    for name, value in sorted(rule.criteria.items()):
        known = criteria.get(name)
        yield f"{name}: {known.criterion.in_words(value)}" if known else f"{name} {value}"


def _by_access(rule: Rule, policy: Policy, lists: Lists) -> Iterator[str]:
    for access, verb in _VERBS.items():
        said = [*_who(rule, access, policy, lists), *_phrases(rule, partial(_is_for, access))]
        if said:
            yield f"{verb}: {'; '.join(said)}"


_VERBS: Final[Mapping[Access, str]] = {"write": "Write", "read": "Read"}


def _is_for(access: Access, field: Field) -> bool:
    return field.asked_on == (access,)


def _phrases(rule: Rule, is_wanted: Callable[[Field], bool]) -> Iterator[str]:
    """The words of the fields in effect that are wanted."""
    for name, field in fields_of(type(rule)).items():
        if field.summary and is_wanted(field):
            value = value_in_effect(rule, name)
            if value is not None:
                yield from field.summary(value)


def _who(rule: Rule, access: Access, policy: Policy, lists: Lists) -> Iterator[str]:
    """Sections 2.2 to 2.5 of the spec in words; nothing where the rule does not say who."""
    let_in = " or ".join(_in_words(way, lists) for way in ways_in(rule, access, policy))
    match for_others(rule, access, policy):
        case ForOthers.DENY:
            yield f"only {let_in}"
        case ForOthers.GRANT:
            yield "everybody"
        case _ if let_in:
            yield f"{let_in}, others by default"
    for way in ways(rule, access, policy):
        if way.who.step is Step.DENY:
            yield f"never {_in_words(way, lists)}"


def _in_words(way: Way, lists: Lists) -> str:
    return way.who.whom.of_all(way.keys_in_words(lists))
