"""The steps of an explanation."""

# ruff: noqa: E501 -- one row of a table a line

from typing import Any

import attrs
import pytest
import spec_model
from examples import ADMIN, ALICE, BOB, CAROL, DAVE, NOW, OWNER, STRANGER, AnEvent

from orly_policy_plugin.authority import read_contribution
from orly_policy_plugin.decisions import (
    Action,
    Reply,
    Snapshot,
    Step,
    compile_policy,
    decided_at,
)
from orly_policy_plugin.policy import policy_version, structure_policy

Json = dict[str, Any]
FOLLOWS = {ADMIN: frozenset({CAROL})}


def steps(policy: Json, *keys: str, access: Any = "write") -> list[tuple[str, str]]:
    """Place and outcome of each."""
    snapshot = compile_policy(structure_policy(policy), follows=FOLLOWS)
    explanation = snapshot.explain(access, AnEvent(), keys, NOW)
    return [(step.place, step.outcome) for step in explanation.steps]


def test_every_condition_is_a_step_with_its_place() -> None:
    """In the order in which they are looked at, up to the one that denies."""
    policy = {
        "global": {"size_limit": 10_000, "write_deny": [BOB]},
        "kind": {"whitelist": [1]},
        "rules": {"1": {"content_limit": 4, "must_have_tags": ["p"]}},
        "default_policy": "deny",
    }
    assert steps(policy, CAROL) == [
        ("global.size_limit", "pass"),
        ("global.write_deny", "pass"),
        ("kind.whitelist", "pass"),
        ("rules.1.content_limit", "deny"),
    ]


def test_a_step_says_value_and_limit() -> None:
    """`5 bytes`, `at most 4`."""
    policy = structure_policy({"rules": {"1": {"content_limit": 4}}})
    explanation = compile_policy(policy).explain("write", AnEvent(), (), NOW)
    assert explanation.steps == (Step("rules.1.content_limit", "5 bytes", "at most 4", "deny"),)
    assert explanation.policy_version == policy_version(policy)


def test_each_way_to_be_let_in_is_a_step() -> None:
    """Those that do not match are named, and the one that does."""
    rule = {
        "follows_whitelist_admins": [ADMIN],
        "write_allow": [BOB],
        "write_allow_if_tagged": [BOB],
    }
    policy = {"rules": {"1": rule}}
    assert steps(policy, CAROL) == [("rules.1.follows_whitelist_admins", "grant")]
    assert steps(policy, BOB) == [
        ("rules.1.follows_whitelist_admins", "no match"),
        ("rules.1.write_allow", "grant"),
    ]
    assert steps(policy, ALICE) == [
        ("rules.1.follows_whitelist_admins", "no match"),
        ("rules.1.write_allow", "no match"),
        ("rules.1.write_allow_if_tagged", "deny"),
    ]


def test_what_lets_everybody_in_is_named() -> None:
    """The empty allow list or the deny list, not a follow list that did not match."""
    admins = {"follows_whitelist_admins": [ADMIN]}
    assert steps({"rules": {"1": {"write_allow": []} | admins}}, BOB) == [
        ("rules.1.follows_whitelist_admins", "no match"),
        ("rules.1.write_allow", "grant"),
    ]
    assert steps({"rules": {"1": {"write_deny": [ALICE]}}}, BOB) == [
        ("rules.1.write_deny", "deny")
    ]
    assert steps({"rules": {"1": {"read_deny": [ALICE]} | admins}}, BOB, access="read") == [
        ("rules.1.read_deny", "pass"),
        ("rules.1.follows_whitelist_admins", "no match"),
        ("rules.1.read_deny", "grant"),
    ]


def test_the_default_is_the_last_step() -> None:
    """Where nothing granted and nothing denied."""
    assert steps({}) == [("default_policy", "pass")]
    assert steps({"default_policy": "deny"}) == [("default_policy", "deny")]


def test_a_permissive_flag_is_named() -> None:
    """It is why the whitelist does not count."""
    policy = {"kind": {"whitelist": [3]}, "global": {"read_allow_permissive": True}}
    assert steps(policy, access="read") == [
        ("global.read_allow_permissive", "pass"),
        ("default_policy", "pass"),
    ]
    assert steps(policy) == [("kind.whitelist", "deny")]


# --- what a step says

SIZE = spec_model.size(AnEvent())
TAGGED = AnEvent(tags=[["t", "a"], ["p", ALICE], ["t", "ab"], ["d"]])
UNTAGGED = AnEvent()
MANY_TAGS = AnEvent(tags=[[name] for name in "abcdefghi"])


def expiring(value: str) -> AnEvent:
    return AnEvent(tags=[["expiration", value]])


# field, value, event, what was seen, the limit, outcome
CONSTRAINTS: list[tuple[str, Any, AnEvent, str, str, str]] = [
    ("size_limit", 5, AnEvent(), f"{SIZE} bytes", "at most 5", "deny"),
    ("content_limit", 1, AnEvent(content="x"), "1 byte", "at most 1", "pass"),
    ("must_have_tags", ["t", "e"], TAGGED, "d, p, t", "all of t, e", "deny"),
    ("must_have_tags", ["i"], MANY_TAGS, "a, b, c, d, e, f, g, h, and 1 more", "all of i", "pass"),
    ("must_have_tags", ["i"], UNTAGGED, "none", "all of i", "deny"),
    ("allowed_tags", ["t", "p", "d"], TAGGED, "d, p, t", "only d, p, t", "pass"),
    ("max_expiry", 60, expiring(str(NOW + 61)), "61 s after created_at", "at most 60 s after created_at", "deny"),
    ("max_expiry", 60, expiring("soon"), "expiration 'soon'", "at most 60 s after created_at", "deny"),
    ("max_expiry", 60, UNTAGGED, "no expiration tag", "at most 60 s after created_at", "deny"),
    ("protected_required", True, TAGGED, "d, p, t", 'a "-" tag', "deny"),
    ("identifier_regex", "^a", AnEvent(tags=[["d", "a1"], ["t", "x"], ["d", "a2"]]), "a1, a2", "a d tag, each matches ^a", "pass"),
    ("tag_validation", {"t": "^a", "e": "^x"}, TAGGED, "t: a, ab; e: none", "t matches ^a; e matches ^x", "pass"),
    ("max_age_of_event", 60, AnEvent(created_at=NOW - 61), "61 s ago", "at most 60 s ago", "deny"),
    ("max_age_event_in_future", 60, AnEvent(created_at=NOW + 5), "5 s from now", "at most 60 s from now", "pass"),
    ("max_age_event_in_future", 60, AnEvent(created_at=NOW - 5), "5 s ago", "at most 60 s from now", "pass"),
    ("rate_limit", 100, AnEvent(content="x" * (1_005 - SIZE)), "1000 bytes", "100 bytes per second", "pass"),
    ("rate_limit", 1, AnEvent(), f"{SIZE} bytes", "1 byte per second", "deny"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("field", "value", "event", "seen", "limit", "outcome"),
    CONSTRAINTS,
    ids=[f"{row[0]}: {row[3]}" for row in CONSTRAINTS],
)
def test_a_constraint_says_what_it_saw(
    field: str, value: Any, event: AnEvent, seen: str, limit: str, outcome: Any
) -> None:
    """In the words of the field: bytes, tags, seconds."""
    policy = structure_policy({"rules": {"1": {field: value}}})
    explained = compile_policy(policy).explain("write", event, (), NOW)
    assert Step(f"rules.1.{field}", seen, limit, outcome) in explained.steps
    assert explained.decision.accepted is (outcome == "pass")


DEFAULT = ("default_policy", "nothing granted, nothing denied", "allow", "pass")
SUBMITTER = f"submitter {BOB} and {CAROL}"
# policy, access, kind, all steps: of Alice's event, submitted or read by Bob and Carol
WHO: list[tuple[Json, str, int, list[tuple[str, str, str, str]]]] = [
    ({}, "write", 1, [DEFAULT]),
    ({"default_policy": "deny"}, "read", 1, [("default_policy", DEFAULT[1], "deny", "deny")]),
    ({"kind": {"whitelist": [1]}}, "read", 1, [("kind.whitelist", "kind 1", "in the whitelist", "pass"), DEFAULT]),
    ({"kind": {"whitelist": [3]}}, "read", 1, [("kind.whitelist", "kind 1", "in the whitelist", "deny")]),
    ({"kind": {"blacklist": [3]}}, "read", 1, [("kind.blacklist", "kind 1", "not in the blacklist", "pass"), DEFAULT]),
    ({"kind": {"blacklist": [1]}}, "read", 1, [("kind.blacklist", "kind 1", "not in the blacklist", "deny")]),
    (
        {"kind": {"whitelist": [3]}, "global": {"read_allow_permissive": True}}, "read", 1,
        [("global.read_allow_permissive", "kind 1", "the whitelist does not restrict this", "pass"), DEFAULT],
    ),
    (
        {"global": {"write_deny": [DAVE]}}, "write", 1,
        [("global.write_deny", f"{SUBMITTER}, author {ALICE}", "none of 1 key", "pass"), DEFAULT],
    ),
    ({"rules": {"1": {"read_deny": [BOB, DAVE]}}}, "read", 1, [("rules.1.read_deny", SUBMITTER, "none of 2 keys", "deny")]),
    (
        {"rules": {"1": {"read_allow": [DAVE], "privileged": True}}}, "read", 1,
        [
            ("rules.1.read_allow", SUBMITTER, "1 key", "no match"),
            ("rules.1.privileged", SUBMITTER, "the author and whom p tags name", "deny"),
        ],
    ),
    (
        {
            "policy_admins": [OWNER],
            "policy_follow_whitelist_enabled": True,
            "rules": {
                "1": {
                    "write_allow_if_tagged": [DAVE],
                    "write_follows_whitelist": [DAVE],
                    "write_allow": [DAVE, OWNER],
                    "follows_whitelist_admins": [DAVE, OWNER],
                    "write_allow_follows": True,
                }
            },
        }, "write", 1,
        [
            ("rules.1.write_allow_follows", SUBMITTER, "whom a policy admin follows", "no match"),
            ("rules.1.follows_whitelist_admins", SUBMITTER, "whom one of 2 keys follows", "no match"),
            ("rules.1.write_allow", SUBMITTER, "2 keys", "no match"),
            ("rules.1.write_follows_whitelist", SUBMITTER, "1 key and whom they follow", "no match"),
            ("rules.1.write_allow_if_tagged", SUBMITTER, "events that name one of 1 key in a p tag", "deny"),
        ],
    ),
    (
        {"rules": {"1": {"write_deny": [DAVE]}}}, "write", 1,
        [
            ("rules.1.write_deny", f"{SUBMITTER}, author {ALICE}", "none of 1 key", "pass"),
            ("rules.1.write_deny", SUBMITTER, "everybody else", "grant"),
        ],
    ),
    ({"rules": {"1": {"write_allow": []}}}, "write", 1, [("rules.1.write_allow", SUBMITTER, "everybody: the list is empty", "grant")]),
    ({"owners": [BOB]}, "read", 12345, [("owners, policy_admins", SUBMITTER, "1 key of owners and policy admins", "grant")]),
    ({}, "write", 12345, [("section 8", "kind 12345", "not kind 12345", "deny")]),
]  # fmt: skip


@pytest.mark.parametrize(("policy", "access", "kind", "expected"), WHO)
def test_all_steps_in_their_words(policy: Json, access: Any, kind: int, expected: Any) -> None:
    """What was looked at, what is asked, and what came of it."""
    snapshot = compile_policy(structure_policy(policy))
    explained = snapshot.explain(access, AnEvent(kind=kind), (BOB, CAROL), NOW)
    assert explained.steps == tuple(Step(*step) for step in expected)


def test_nobody_is_said_to_be_nobody() -> None:
    """Where nobody authenticated."""
    snapshot = compile_policy(structure_policy({"rules": {"1": {"read_allow": [BOB]}}}))
    [step] = snapshot.explain("read", AnEvent(), (), NOW).steps
    assert step.seen == "nobody authenticated"


GLOBAL, OWN = "global.script", "rules.1.script"
ACCEPTED = (Action.ACCEPT, "")
# the answers of the global rule's script and the kind's, default_policy, settings, steps
SCRIPTS: list[tuple[list[tuple[Action, str]], str, dict[str, bool], list[tuple[str, str, str]]]] = [
    ([ACCEPTED, ACCEPTED], "deny", {}, [(GLOBAL, "accept", "pass"), (OWN, "accept", "grant")]),
    ([(Action.REJECT, "no")], "allow", {}, [(GLOBAL, "reject: no", "deny")]),
    ([ACCEPTED, (Action.SHADOW_REJECT, "")], "allow", {}, [(GLOBAL, "accept", "pass"), (OWN, "shadowReject", "deny")]),
    (
        [(Action.FAILED, "dead"), (Action.FAILED, "")], "allow", {},
        [(GLOBAL, "failed: dead", "pass"), (OWN, "failed", "pass"), ("default_policy", DEFAULT[1], "pass")],
    ),
    ([(Action.FAILED, "dead")], "allow", {"failure_denies": True}, [(GLOBAL, "failed: dead", "deny")]),
    ([(Action.FAILED, "dead")], "deny", {}, [(GLOBAL, "failed: dead", "deny")]),
    ([(Action.OVERLOADED, "full")], "allow", {}, [(GLOBAL, "overloaded: full", "deny")]),
    ([], "deny", {}, [(GLOBAL, "failed: not asked", "deny")]),
]  # fmt: skip


@pytest.mark.parametrize(("replies", "default", "settings", "expected"), SCRIPTS)
def test_each_script_that_was_asked_is_a_step(
    replies: list[tuple[Action, str]], default: str, settings: dict[str, bool], expected: Any
) -> None:
    """With its answer, or with why there is none; the global one's grants nothing."""
    scripts = {"global": {"script": "g.sh"}, "rules": {"1": {"script": "k.sh"}}}
    policy = structure_policy({"default_policy": default, **scripts})
    given = [Reply(*reply) for reply in replies]
    explained = compile_policy(policy).explain("write", AnEvent(), (), NOW, given, **settings)
    assert [(step.place, step.seen, step.outcome) for step in explained.steps] == expected
    assert all(step.limit == "accept" for step in explained.steps if "script" in step.place)


# --- what admins add

OWNERS = {"owners": [OWNER], "policy_admins": [ADMIN], "policy_follow_whitelist_enabled": True}


def with_added(policy: Json, *contents: Json) -> Snapshot:
    """The policy with contributions whose event ids are 00…, 01…"""
    made = [
        read_contribution(content, admin=ADMIN, created_at=NOW + i, event_id=f"{i:02x}" * 32)
        for i, content in enumerate(contents)
    ]
    return compile_policy(
        structure_policy({**OWNERS, **policy}), follows=FOLLOWS, contributions=made
    )


def test_the_contribution_that_names_the_submitter_is_the_place() -> None:
    """Or the event's author, whom a write looks at; where none names them, the first is."""
    deny, allow, reads = ("write_deny_add", "write_allow_add", "read_deny_add")
    snapshot = with_added(
        {"rules": {"1": {"write_allow": [STRANGER]}}},
        {"rules_extend": {"1": {deny: [DAVE], allow: [DAVE], reads: [DAVE]}}},
        {"rules_extend": {"1": {deny: [BOB], allow: [CAROL], reads: [BOB]}}},
    )

    def told(author: str, *keys: str, access: Any = "write") -> list[tuple[str, str]]:
        explained = snapshot.explain(access, AnEvent(pubkey=author), keys, NOW)
        return [
            (step.place.removeprefix("contributions."), step.outcome) for step in explained.steps
        ]

    first, second = ("00" * 32 + ".rules_extend.1.", "01" * 32 + ".rules_extend.1.")
    for author, keys in ((ALICE, (BOB,)), (BOB, (ALICE,)), (BOB.upper(), (ALICE,))):
        assert told(author, *keys) == [(f"{second}{deny}", "deny")]
    assert told(ALICE, BOB, access="read") == [(f"{second}{reads}", "deny")]
    assert told(BOB, CAROL, access="read")[0] == (f"{first}{reads}", "pass")
    assert told(ALICE, CAROL) == [(f"{first}{deny}", "pass"), (f"{second}{allow}", "grant")]
    assert told(ALICE, ALICE) == [
        (f"{first}{deny}", "pass"),
        (f"{first}{allow}", "no match"),
        ("rules.1.write_allow", "deny"),
    ]
    limits = [step.limit for step in snapshot.explain("write", AnEvent(), (ALICE,), NOW).steps]
    assert limits == ["none of 2 keys", "2 keys", "1 key"]


@pytest.mark.parametrize(
    ("overrides", "raised_by", "limit"),
    [((9,), "", 10), ((10,), "", 10), ((11,), "00", 11), ((11, 12, 12), "01", 12)],
)
def test_a_raised_limit_is_where_it_was_raised(
    overrides: tuple[int, ...], raised_by: str, limit: int
) -> None:
    """In the first of the contributions that raise it most; the owner's unless one is larger."""
    extensions: list[Json] = [{"1": {"content_limit_override": each}} for each in overrides]
    policy = {"rules": {"1": {"content_limit": 10, "max_age_of_event": 60}}}
    snapshot = with_added(policy, *({"rules_extend": each} for each in extensions))
    added = f"contributions.{raised_by * 32}.rules_extend.1.content_limit_override"
    step, age, _ = snapshot.explain("write", AnEvent(), (), NOW).steps
    assert step.place == (added if raised_by else "rules.1.content_limit")
    assert step.limit == f"at most {limit}"
    assert age.place == "rules.1.max_age_of_event"


def test_an_admins_rule_says_whom_it_is_not_for() -> None:
    """What it denies does not count for owners and admins, and the steps say so."""
    rule = {"content_limit": 4, "max_age_of_event": 60, "write_deny": [DAVE], "rate_limit": 1}
    members = {"write_allow": [DAVE], "follows_whitelist_admins": [ADMIN]}
    snapshot = with_added({}, {"rules_add": {"7": rule, "8": members}})
    place, theirs = (f"contributions.{'00' * 32}.rules_add.{kind}" for kind in (7, 8))
    but = " (an admin's rule: not for owners and admins)"

    def told(*keys: str) -> tuple[Step, ...]:
        return snapshot.explain("write", AnEvent(kind=7, created_at=NOW - 9), keys, NOW).steps

    denied = Step(f"{place}.content_limit", "5 bytes", f"at most 4{but}", "deny")
    assert told(BOB) == (denied,)
    submitter = f"submitter {OWNER}"
    assert told(OWNER) == (
        attrs.evolve(denied, outcome="pass"),
        Step(f"{place}.max_age_of_event", "9 s ago", f"at most 60 s ago{but}", "pass"),
        Step(f"{place}.write_deny", f"{submitter}, author {ALICE}", f"none of 1 key{but}", "pass"),
        Step(f"{place}.write_deny", submitter, f"one of: everybody else{but}", "grant"),
        Step(f"{place}.rate_limit", f"{SIZE} bytes", "1 byte per second", "pass"),
    )
    owners = AnEvent(kind=7, created_at=NOW - 9, pubkey=OWNER)
    assert snapshot.explain("write", owners, (BOB,), NOW).decision.accepted
    assert snapshot.explain("write", AnEvent(kind=8), (BOB,), NOW).steps == (
        Step(
            f"{theirs}.follows_whitelist_admins, {theirs}.write_allow",
            f"submitter {BOB}",
            f"one of: whom one of 1 key follows, 1 key{but}",
            "deny",
        ),
    )


@pytest.mark.parametrize(
    ("policy", "keys", "place"),
    [
        ({}, (), "default_policy"),
        ({"default_policy": "deny"}, (), "default_policy"),
        ({"rules": {"1": {"content_limit": 4}}}, (), "rules.1.content_limit"),
        ({"rules": {"1": {"write_allow": [BOB]}}}, (BOB,), "rules.1.write_allow"),
        (
            {"global": {"write_allow": [BOB]}, "rules": {"1": {"write_deny": [CAROL]}}},
            (BOB,),
            "rules.1.write_deny",
        ),
        (
            {"global": {"write_allow": [BOB]}, "rules": {"1": {"content_limit": 9}}},
            (BOB,),
            "global.write_allow",
        ),
        (
            {"global": {"write_allow": [BOB]}, "rules": {"1": {"content_limit": 4}}},
            (BOB,),
            "rules.1.content_limit",
        ),
    ],
)
def test_the_place_that_decided(policy: Json, keys: tuple[str, ...], place: str) -> None:
    """What denied; where nothing did, what granted last; else the default."""
    explanation = compile_policy(structure_policy(policy)).explain("write", AnEvent(), keys, NOW)
    assert decided_at(explanation) == place
