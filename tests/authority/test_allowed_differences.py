"""An admin's full policy: which differences to the owner's it may have, and what they become."""

import json
from typing import Any

import attrs
import pytest
from examples import ADMIN, ALICE, BOB, CAROL, DAVE, NOW, OWNER
from hypothesis import assume, event, given
from hypothesis import strategies as st
from strategies import many, policies

from orly_policy_plugin.authority import Contribution, Extension, contribution_of
from orly_policy_plugin.authority.allowed_differences import (
    IN_A_RULE,
    IN_KIND_LISTS,
    mean_the_same,
)
from orly_policy_plugin.policy import (
    GlobalRule,
    InvalidPolicy,
    KindLists,
    Policy,
    Rule,
    structure_policy,
    unstructure_policy,
)

from .making import EVENT_ID, OTHER_ADMIN, contribution, policy
from .test_contributions import CONTENTS

ENVIRONMENT_OWNER = "e0" * 32
OWN: dict[str, Any] = {
    "kind": {"whitelist": [1, 7], "blacklist": [4]},
    "global": {"size_limit": 5000, "write_deny": [CAROL], "rate_limit": 10},
    "rules": {
        "1": {
            "description": "notes",
            "script": "scripts/spam.py",
            "content_limit": 100,
            "max_age_of_event": 60,
            "max_age_event_in_future": 60,
            "write_allow": [ALICE],
            "read_allow": [ALICE, BOB],
            "read_deny": [CAROL],
            "must_have_tags": ["p"],
            "max_expiry_duration": "P1D",
            "identifier_regex": "^a$",
            "tag_validation": {"t": "^b$", "u": "^c$"},
            "write_allow_follows": True,
        },
        "7": {"write_allow": []},
    },
    "owners": [OWNER],
    "policy_admins": [ADMIN, OTHER_ADMIN],
}


def changed(**changes: Any) -> dict[str, Any]:
    """The owner's policy with changes: place to new value, `None` to remove."""
    made: dict[str, Any] = json.loads(json.dumps(OWN))
    for place, value in changes.items():
        *outer, last = place.split("/")
        inner = made
        for key in outer:
            inner = inner.setdefault(key, {})
        if value is None:
            del inner[last]
        else:
            inner[last] = value
    return made


def of(full: dict[str, Any], own: dict[str, Any] = OWN, **more: Any) -> Contribution:
    return contribution_of(
        structure_policy(full),
        structure_policy(own),
        owners=frozenset({OWNER, ENVIRONMENT_OWNER}),
        admin=ADMIN,
        created_at=NOW,
        event_id=EVENT_ID,
        **more,
    )


def refused(full: dict[str, Any], own: dict[str, Any] = OWN) -> list[str]:
    with pytest.raises(InvalidPolicy) as error:
        of(full, own)
    return str(error.value).split("\n")


ALLOWED: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"kind/whitelist": [7, 9, 1]}, {"kind_whitelist_add": [9]}),
    ({"kind/blacklist": [4, 8]}, {"kind_blacklist_add": [8]}),
    ({"rules/9": {"size_limit": 0}}, {"rules_add": {"9": {"size_limit": 0}}}),
    ({"rules/1/write_allow": [ALICE, BOB]}, {"rules_extend": {"1": {"write_allow_add": [BOB]}}}),
    (
        {"rules/1/read_allow": [DAVE, BOB, ALICE]},
        {"rules_extend": {"1": {"read_allow_add": [DAVE]}}},
    ),
    ({"rules/1/read_deny": [CAROL, DAVE]}, {"rules_extend": {"1": {"read_deny_add": [DAVE]}}}),
    ({"global/write_deny": [CAROL, DAVE]}, {"global_extend": {"write_deny_add": [DAVE]}}),
    ({"global/size_limit": 5001}, {"global_extend": {"size_limit_override": 5001}}),
    ({"rules/1/content_limit": 101}, {"rules_extend": {"1": {"content_limit_override": 101}}}),
    ({"rules/1/max_age_of_event": 61}, {"rules_extend": {"1": {"max_age_of_event_override": 61}}}),
    (
        {"rules/1/max_age_event_in_future": 61},
        {"rules_extend": {"1": {"max_age_event_in_future_override": 61}}},
    ),
    (
        {"rules/7/write_allow_follows": True},
        {"rules_extend": {"7": {"write_allow_follows": True}}},
    ),
    (
        {"rules/7/follows_whitelist_admins": [ALICE]},
        {"rules_extend": {"7": {"follows_whitelist_admins_add": [ALICE]}}},
    ),
    (
        {"global/size_limit": 6000, "rules/1/content_limit": 200, "kind/blacklist": [4, 6]},
        {
            "global_extend": {"size_limit_override": 6000},
            "rules_extend": {"1": {"content_limit_override": 200}},
            "kind_blacklist_add": [6],
        },
    ),
]


@pytest.mark.parametrize(("changes", "content"), ALLOWED)
def test_an_allowed_difference_becomes_a_contribution(
    changes: dict[str, Any], content: dict[str, Any]
) -> None:
    """Each kind of difference in section 8's list, and several at once."""
    assert of(changed(**changes)) == contribution(full=True, **content)


NO = "an admin cannot change it"
ADD = "an admin may only add keys to a list that has some"
RAISE = "an admin may only raise it where it is set"
TOO_LARGE = r"\pL{30}\pL{30}"
DENIED = "this is an owner or a policy admin, whom an admin cannot deny"
REFUSED: list[tuple[dict[str, Any], list[str]]] = [
    ({"rules/1/content_limit": 99}, [f"rules.1.content_limit: {RAISE}: 100 -> 99"]),
    ({"rules/1/content_limit": None}, [f"rules.1.content_limit: {RAISE}: 100 -> not set"]),
    ({"rules/7/content_limit": 5}, [f"rules.7.content_limit: {RAISE}: not set -> 5"]),
    ({"rules/1/max_age_of_event": 0}, [f"rules.1.max_age_of_event: {RAISE}: 60 -> 0"]),
    (
        {"rules/7/max_age_event_in_future": 5},
        [f"rules.7.max_age_event_in_future: {RAISE}: 0 -> 5"],
    ),
    (
        {"rules/1/write_allow": [BOB]},
        [f"rules.1.write_allow: {ADD}: added {BOB[:8]}… and removed {ALICE[:8]}…"],
    ),
    ({"rules/1/write_allow": []}, [f"rules.1.write_allow: {ADD}: removed {ALICE[:8]}…"]),
    ({"rules/1/write_allow": None}, [f"rules.1.write_allow: {ADD}: [{ALICE[:8]}…] -> not set"]),
    ({"rules/7/write_allow": [BOB]}, [f"rules.7.write_allow: {ADD}: [] -> [{BOB[:8]}…]"]),
    ({"rules/7/read_allow": [BOB]}, [f"rules.7.read_allow: {ADD}: not set -> [{BOB[:8]}…]"]),
    ({"rules/7/read_allow": []}, [f"rules.7.read_allow: {ADD}: not set -> []"]),
    ({"rules/7/write_deny": [BOB]}, [f"rules.7.write_deny: {ADD}: [] -> [{BOB[:8]}…]"]),
    (
        {"rules/1/read_deny": [CAROL, OWNER, DAVE, OTHER_ADMIN, ENVIRONMENT_OWNER]},
        [f"rules.1.read_deny[{i}]: {DENIED}" for i in (1, 3, 4)],
    ),
    ({"rules/1": None}, ["rules.1: an admin cannot remove a rule"]),
    (
        {"rules/1/script": "/bin/sh"},
        [f"rules.1.script: {NO}: a script -> another script"],
    ),
    ({"rules/1/script": None}, [f"rules.1.script: {NO}: a script -> none"]),
    ({"rules/7/script": "x"}, [f"rules.7.script: {NO}: none -> a script"]),
    (
        {"rules/9": {"script": "x", "write_deny": [ADMIN]}},
        [
            "rules.9.script: an admin's rule cannot name a script; remove it",
            f"rules.9.write_deny[0]: {DENIED}",
        ],
    ),
    (
        {"rules/9": {"identifier_regex": "a" * 1001, "tag_validation": {"d": TOO_LARGE}}},
        [
            f"rules.9.tag_validation.d: {TOO_LARGE!r} is not an RE2 regular expression: pattern "
            "too large - compile failed",
            "rules.9.identifier_regex: an admin's regular expression has at most 1000 characters",
        ],
    ),
    (
        {"rules/3": {}, "rules/5": {}},
        [
            "rules.3: an admin cannot add a rule for kind 3 (follow lists)",
            "rules.5: an admin cannot add a rule for kind 5 (deletions)",
        ],
    ),
    (
        {"kind/blacklist": [4, 22242]},
        ["kind.blacklist[1]: an admin cannot blacklist kind 22242 (authentication)"],
    ),
    (
        {"kind/whitelist": [1]},
        ["kind.whitelist: an admin may only add kinds to a list that has some: removed 7"],
    ),
    ({"kind/blacklist": []}, ["kind.blacklist: an admin may only add kinds: removed 4"]),
    ({"default_policy": "deny"}, [f"default_policy: {NO}: 'allow' -> 'deny'"]),
    ({"owners": [OWNER, ADMIN, BOB]}, [f"owners: {NO}: added {ADMIN[:8]}… {BOB[:8]}…"]),
    ({"policy_admins": [ADMIN]}, [f"policy_admins: {NO}: removed {OTHER_ADMIN[:8]}…"]),
    (
        {"policy_follow_whitelist_enabled": True},
        [f"policy_follow_whitelist_enabled: {NO}: false -> true"],
    ),
    (
        {"rules/1/description": "x" * 60},
        [f"rules.1.description: {NO}: 'notes' -> '{'x' * 60}'"],
    ),
    (
        {"rules/1/description": "x" * 61},
        [f"rules.1.description: {NO}: 'notes' -> '{'x' * 60}…'"],
    ),
    (
        {"rules/1/must_have_tags": ["a", "b", "c", "d"]},
        [f"rules.1.must_have_tags: {NO}: added a b c and 1 more and removed p"],
    ),
    (
        {"rules/1/write_allow_follows": False},
        ["rules.1.write_allow_follows: an admin may only switch it on: true -> false"],
    ),
    ({"rules/7/privileged": True}, [f"rules.7.privileged: {NO}: false -> true"]),
    ({"rules/1/identifier_regex": "^b$"}, [f"rules.1.identifier_regex: {NO}: '^a$' -> '^b$'"]),
    (
        {"rules/1/max_expiry_duration": "P2D"},
        [f"rules.1.max_expiry_duration: {NO}: 'P1D' -> 'P2D'"],
    ),
    (
        {"rules/1/tag_validation": {}},
        [f"rules.1.tag_validation: {NO}: {{t: '^b$', u: '^c$'}} -> {{}}"],
    ),
    ({"global/rate_limit": 11}, [f"global.rate_limit: {NO}: 10 -> 11"]),
    (
        {"global/read_allow_permissive": True},
        [f"global.read_allow_permissive: {NO}: false -> true"],
    ),
]


@pytest.mark.parametrize(("changes", "expected"), REFUSED)
def test_any_other_difference_is_refused(changes: dict[str, Any], expected: list[str]) -> None:
    """With its place, its old and its new value."""
    assert refused(changed(**changes)) == expected


def test_all_offending_places_are_named_and_nothing_is_told() -> None:
    """Whoever sends `{}` sees where the owner's policy says something, but no key and no path."""
    shown = refused({})
    assert [line.split(":")[0] for line in shown] == [
        "kind.whitelist",
        "kind.blacklist",
        "global.size_limit",
        "global.rate_limit",
        "global.write_deny",
        "rules.1",
        "rules.7",
        "owners",
        "policy_admins",
    ]
    everything = "\n".join(shown + refused(changed(**{"rules/1": {}})))
    assert "spam" not in everything
    assert not any(key in everything for key in (ALICE, BOB, CAROL, OWNER, ADMIN))


def test_keys_within_texts_are_shortened_too() -> None:
    """A regular expression or a description may hold one."""
    own = changed(**{"rules/7/description": f"only {ALICE}", "rules/7/identifier_regex": BOB})
    everything = "\n".join(refused(changed(), own))
    assert ALICE[:9] not in everything
    assert BOB[:9] not in everything
    assert f"only {ALICE[:8]}…" in everything


def test_a_whitelist_that_was_empty_cannot_be_begun() -> None:
    """It would close all other kinds; a blacklist may be begun."""
    own = changed(kind={})
    assert refused(changed(kind={"whitelist": [1]}), own) == [
        "kind.whitelist: an admin may only add kinds to a list that has some: [] -> [1]"
    ]
    made = of(changed(kind={"blacklist": [1]}), own)
    assert made.kind_blacklist_add == (1,)


def test_what_the_global_rule_may_have_it_may_have_where_there_was_none() -> None:
    """Switching follows on is allowed, a limit is not; an empty global rule is none."""
    own = changed(**{"global": None})
    assert of(changed(**{"global": {}}), own).adds_nothing
    made = of(changed(**{"global": {"write_allow_follows": True}}), own)
    assert made.global_extend == Extension(write_allow_follows=True)
    assert refused(changed(**{"global": {"size_limit": 5}}), own) == [
        f"global.size_limit: {RAISE}: not set -> 5"
    ]


def test_order_and_repetition_are_no_difference() -> None:
    """A client may write a list anew."""
    full = changed(**{"kind/whitelist": [7, 1, 7], "rules/1/read_allow": [BOB, ALICE, BOB]})
    assert of(full) == contribution(full=True)


@pytest.mark.parametrize(
    ("other", "same"),
    [
        ({"must_have_tags": ["d", "p", "d"], "size_limit": 5}, True),
        ({"must_have_tags": ["p"], "size_limit": 5}, False),
        ({"must_have_tags": ["p", "d"], "size_limit": 6}, False),
        ({"must_have_tags": ["p", "d"], "size_limit": 5, "write_allow": []}, False),
    ],
)
def test_rules_mean_the_same_whatever_the_order_of_lists(
    other: dict[str, Any], same: bool
) -> None:
    """Each of their fields counts."""
    one = policy(rules={"1": {"must_have_tags": ["p", "d"], "size_limit": 5}}).rules[1]
    assert mean_the_same(one, policy(rules={"1": other}).rules[1]) is same


@many
@given(policies())
def test_the_owners_policy_itself_adds_nothing(content: dict[str, Any]) -> None:
    """Without a difference there is a contribution, and it is empty."""
    made = of(content, content)
    assert made.adds_nothing
    assert made == contribution(full=True)


_PLACES = ("global", "kind", "rules/0", "rules/1", "rules/4", "rules/30023", "owners")


@many
@given(policies(), CONTENTS, policies(), st.sets(st.sampled_from(_PLACES), max_size=1))
def test_nothing_that_differs_goes_through_unseen(
    own: dict[str, Any], content: dict[str, Any], other: dict[str, Any], taken: set[str]
) -> None:
    """A full policy is refused, or what the contribution adds makes the owner's into it.

    The full policies are the owner's with a contribution written in, and a place of another.
    """
    full = unstructure_policy(_with(structure_policy(own), contribution(**content)))
    for place in taken:
        key, _, kind = place.partition("/")
        if kind and kind in other["rules"]:
            full.setdefault("rules", {})[kind] = other["rules"][kind]
        elif not kind and key in other:
            full[key] = other[key]
    assume(_is_a_policy(full))
    try:
        made = of(full, own)
    except InvalidPolicy:
        event("refused")
        return
    event(f"allowed: {'nothing' if made.adds_nothing else 'something'}")
    assert _sets(_with(structure_policy(own), made)) == _sets(structure_policy(full))


def _is_a_policy(value: object) -> bool:
    try:
        structure_policy(value)
    except InvalidPolicy:
        return False
    return True


def _with(policy_: Policy, made: Contribution) -> Policy:
    """The owner's policy with a contribution written into it, field by field."""
    rules = {
        kind: _extended(rule, made.rules_extend.get(kind)) for kind, rule in policy_.rules.items()
    }
    global_rule = _extended(policy_.global_rule or GlobalRule(), made.global_extend)
    return attrs.evolve(
        policy_,
        kind=KindLists(
            whitelist=policy_.kind.whitelist + made.kind_whitelist_add,
            blacklist=policy_.kind.blacklist + made.kind_blacklist_add,
        ),
        rules={**rules, **made.rules_add},
        global_rule=global_rule,
    )


def _extended(rule: Any, extension: Extension | None) -> Any:
    changes: dict[str, Any] = {}
    for name, value in attrs.asdict(extension or Extension()).items():
        field = name.removesuffix("_add").removesuffix("_override")
        if value and name.endswith("_add"):
            changes[field] = (getattr(rule, field) or ()) + value
        elif value is not None and value is not False and value != ():
            changes[field] = value
    return attrs.evolve(rule, **changes)


def _sets(policy_: Policy) -> Any:
    """A policy as JSON in which lists are sets, and an empty global rule is none."""

    def plain(value: Any) -> Any:
        if isinstance(value, list):
            return frozenset(value)
        if isinstance(value, dict):
            return {key: plain(member) for key, member in value.items()}
        return value

    made = plain(unstructure_policy(policy_))
    return {key: value for key, value in made.items() if value or key != "global"}


def test_the_table_names_fields_that_are_there() -> None:
    """Each row is a field of a rule or of the kind lists, and goes to one of an extension."""
    of_rules = {field.name for field in attrs.fields(Rule)}
    of_extensions = {field.name for field in attrs.fields(Extension)}
    assert {each.name for each in IN_A_RULE} <= of_rules
    assert {each.extending for each in IN_A_RULE} == of_extensions
    assert [each.name for each in IN_KIND_LISTS] == ["whitelist", "blacklist"]


def test_the_contribution_is_the_events() -> None:
    """Author, time, id and size come along, and that it was a full policy."""
    made = of(OWN, content_bytes=5)
    assert (made.admin, made.created_at, made.event_id) == (ADMIN, NOW, EVENT_ID)
    assert (made.size_bytes, of(OWN).size_bytes) == (5, len(made.canonical))
    assert made.is_full_policy
    assert policy().policy_admins == (ADMIN, OTHER_ADMIN)
