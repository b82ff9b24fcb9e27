"""Each field of a rule: what it lets through, what it denies, and in which words."""

# ruff: noqa: E501 -- one row of a table a line

from typing import Any

import pytest
import spec_model
from examples import ADMIN, ALICE, BOB, CAROL, DAVE, NOW, OWNER, STRANGER, AnEvent

from orly_policy_hookspecs import Decision, Verdict
from orly_policy_plugin.decisions import compile_policy
from orly_policy_plugin.policy import structure_policy

Json = dict[str, Any]
FOLLOWS = {BOB: frozenset({CAROL}), ADMIN: frozenset({DAVE})}


def decided(policy: Json, access: str, event: AnEvent | None = None, *keys: str) -> Decision:
    snapshot = compile_policy(structure_policy(policy), follows=FOLLOWS)
    ask = snapshot.write if access == "write" else snapshot.read
    return ask(event or AnEvent(), keys, NOW)


def said(policy: Json, access: str, event: AnEvent | None = None, *keys: str) -> str:
    """The rejection's message, or ``accept``."""
    decision = decided(policy, access, event, *keys)
    return "accept" if decision.accepted else decision.message


def own(**rule: Any) -> Json:
    return {"rules": {"1": rule}}


TAGGED = AnEvent(tags=[["t", "a"], ["p", ALICE]])
SIZE = spec_model.size(AnEvent())

CONSTRAINTS = [
    ("size_limit", SIZE, AnEvent(), "accept"),
    (
        "size_limit",
        SIZE - 1,
        AnEvent(),
        f"blocked: event is {SIZE} bytes, the limit{{}} is {SIZE - 1}",
    ),
    ("size_limit", 0, AnEvent(), f"blocked: event is {SIZE} bytes, the limit{{}} is 0"),
    ("content_limit", 5, AnEvent(), "accept"),
    ("content_limit", 4, AnEvent(), "blocked: content is 5 bytes, the limit{} is 4"),
    (
        "content_limit",
        5,
        AnEvent(content="héllo"),
        "blocked: content is 6 bytes, the limit{} is 5",
    ),
    ("content_limit", 0, AnEvent(content=""), "accept"),
    ("content_limit", 0, AnEvent(content="!"), "blocked: content is 1 byte, the limit{} is 0"),
    ("content_limit", 0, AnEvent(), "blocked: content is 5 bytes, the limit{} is 0"),
]
WRITE_CONSTRAINTS = [
    ("must_have_tags", ["t", "p"], TAGGED, "accept"),
    ("must_have_tags", ["t", "T", "d"], TAGGED, 'invalid: a "T" tag is required{}'),
    ("must_have_tags", ["d"], AnEvent(), 'invalid: a "d" tag is required{}'),
    ("must_have_tags", ["e"], AnEvent(), 'invalid: an "e" tag is required{}'),
    ("must_have_tags", ["expires"], AnEvent(), 'invalid: an "expires" tag is required{}'),
    ("must_have_tags", ["U"], AnEvent(), 'invalid: a "U" tag is required{}'),
    ("must_have_tags", [], AnEvent(), "accept"),
    ("allowed_tags", ["t", "p", "x"], TAGGED, "accept"),
    ("allowed_tags", ["t"], TAGGED, 'invalid: a "p" tag is not allowed{}'),
    ("allowed_tags", [], TAGGED, "accept"),
    ("max_expiry_duration", "PT1M", AnEvent(tags=[["expiration", str(NOW + 60)]]), "accept"),
    ("max_expiry_duration", "PT1M", AnEvent(tags=[["expiration", str(NOW - 60)]]), "accept"),
    ("max_expiry_duration", "PT1M", AnEvent(tags=[["expiration", f"+00{NOW}"]]), "accept"),
    ("max_expiry_duration", "PT1M", AnEvent(tags=[["expiration", "-0"]]), "accept"),
    ("max_expiry_duration", "PT1M", AnEvent(tags=[["expiration", str(NOW)], ["expiration", "x"]]), "accept"),
    ("max_expiry_duration", "PT1M", AnEvent(tags=[["expiration", str(NOW + 61)]]), "invalid: expiration is 61 seconds after created_at, the limit{} is 60"),
    ("max_expiry_duration", "PT1M", AnEvent(), "invalid: an expiration tag is required{}, at most 60 seconds after created_at"),
    *(
        ("max_expiry_duration", "P9Y", AnEvent(tags=[["expiration", value]]), f'invalid: expiration "{value}" is not a Unix time')
        for value in ("", "x", "1_0", " 1", "1 ", "1.0", "1e9", "٣", "+", "--1", "0x1", str(2**63), str(-(2**63) - 1), "9" * 60)
    ),
    ("max_expiry_duration", "P9Y", AnEvent(tags=[["expiration"]]), 'invalid: expiration "" is not a Unix time'),
    ("max_expiry", 60, AnEvent(tags=[["expiration", str(NOW + 60)]]), "accept"),
    ("max_expiry", 60, AnEvent(tags=[["expiration", str(NOW + 61)]]), "invalid: expiration is 61 seconds after created_at, the limit{} is 60"),
    ("max_expiry", 0, AnEvent(), "accept"),
    ("protected_required", True, AnEvent(tags=[["-"]]), "accept"),
    ("protected_required", True, AnEvent(tags=[["t", "-"]]), 'invalid: a "-" tag (NIP-70) is required{}'),
    ("protected_required", False, AnEvent(), "accept"),
    ("identifier_regex", "^a", AnEvent(tags=[["d", "ab"], ["d", "ac"]]), "accept"),
    ("identifier_regex", "^a", AnEvent(tags=[["d", "ab"], ["d", "b"]]), 'invalid: the value "b" of a "d" tag does not match "^a"{}'),
    ("identifier_regex", "^a", AnEvent(tags=[["d"]]), 'invalid: the value "" of a "d" tag does not match "^a"{}'),
    ("identifier_regex", "^$", AnEvent(tags=[["d"]]), "accept"),
    ("identifier_regex", "", None, ""),
    ("identifier_regex", "^a", AnEvent(), 'invalid: a "d" tag is required{}'),
    ("tag_validation", {"t": "^a"}, TAGGED, "accept"),
    ("tag_validation", {"x": "^a"}, TAGGED, "accept"),
    ("tag_validation", {"T": "^b"}, TAGGED, "accept"),
    ("tag_validation", {"t": "^b"}, TAGGED, 'invalid: the value "a" of a "t" tag does not match "^b"{}'),
    ("tag_validation", {"t": "^b"}, AnEvent(tags=[["t", "b"], ["t", "a", "b"]]), 'invalid: the value "a" of a "t" tag does not match "^b"{}'),
    ("tag_validation", {"t": "."}, AnEvent(tags=[["t"]]), 'invalid: the value "" of a "t" tag does not match "."{}'),
    ("max_age_of_event", 60, AnEvent(created_at=NOW - 60), "accept"),
    ("max_age_of_event", 60, AnEvent(created_at=NOW - 61), "invalid: created_at is 61 seconds ago, the limit{} is 60"),
    ("max_age_of_event", 0, AnEvent(created_at=0), "accept"),
    ("max_age_event_in_future", 60, AnEvent(created_at=NOW + 60), "accept"),
    ("max_age_event_in_future", 60, AnEvent(created_at=NOW + 61), "invalid: created_at is 61 seconds in the future, the limit{} is 60"),
    ("max_age_event_in_future", 0, AnEvent(created_at=2**62), "accept"),
]  # fmt: skip
WRITE_CONSTRAINTS = [row for row in WRITE_CONSTRAINTS if row[2] is not None]


@pytest.mark.parametrize(("field", "value", "event", "message"), CONSTRAINTS + WRITE_CONSTRAINTS)
def test_a_constraint_on_a_write(field: str, value: Any, event: AnEvent, message: str) -> None:
    """In the global rule and in a kind's own, with the limit and the value in the message."""
    assert said({"global": {field: value}}, "write", event) == message.format("")
    assert said(own(**{field: value}), "write", event) == message.format(" for kind 1")


@pytest.mark.parametrize(("field", "value", "event", "message"), CONSTRAINTS)
def test_sizes_hold_for_reads_too(field: str, value: Any, event: AnEvent, message: str) -> None:
    """A limit that was lowered hides what is stored and too big."""
    assert said(own(**{field: value}), "read", event) == message.format(" for kind 1")


@pytest.mark.parametrize(("field", "value", "event", "message"), WRITE_CONSTRAINTS)
def test_other_constraints_do_not_touch_reads(
    field: str, value: Any, event: AnEvent, message: str
) -> None:
    """Old events stay readable."""
    assert said(own(**{field: value}), "read", event) == "accept"


def test_the_duration_wins_over_the_seconds() -> None:
    """Where both stand, max_expiry_duration counts."""
    event = AnEvent(tags=[["expiration", str(NOW + 100)]])
    assert said(own(max_expiry=60, max_expiry_duration="PT2M"), "write", event) == "accept"
    assert said(own(max_expiry=120, max_expiry_duration="PT1M"), "write", event) != "accept"


WRITE_NO = "restricted: not allowed to write events of kind 1"
READ_NO = "restricted: not allowed to read events of kind 1"
WRITE_AUTH = "auth-required: authenticate to write events of kind 1"
READ_AUTH = "auth-required: authenticate to read events of kind 1"

# rule, access, who authenticated, answer (author is ALICE, who is named in no p tag)
ACCESS: list[tuple[Json, str, tuple[str, ...], str]] = [
    ({"write_deny": [BOB]}, "write", (BOB,), WRITE_NO),
    ({"write_deny": [BOB]}, "write", (CAROL, BOB), WRITE_NO),
    ({"write_deny": [BOB]}, "write", (CAROL,), "accept"),
    ({"write_deny": [BOB]}, "write", (), "accept"),
    ({"write_deny": [ALICE]}, "write", (), WRITE_NO),
    ({"write_deny": [ALICE]}, "write", (BOB,), WRITE_NO),
    ({"write_deny": [ALICE]}, "read", (ALICE,), "accept"),
    ({"read_deny": [ALICE]}, "read", (BOB,), "accept"),
    ({"read_deny": [ALICE]}, "read", (ALICE,), READ_NO),
    ({"read_deny": [ALICE]}, "write", (ALICE,), "accept"),
    ({"write_deny": [BOB], "write_allow": [BOB]}, "write", (BOB,), WRITE_NO),
    ({"write_deny": [BOB], "write_allow": [CAROL]}, "write", (BOB, CAROL), WRITE_NO),
    ({"write_allow": [BOB]}, "write", (BOB,), "accept"),
    ({"write_allow": [BOB]}, "write", (CAROL, BOB), "accept"),
    ({"write_allow": [BOB]}, "write", (ALICE,), WRITE_NO),
    ({"write_allow": [BOB]}, "write", (), WRITE_AUTH),
    ({"write_allow": [ALICE]}, "write", (), WRITE_AUTH),
    ({"write_allow": [BOB]}, "read", (), "accept"),
    ({"write_allow": []}, "write", (), "accept"),
    ({"read_allow": [BOB]}, "read", (BOB,), "accept"),
    ({"read_allow": [BOB]}, "read", (ALICE,), READ_NO),
    ({"read_allow": [BOB]}, "read", (), READ_AUTH),
    ({"read_allow": [BOB], "privileged": True}, "read", (ALICE,), "accept"),
    ({"read_allow": [BOB], "privileged": True}, "read", (BOB,), "accept"),
    ({"read_allow": [BOB], "privileged": True}, "read", (CAROL,), READ_NO),
    ({"read_allow": [], "privileged": True}, "read", (CAROL,), READ_NO),
    ({"privileged": True}, "read", (ALICE,), "accept"),
    ({"privileged": True}, "read", (CAROL, ALICE), "accept"),
    ({"privileged": True}, "read", (BOB,), READ_NO),
    ({"privileged": True}, "read", (), READ_AUTH),
    ({"privileged": True}, "write", (), "accept"),
    ({"privileged": True, "read_deny": [ALICE]}, "read", (ALICE,), READ_NO),
    ({"write_follows_whitelist": [BOB]}, "write", (BOB,), "accept"),
    ({"write_follows_whitelist": [BOB]}, "write", (CAROL,), "accept"),
    ({"write_follows_whitelist": [BOB]}, "write", (DAVE,), WRITE_NO),
    ({"write_follows_whitelist": [BOB]}, "write", (), WRITE_AUTH),
    ({"write_follows_whitelist": [BOB]}, "read", (), "accept"),
    ({"write_follows_whitelist": []}, "write", (), "accept"),
    ({"read_follows_whitelist": [BOB]}, "read", (CAROL,), "accept"),
    ({"read_follows_whitelist": [BOB]}, "read", (DAVE,), READ_NO),
    ({"read_follows_whitelist": [BOB]}, "read", (), READ_AUTH),
    ({"read_follows_whitelist": [BOB]}, "write", (), "accept"),
    ({"write_allow_if_tagged": [BOB]}, "write", (), WRITE_NO),
    ({"write_allow_if_tagged": [BOB]}, "write", (BOB,), WRITE_NO),
    ({"write_allow_if_tagged": [BOB], "write_allow": [CAROL]}, "write", (), WRITE_AUTH),
    ({"write_allow_if_tagged": [BOB], "write_allow": [CAROL]}, "write", (CAROL,), "accept"),
    ({"write_allow_if_tagged": []}, "write", (), "accept"),
    ({"follows_whitelist_admins": [BOB]}, "write", (CAROL,), "accept"),
    ({"follows_whitelist_admins": [BOB]}, "write", (), "accept"),
    ({"follows_whitelist_admins": [BOB], "write_allow": [DAVE]}, "write", (CAROL,), "accept"),
    ({"follows_whitelist_admins": [BOB], "write_allow": [DAVE]}, "write", (BOB,), WRITE_NO),
    ({"follows_whitelist_admins": [BOB], "write_deny": [CAROL]}, "write", (CAROL,), WRITE_NO),
    ({"follows_whitelist_admins": [BOB], "privileged": True}, "read", (CAROL,), "accept"),
]


@pytest.mark.parametrize(("rule", "access", "keys", "message"), ACCESS)
def test_who_may(rule: Json, access: str, keys: tuple[str, ...], message: str) -> None:
    """`restricted:` for somebody known, `auth-required:` where authenticating could help."""
    assert said(own(**rule), access, AnEvent(), *keys) == message


def test_a_party_is_the_author_or_named() -> None:
    """Private messages: the sender and each recipient, written in whatever case."""
    message = AnEvent(
        tags=[["p", BOB.upper()], ["e", CAROL], ["P", CAROL], ["p"], ["p", DAVE[:63]]]
    )
    policy = own(privileged=True)
    assert said(policy, "read", message, ALICE) == "accept"
    assert said(policy, "read", message, BOB) == "accept"
    assert said(policy, "read", message, CAROL) == READ_NO
    assert said(policy, "read", message, DAVE) == READ_NO
    assert said(policy, "read", message) == READ_AUTH


def test_a_tagged_event_passes() -> None:
    """write_allow_if_tagged looks at p tags alone, without regard to case."""
    policy = own(write_allow_if_tagged=[BOB])
    assert said(policy, "write", AnEvent(tags=[["p", BOB]])) == "accept"
    assert said(policy, "write", AnEvent(tags=[["p", BOB.upper()]])) == "accept"
    assert said(policy, "write", AnEvent(tags=[["e", BOB], ["p"], ["p", "x", BOB]])) == WRITE_NO


def test_a_denied_author_is_known_in_any_case() -> None:
    """A host that lets uppercase hex through opens no way around write_deny."""
    assert said(own(write_deny=[ALICE]), "write", AnEvent(pubkey=ALICE.upper())) == WRITE_NO


def test_follow_grants_need_the_switch() -> None:
    """write_allow_follows counts with policy_follow_whitelist_enabled only."""
    policy = own(write_allow_follows=True, write_allow=[BOB], read_allow=[BOB])
    policy |= {"policy_admins": [ADMIN]}
    on = policy | {"policy_follow_whitelist_enabled": True}
    assert said(policy, "write", AnEvent(), DAVE) == WRITE_NO
    assert said(on, "write", AnEvent(), DAVE) == "accept"
    assert said(on, "read", AnEvent(), DAVE) == "accept"
    assert said(on, "write", AnEvent(), CAROL) == WRITE_NO


@pytest.mark.parametrize(
    "constraint",
    [{"size_limit": 0}, {"content_limit": 0}, {"must_have_tags": ["d"]}, {"write_deny": [DAVE]}],
)
def test_a_grant_never_skips_a_constraint_or_a_denial(constraint: Json) -> None:
    """Follow lists skip allow lists and the default, nothing else."""
    grant = {"follows_whitelist_admins": [ADMIN], "write_allow": [BOB]}
    assert said(own(**grant), "write", AnEvent(), DAVE) == "accept"
    assert said(own(**grant, **constraint), "write", AnEvent(), DAVE) != "accept"
    policy = own(**grant) | {"global": constraint}
    assert said(policy, "write", AnEvent(), DAVE) != "accept"


@pytest.mark.parametrize(("access", "verb"), [("write", "write"), ("read", "read")])
def test_a_closed_default(access: str, verb: str) -> None:
    """It denies where nothing grants; where a follow list could, it asks to authenticate."""
    deny = {"default_policy": "deny"}
    closed = f"blocked: default_policy denies to {verb} this kind"
    opens = f"{access}_allow"
    assert said(deny, access) == closed
    assert said(deny | own(), access) == closed
    assert said(deny | own(size_limit=9_999), access) == closed
    assert said(deny | own(**{opens: []}), access) == "accept"
    assert said(deny | own(**{opens: []}), access, AnEvent(), CAROL) == "accept"
    assert said(deny | own(**{f"{access}_deny": [BOB]}), access) == "accept"
    assert said(deny | {"global": {opens: []}}, access) == closed
    assert said(deny | {"global": {f"{access}_deny": [BOB]}}, access, AnEvent(), CAROL) == closed
    assert said(deny | {"global": {opens: [BOB]}}, access, AnEvent(), BOB) == "accept"
    follows = {"follows_whitelist_admins": [BOB]}
    for policy in (deny | own(**follows), deny | {"global": follows}):
        assert said(policy, access) == f"auth-required: authenticate to {verb} this kind"
        assert said(policy, access, AnEvent(), DAVE) == closed
        assert said(policy, access, AnEvent(), CAROL) == "accept"


@pytest.mark.parametrize("access", ["write", "read"])
def test_the_default_may_be_vouched_against_and_a_rule_not(access: str) -> None:
    """default_policy is a fallback, also where it asks to authenticate; all else is a firm no."""
    deny = {"default_policy": "deny"}
    follows = own(follows_whitelist_admins=[BOB])
    for policy in (deny, deny | own(), deny | follows):
        assert decided(policy, access).verdict is Verdict.FALLBACK
    for rule in ({"size_limit": 0}, {f"{access}_allow": [BOB]}, {f"{access}_deny": [CAROL]}):
        assert decided(deny | own(**rule), access, AnEvent(), CAROL).verdict is Verdict.REJECT
        assert decided(deny | {"global": rule}, access, AnEvent(), CAROL).verdict is Verdict.REJECT
    for kind in ({"whitelist": [3]}, {"blacklist": [1]}):
        assert decided(deny | {"kind": kind}, access).verdict is Verdict.REJECT


def test_kind_lists() -> None:
    """A whitelist closes all other kinds; a blacklist counts only where there is none."""
    white = {"kind": {"whitelist": [1, 3], "blacklist": [1]}}
    black = {"kind": {"blacklist": [1]}}
    for access in ("write", "read"):
        assert said(white, access) == "accept"
        assert (
            said(white, access, AnEvent(kind=4)) == "blocked: kind 4 is not in the kind whitelist"
        )
        assert said(black, access) == "blocked: kind 1 is in the kind blacklist"
        assert said(black, access, AnEvent(kind=4)) == "accept"
        empty = {"kind": {"whitelist": [], "blacklist": []}}
        assert said(empty, access, AnEvent(kind=4)) == "accept"


def test_permissive_flags_lift_the_whitelist_for_one_access() -> None:
    """And never a blacklist."""
    for access, other in (("write", "read"), ("read", "write")):
        flag = {"global": {f"{access}_allow_permissive": True}}
        white = flag | {"kind": {"whitelist": [1], "blacklist": [4]}}
        assert said(white, access, AnEvent(kind=4)) == "accept"
        assert said(white, other, AnEvent(kind=4)).startswith("blocked: kind 4")
        black = flag | {"kind": {"blacklist": [4]}}
        assert said(black, access, AnEvent(kind=4)).startswith("blocked: kind 4")


def test_a_rule_does_not_open_a_kind_that_is_filtered() -> None:
    """A kind's own grant comes after the kind filter, and cannot undo it."""
    for kind in ({"whitelist": [3]}, {"blacklist": [1]}):
        policy = own(write_allow=[], read_allow=[]) | {"kind": kind}
        assert said(policy, "write").startswith("blocked: kind 1")
        assert said(policy, "read").startswith("blocked: kind 1")


def test_a_global_rule_narrows_every_kind() -> None:
    """A global no stands, whatever the kind's rule grants."""
    policy = own(write_allow=[]) | {"global": {"write_allow": [BOB]}}
    assert said(policy, "write", AnEvent(), CAROL) == "restricted: not allowed to write events"
    assert said(policy, "write") == "auth-required: authenticate to write events"
    assert said(policy, "write", AnEvent(kind=7), BOB) == "accept"


EVERYTHING = {
    "size_limit": 0,
    "content_limit": 0,
    "must_have_tags": ["zap"],
    "allowed_tags": ["zap"],
    "max_expiry_duration": "PT1S",
    "protected_required": True,
    "identifier_regex": "^x$",
    "tag_validation": {"t": "^x$"},
    "max_age_of_event": 1,
    "write_deny": [ALICE],
    "write_allow": [BOB],
}
FAILING = AnEvent(tags=[["t", "a"]], created_at=NOW - 100)


def test_within_a_rule_the_first_in_the_table_speaks() -> None:
    """Whatever the order in the file."""
    fields = list(EVERYTHING.items())
    starts = [
        "blocked: event",
        "blocked: content",
        'invalid: a "zap" tag is required',
        'invalid: a "t" tag is not allowed',
        "invalid: an expiration",
        'invalid: a "-" tag',
        'invalid: a "d" tag',
        'invalid: the value "a"',
        "invalid: created_at",
        "restricted:",
        "auth-required:",
    ]
    for i, start in enumerate(starts):
        backwards = dict(reversed(fields[i:]))
        assert said(own(**backwards), "write", FAILING).startswith(start)
        assert said({"global": backwards}, "write", FAILING).startswith(start)


def test_the_global_rule_speaks_first_then_the_kind_filter() -> None:
    """Then the kind's own rule, then the default."""
    policy = own(content_limit=1) | {
        "default_policy": "deny",
        "kind": {"blacklist": [1]},
        "global": {"write_allow": [BOB], "read_allow": [BOB]},
    }
    assert said(policy, "write") == "auth-required: authenticate to write events"
    assert said(policy, "write", AnEvent(), BOB) == "blocked: kind 1 is in the kind blacklist"
    policy["kind"] = {}
    assert said(policy, "write", AnEvent(), BOB).startswith("blocked: content is 5 bytes")
    policy["rules"] = {}
    assert said(policy, "write", AnEvent(), BOB) == "accept"
    policy["global"] = {}
    assert said(policy, "write", AnEvent(), BOB).startswith("blocked: default_policy")


def test_policy_events_are_for_owners_and_admins() -> None:
    """Before and instead of everything else."""
    event = AnEvent(kind=12345, pubkey=STRANGER)
    policy = {
        "owners": [OWNER],
        "policy_admins": [ADMIN],
        "global": {"read_deny": [OWNER]},
        "kind": {"blacklist": [12345]},
        "rules": {"12345": {"read_allow": [], "write_allow": []}},
    }
    assert said(policy, "read", event, OWNER) == "accept"
    assert said(policy, "read", event, ADMIN) == "accept"
    assert said(policy, "read", event, BOB, ADMIN) == "accept"
    only = "only owners and policy admins may read policy events"
    assert said(policy, "read", event, STRANGER) == f"restricted: {only}"
    assert said(policy, "read", event) == f"auth-required: {only}"
    not_stored = "blocked: policy events (kind 12345) are not stored"
    for keys in ((), (OWNER,), (ADMIN,), (STRANGER,)):
        assert said(policy, "write", event, *keys) == not_stored


def test_owners_of_the_environment_count_too() -> None:
    """Merged with the policy's own."""
    snapshot = compile_policy(structure_policy({"owners": [ALICE]}), owners=[OWNER])
    assert snapshot.owners == {ALICE, OWNER}
    for key in (ALICE, OWNER):
        assert snapshot.read(AnEvent(kind=12345), (key,), NOW).accepted
