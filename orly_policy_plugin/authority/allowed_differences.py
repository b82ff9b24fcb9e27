"""An admin's full policy as a contribution: its differences to the owner's, each of them allowed.

Section 8 of the spec. What may differ is what the models declare a :class:`.Right` to, and a new
rule; whatever else may not.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

import attrs

from ..counted import listed
from ..policy import Duration, InvalidPolicy, KindLists, Policy, Problem, Regex, Rule
from ..policy.fields import Field, Right, RightTo, fields_of, rights_in
from ..policy.who_may import denying_fields
from ..policy.writing import plain
from .contributions import Contribution, read_contribution, regex_problems
from .fitting import (
    blacklist_misfits,
    denial_misfits,
    named_list_misfits,
    new_rule_misfit,
    protected_from_admins,
    rule_misfits,
)

_MOST_SHOWN = 3
_LONGEST_SHOWN = 60
_KEY = re.compile(r"([0-9a-f]{8}|npub1[02-9ac-hj-np-z]{4})[0-9a-z]{50,}", re.ASCII | re.IGNORECASE)

_NOT_ALLOWED: Final = object()

Rights = tuple[RightTo, ...]

IN_A_RULE: Final[Rights] = rights_in(Rule)
"""The ways in which ``global`` and the rule of a kind may differ."""

IN_KIND_LISTS: Final[Rights] = rights_in(KindLists, prefix="kind_")
"""The ways in which ``kind`` may differ."""


def _what_is_added(right_to: RightTo, old: Any, new: Any) -> Any:
    """The part of a new value that is added, or ``_NOT_ALLOWED`` where it may not differ so."""
    right, is_set = right_to.right, right_to.field.is_set
    if right is Right.SWITCH_ON:
        return True if new else _NOT_ALLOWED
    if right is Right.RAISE:
        return new if is_set(old) and new is not None and new > old else _NOT_ALLOWED
    if right is Right.ADD_TO_SOME and not old:
        return _NOT_ALLOWED
    was = frozenset(old or ())
    if new is None or not was <= frozenset(new):
        return _NOT_ALLOWED
    return tuple(dict.fromkeys(item for item in new if item not in was))


def contribution_of(
    full: Policy,
    owner_policy: Policy,
    *,
    owners: frozenset[str],
    admin: str,
    created_at: int,
    event_id: str,
    content_bytes: int = 0,
) -> Contribution:
    """The contribution for which an admin's full policy stands.

    Whether it fits beside other contributions is for :func:`.check_fits`. Without any difference
    it is a contribution that adds nothing, which is allowed. The order of a list, and a key that
    occurs twice in one, are no difference.

    :param owner_policy: the file's, without contributions.
    :param owners: the policy's and those of the environment.
    :param content_bytes: length of the event's content as UTF-8.
    :raises InvalidPolicy: with every difference that no admin may make, its old and its new
        value. The owner's keys are shortened and the owner's script is not named: whoever sends
        ``{}`` must not be told what the file holds.
    """
    protected = protected_from_admins(owner_policy, owners)
    problems: list[Problem] = []
    lists = _compared(problems, "kind", owner_policy.kind, full.kind, IN_KIND_LISTS)
    added_kinds = lists.get("kind_blacklist_add", ())
    problems += blacklist_misfits("kind.blacklist", _where(full.kind.blacklist, added_kinds))
    global_extend = _extension(
        problems,
        "global",
        owner_policy.rule_of_all,
        full.rule_of_all,
        protected,
    )
    extended = {
        kind: _extension(problems, f"rules.{kind}", rule, full.rules[kind], protected)
        for kind, rule in owner_policy.rules.items()
        if kind in full.rules
    }
    rules_add = {kind: rule for kind, rule in full.rules.items() if kind not in owner_policy.rules}
    problems += _rules_misfits(owner_policy, full, rules_add, protected)
    compared_above = {"kind", "global_rule", "rules"}
    _compared(problems, "", owner_policy, full, (), compared_above)
    if problems:
        raise InvalidPolicy(problems)
    made = {
        **lists,
        "rules_extend": {kind: added for kind, added in extended.items() if added},
        "rules_add": rules_add,
        "global_extend": global_extend or None,
    }
    # Read as a contribution is: so it is read again after a restart, with the bounds of one.
    read = read_contribution(
        plain(made),
        admin=admin,
        created_at=created_at,
        event_id=event_id,
        content_bytes=content_bytes,
    )
    return attrs.evolve(read, is_full_policy=True)


def _compared(
    problems: list[Problem],
    place: str,
    old: Any,
    new: Any,
    rights: Rights,
    left_out: Collection[str] = (),
) -> dict[str, Any]:
    """The additions, by the contribution's fields; what may not differ goes to the problems."""
    by_name = {each.name: each for each in rights}
    added = {}
    for name, field in fields_of(type(old)).items():
        was, became = getattr(old, name), getattr(new, name)
        if name in left_out or _same(was, became):
            continue
        right_to = by_name.get(name)
        more = _what_is_added(right_to, was, became) if right_to else _NOT_ALLOWED
        if right_to and more is not _NOT_ALLOWED:
            added[right_to.extending] = more
        else:
            how = f"may {right_to.right.how}" if right_to else "cannot change it"
            change = f"{how.format(unit=field.unit)}: {_change(field, was, became)}"
            problems += (
                Problem(key, f"an admin {change}").within(place)
                for key in field.members_that_differ(name, was, became)
            )
    return added


def _extension(
    problems: list[Problem], place: str, old: Rule, new: Rule, protected: frozenset[str]
) -> dict[str, Any]:
    """The additions to a rule, by the extension's fields."""
    added = _compared(problems, place, old, new, IN_A_RULE)
    problems += _named_lists(place, new, old)
    for name in denying_fields(Rule):
        keys = _where(getattr(new, name), added.get(f"{name}{Right.ADD.suffix}", ()))
        problems += denial_misfits(f"{place}.{name}", keys, protected)
    return added


def _named_lists(place: str, new: Rule, old: Rule) -> Iterator[Problem]:
    """A problem for each list that is newly named."""
    for name in new.naming_lists:
        before = getattr(old, name) or ()
        yield from named_list_misfits(f"{place}.{name}", getattr(new, name), before)


def _where(written: tuple[Any, ...], added: tuple[Any, ...]) -> tuple[Any, ...]:
    """The list as it was written, with ``None`` for what is not new, so that places are right."""
    new = frozenset(added)
    return tuple(item if item in new else None for item in written)


def _rules_misfits(
    old: Policy, new: Policy, rules_add: Mapping[int, Rule], protected: frozenset[str]
) -> Iterator[Problem]:
    for kind in sorted(old.rules.keys() - new.rules.keys()):
        yield Problem(f"rules.{kind}", "an admin cannot remove a rule")
    for kind, rule in rules_add.items():
        if misfit := new_rule_misfit(kind):
            yield misfit.within("rules")
        for problem in (*rule_misfits(rule, protected), *regex_problems(rule)):
            yield problem.within(f"rules.{kind}")


def mean_the_same(one: Rule, other: Rule) -> bool:
    """Whether two rules mean the same: in lists neither order nor repetition counts."""
    names = (field.name for field in attrs.fields(Rule))
    return all(_same(getattr(one, name), getattr(other, name)) for name in names)


def _same(old: Any, new: Any) -> bool:
    """Whether two values mean the same: in lists neither order nor repetition counts."""
    if isinstance(old, tuple) and isinstance(new, tuple):
        return frozenset(old) == frozenset(new)
    return bool(old == new)


# --- a change in words


def _change(field: Field, old: Any, new: Any) -> str:
    if isinstance(old, tuple) and isinstance(new, tuple) and old:
        return " and ".join(
            (*_items("added", new, frozenset(old)), *_items("removed", old, frozenset(new)))
        )
    if noun := field.noun_untold:
        if field.is_set(old) and field.is_set(new):
            return f"a {noun} -> another {noun}"
        return f"{_untold(field, old)} -> {_untold(field, new)}"
    return f"{_shown(old)} -> {_shown(new)}"


def _items(verb: str, items: tuple[Any, ...], without: frozenset[Any]) -> Iterator[str]:
    changed = tuple(dict.fromkeys(item for item in items if item not in without))
    if changed:
        yield f"{verb} {_listed(changed)}"


def _listed(items: tuple[Any, ...]) -> str:
    return listed(items, _MOST_SHOWN, " ", lambda item: _short(str(item)))


def _short(text: str) -> str:
    shown = _KEY.sub(r"\1…", text)
    return shown if len(shown) <= _LONGEST_SHOWN else f"{shown[:_LONGEST_SHOWN]}…"


def _untold(field: Field, value: Any) -> str:
    return f"a {field.noun_untold}" if field.is_set(value) else "none"


def _shown(value: Any) -> str:
    if value is None:
        return "not set"
    if isinstance(value, (Duration, Regex)):
        return repr(_short(value.text))
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return f"[{_listed(value)}]"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_short(k)}: {_shown(v)}" for k, v in value.items()) + "}"
    return repr(_short(value)) if isinstance(value, str) else str(value)
