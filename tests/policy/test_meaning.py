"""What a difference between two policies means: what is newly allowed, what is newly refused."""

from collections.abc import Iterable
from typing import Any

import pytest
from depth import times
from examples import ALICE, BOB, CAROL, NOW, AnEvent
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import accesses, events, follow_lists, kinds, policies, rules, submitters

from orly_policy_plugin.decisions import compile_policy
from orly_policy_plugin.policy import structure_policy
from orly_policy_plugin.policy.diff import Change, changes_of_meaning
from orly_policy_plugin.policy.diff.kinds import in_words

Json = dict[str, Any]


def changes(old: Json, new: Json) -> list[Change]:
    return changes_of_meaning(structure_policy(old), structure_policy(new))


def in_rule(**fields: Any) -> Json:
    return {"rules": {"1": fields}}


CLOSED = {"default_policy": "deny"}


@pytest.mark.parametrize(
    ("old", "new", "allowed", "refused"),
    [
        ({"content_limit": 1000}, {"content_limit": 3}, (), ("content of 4 to 1000 bytes",)),
        ({"content_limit": 3}, {"content_limit": 4}, ("content of 4 bytes",), ()),
        ({"content_limit": 3}, {}, ("content over 3 bytes",), ()),
        ({}, {"content_limit": 0}, (), ("content over 0 bytes",)),
        ({"size_limit": 9}, {"size_limit": 5}, (), ("events of 6 to 9 bytes",)),
        ({"max_age_of_event": 60}, {"max_age_of_event": 0}, ("writes over 60 s old",), ()),
        (
            {"max_age_event_in_future": 60},
            {"max_age_event_in_future": 90},
            ("writes dated 61 to 90 s ahead",),
            (),
        ),
        (
            {"must_have_tags": ["d", "t"]},
            {"must_have_tags": ["t", "p"]},
            ("writes without a d tag",),
            ("writes without a p tag",),
        ),
        ({}, {"allowed_tags": ["d"]}, (), ("writes with other tags than d",)),
        (
            {"allowed_tags": ["d", "t"]},
            {"allowed_tags": ["t", "p"]},
            ("writes with a p tag",),
            ("writes with a d tag",),
        ),
        ({"protected_required": True}, {}, ("writes without a - tag",), ()),
        (
            {"max_expiry": 60},
            {"max_expiry_duration": "PT2M"},
            ("writes that expire 61 to 120 s after created_at",),
            (),
        ),
        ({"rate_limit": 5}, {"rate_limit": 9}, ("writing at 6 to 9 bytes per second",), ()),
        ({"identifier_regex": "a"}, {"identifier_regex": "b"}, (), ()),
        ({"script": "a"}, {"script": "b"}, (), ()),
        (
            {},
            {"tag_validation": {"t": "a"}},
            (),
            ("writes with a t tag that does not match",),
        ),
        (
            {"tag_validation": {"t": "a", "d": "b"}},
            {"tag_validation": {"d": "b"}},
            ("writes with a t tag that does not match",),
            (),
        ),
        ({"tag_validation": {"t": "a"}}, {"tag_validation": {"t": "b"}}, (), ()),
        (
            {"write_allow": [ALICE]},
            {"write_allow": [ALICE, BOB]},
            (f"writes by {BOB}",),
            (),
        ),
        ({}, {"write_allow": [ALICE]}, (), ("writes by everybody else",)),
        ({"read_allow": [ALICE]}, {}, ("reads by everybody else",), ()),
        ({}, {"privileged": True}, (), ("reads by everybody else",)),
        (
            {},
            {"write_deny": [BOB]},
            (),
            (f"writes by {BOB} (as submitter or author)",),
        ),
        (
            {"read_deny": [BOB]},
            {},
            (f"reads by {BOB}",),
            (),
        ),
    ],
)
def test_each_field_says_what_it_allows_and_refuses(
    old: Json, new: Json, allowed: tuple[str, ...], refused: tuple[str, ...]
) -> None:
    """One place, and what its change lets in and keeps out; neither where nobody can tell."""
    [change] = changes(in_rule(**old), in_rule(**new))
    assert (change.allowed, change.refused) == (allowed, refused)
    [field] = {*old, *new} if len({*old, *new}) == 1 else {"max_expiry_duration"}
    assert change.place.startswith(f"rules.1.{field}")


def test_a_limit_in_two_fields_is_told_at_the_one_that_counts() -> None:
    """Now, or where none counts now, before."""
    old, new = in_rule(max_expiry=6), in_rule(max_expiry=6, max_expiry_duration="PT2M")
    [change], [back] = changes(old, new), changes(new, old)
    assert (change.place, change.old, change.new) == ("rules.1.max_expiry_duration", 6, "PT2M")
    assert (back.place, back.old, back.new) == ("rules.1.max_expiry", "PT2M", 6)


@pytest.mark.parametrize(
    ("old", "new", "allowed", "refused"),
    [
        (
            {"write_deny": [BOB], "write_allow": [BOB]},
            {"write_allow": [BOB]},
            (f"writes by {BOB} (as submitter or author)",),
            (),
        ),
        (
            {"write_deny": [BOB], "write_allow": [ALICE]},
            {"write_allow": [ALICE]},
            (f"writes by {BOB} (as submitter or author), where something else grants them",),
            (),
        ),
        ({}, {"write_allow": []}, ("writes by everybody",), ()),
        ({"write_allow": []}, {}, (), ("writes by everybody",)),
        (
            {},
            {"write_deny": [BOB]},
            ("writes by everybody else",),
            (f"writes by {BOB} (as submitter or author)",),
        ),
        ({}, {"follows_whitelist_admins": [CAROL]}, 2, 0),
        (
            {"write_allow": [ALICE]},
            {},
            ("writes by everybody else, where something else grants them",),
            (f"writes by {ALICE}",),
        ),
    ],
)
def test_where_the_default_denies_a_grant_counts(
    old: Json, new: Json, allowed: Any, refused: Any
) -> None:
    """What a rule grants is newly allowed, and what it leaves to the default is not."""
    [change] = changes(CLOSED | in_rule(**old), CLOSED | in_rule(**new))
    if isinstance(allowed, int):
        assert (len(change.allowed), len(change.refused)) == (allowed, refused)
    else:
        assert (change.allowed, change.refused) == (allowed, refused)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ({}, in_rule()),
        ({}, {"global": {}}),
        ({}, in_rule(write_allow=[])),
        ({}, in_rule(description="Notes")),
        (in_rule(must_have_tags=["d", "t"]), in_rule(must_have_tags=["t", "d", "d"])),
        (in_rule(max_expiry=86_400), in_rule(max_expiry_duration="P1D")),
        ({}, in_rule(write_allow_follows=True)),
        ({}, {"policy_follow_whitelist_enabled": True}),
        ({"default_policy": "deny"}, {"default_policy": "deny", "global": {"read_allow": []}}),
        ({"kind": {"whitelist": [1]}}, {"kind": {"whitelist": [1], "blacklist": [5]}}),
    ],
)
def test_other_words_for_the_same_are_no_difference(old: Json, new: Json) -> None:
    """Order, spelling, and what has no effect do not count."""
    assert changes(old, new) == []
    assert changes(new, old) == []


@pytest.mark.parametrize(
    ("old", "new", "allowed", "refused"),
    [
        ({}, {"whitelist": [1, 7]}, (), ("all kinds but 1, 7",)),
        ({"whitelist": [1]}, {"whitelist": [1, 2, 3]}, ("kinds 2 to 3",), ()),
        ({"blacklist": [4]}, {"blacklist": [5]}, ("kinds 4",), ("kinds 5",)),
        ({"blacklist": [4]}, {"whitelist": [4]}, ("kinds 4",), ("all kinds but 4",)),
    ],
)
def test_kind_lists_are_compared_by_what_passes(
    old: Json, new: Json, allowed: tuple[str, ...], refused: tuple[str, ...]
) -> None:
    """Whichever list says so."""
    [change] = changes({"kind": old}, {"kind": new})
    assert (change.place, change.allowed, change.refused) == ("kind", allowed, refused)
    assert (change.old, change.new) == (old, new)


def test_a_lifted_whitelist_is_told_for_its_access() -> None:
    """``read_allow_permissive`` lets all kinds be read, and no more be written."""
    old = {"kind": {"whitelist": [1]}}
    for access, doing in ("read", "reading"), ("write", "writing"):
        new = old | {"global": {f"{access}_allow_permissive": True}}
        [change] = changes(old, new)
        assert (change.allowed, change.refused) == ((f"{doing} all kinds but 1",), ())
        [change] = changes(new, old)
        assert (change.allowed, change.refused) == ((), (f"{doing} all kinds but 1",))


ALL_KINDS = 65_536


@pytest.mark.parametrize(
    ("some_kinds", "words"),
    [
        ((), ()),
        ((7,), ("kinds 7",)),
        ((1, 2, 3, 5, 6, 9), ("kinds 1 to 3, 5 to 6, 9",)),
        (range(ALL_KINDS // 2), ("kinds 0 to 32767",)),
        (range(ALL_KINDS // 2 + 1), ("all kinds but 32769 to 65535",)),
        (range(1, ALL_KINDS - 1), ("all kinds but 0, 65535",)),
        (range(ALL_KINDS), ("all kinds",)),
    ],
)
def test_kinds_are_told_in_few_words(some_kinds: Iterable[int], words: tuple[str, ...]) -> None:
    """As runs of numbers, and more than half of all by the others."""
    assert in_words(frozenset(some_kinds)) == words


@pytest.mark.parametrize(
    ("old", "new", "place", "shown"),
    [
        (in_rule(content_limit=5), in_rule(), "content_limit", (5, None)),
        (in_rule(must_have_tags=["t", "d"]), in_rule(), "must_have_tags", (["t", "d"], None)),
        (in_rule(identifier_regex="a"), in_rule(identifier_regex="b"), "identifier_regex", "ab"),
        (in_rule(tag_validation={"t": "a"}), in_rule(), "tag_validation.t", ("a", None)),
        (in_rule(max_expiry=6), in_rule(), "max_expiry", (6, None)),
        (in_rule(write_allow=[ALICE]), in_rule(), "write_allow", ([ALICE], None)),
        (in_rule(write_deny=[ALICE]), in_rule(), "write_deny", ([ALICE], [])),
        (in_rule(), in_rule(privileged=True), "privileged", (False, True)),
        (
            CLOSED | in_rule(write_allow_follows=True),
            CLOSED | in_rule(write_allow_follows=True) | {"policy_follow_whitelist_enabled": True},
            "write_allow_follows",
            (False, True),
        ),
    ],
)
def test_a_change_has_both_values(old: Json, new: Json, place: str, shown: Any) -> None:
    """As in the file; where a switch besides has to be on, whether both are."""
    for before, after, values in (old, new, shown), (new, old, reversed(shown)):
        [change] = changes(before, after)
        assert change.place == f"rules.1.{place}"
        assert (change.old, change.new) == tuple(values)


def test_owners_admins_and_the_default() -> None:
    """Who may change the policy, and what happens to what nothing decides."""
    old = {"owners": [ALICE], "default_policy": "allow"}
    new = {"owners": [BOB], "policy_admins": [CAROL], "default_policy": "deny"}
    no_rule = ("whatever no rule grants or denies",)
    by_alice, by_bob = (
        (f"policies sent, and policy events read, by {key}",) for key in (ALICE, BOB)
    )
    by_carol = (f"contributions sent, and policy events read, by {CAROL}",)
    assert changes(old, new) == [
        Change("default_policy", "allow", "deny", (), no_rule),
        Change("owners", [ALICE], [BOB], by_bob, by_alice),
        Change("policy_admins", [], [CAROL], by_carol, ()),
    ]
    assert changes(new, old) == [
        Change("default_policy", "deny", "allow", no_rule, ()),
        Change("owners", [BOB], [ALICE], by_alice, by_bob),
        Change("policy_admins", [CAROL], [], (), by_carol),
    ]


@pytest.mark.parametrize(
    ("around", "are_told"),
    [
        ({"policy_follow_whitelist_enabled": True, **in_rule(write_allow_follows=True)}, True),
        ({"policy_follow_whitelist_enabled": True, "global": {"write_allow_follows": True}}, True),
        ({"policy_follow_whitelist_enabled": True, **in_rule()}, False),
        (in_rule(write_allow_follows=True), False),
    ],
)
def test_an_admin_lets_in_whom_they_follow(around: Json, are_told: bool) -> None:
    """Where a rule asks for that and the switch is on."""
    old, new = around | {"policy_admins": [ALICE]}, around | {"policy_admins": [ALICE, BOB]}
    told = f"what write_allow_follows grants to those whom {BOB} follows"
    [allowed] = [each.allowed for each in changes(old, new) if each.place == "policy_admins"]
    [refused] = [each.refused for each in changes(new, old) if each.place == "policy_admins"]
    assert allowed == refused
    assert (told in allowed) is are_told


@st.composite
def similar(draw: st.DrawFn) -> tuple[Json, Json]:
    """Two policies that differ in a field or two, so that one often only allows more."""
    policy = draw(policies())
    kind = draw(st.none() | kinds.map(str))
    given_rules = policy["rules"]
    rule = (policy.get("global") if kind is None else given_rules.get(kind)) or {}
    other = draw(rules())
    names = draw(st.lists(st.sampled_from(sorted({*rule, *other}) or ["description"]), max_size=2))
    changed = dict(rule)
    for name in names:
        if name in other:
            changed[name] = other[name]
        else:
            changed.pop(name, None)
    if kind is None:
        return policy, policy | {"global": changed}
    return policy, policy | {"rules": given_rules | {kind: changed}}


def _accepts(policy: Json, follows: Any, access: str, event: AnEvent, keys: Any) -> bool:
    snapshot = compile_policy(structure_policy(policy), follows=follows)
    ask = snapshot.write if access == "write" else snapshot.read
    return ask(event, keys, NOW).accepted


@given(similar(), follow_lists, accesses, st.lists(st.tuples(events, submitters), min_size=4))
@settings(max_examples=times(30, 1_500))
def test_what_is_not_told_does_not_change(
    pair: tuple[Json, Json], follows: Any, access: str, asked: list[tuple[AnEvent, Any]]
) -> None:
    """Where nothing is newly refused, nothing is; where nothing is newly allowed, nothing is."""
    old, new = pair
    found = changes(old, new)
    cannot_tell = any(not (change.allowed or change.refused) for change in found)
    may_allow = cannot_tell or any(change.allowed for change in found)
    may_refuse = cannot_tell or any(change.refused for change in found)
    for event, keys in asked:
        before = _accepts(old, follows, access, event, keys)
        after = _accepts(new, follows, access, event, keys)
        assert may_allow or before or not after
        assert may_refuse or after or not before
