"""What can be said of a reader before any event is seen. The law is in test_contributed_laws.py."""

# ruff: noqa: E501 -- one row of a table a line

from typing import Any

import pytest
from examples import ADMIN, ALICE, BOB, CAROL, DAVE, NOW, OWNER

from orly_policy_hookspecs.reading import Sizes
from orly_policy_plugin.authority import read_contribution
from orly_policy_plugin.decisions import Scopes, compile_policy
from orly_policy_plugin.decisions.foreseen import MOST_READERS
from orly_policy_plugin.policy import structure_policy

Json = dict[str, Any]

NOT_THESE = "restricted: not allowed to read events of kind {}"
NOBODY_YET = "auth-required: authenticate to read events of kind {}"
BY_DEFAULT = "blocked: default_policy denies to read this kind"
BY_KIND = "blocked: this kind is not allowed here"
LOG_IN = "auth-required: authenticate to read this kind"
FOR_ADMINS = "only owners and policy admins may read policy events"

POLICY: Json = {
    "owners": [OWNER],
    "policy_admins": [ADMIN],
    "rules": {
        "1": {"read_allow": [ALICE]},
        "2": {"privileged": True},
        "3": {"size_limit": 100},
        "4": {"script": "x"},
        "6": {"read_deny": [BOB]},
        "7": {"read_allow": [ALICE], "privileged": True},
        "8": {},
        "9": {"read_follows_whitelist": [DAVE]},
        "10": {"follows_whitelist_admins": [DAVE]},
    },
}
"""Everything that an owner may say of a kind's readers."""
ADDED: Json = {
    "kind_blacklist_add": [20],
    "rules_extend": {"6": {"read_allow_add": [ALICE]}, "8": {"read_deny_add": [BOB, OWNER]}},
    "rules_add": {
        "21": {"read_allow": [ALICE]},
        "22": {"privileged": True},
        "23": {"follows_whitelist_admins": [DAVE], "read_allow": [ALICE]},
        "24": {"read_deny": [BOB]},
        "25": {"read_follows_whitelist": [DAVE]},
        "26": {"follows_whitelist_admins": [DAVE]},
        "1059": {"read_allow": [ALICE]},
    },
}
"""Everything that an admin may."""


def scopes(default: str, *who: str) -> Scopes:
    """A reader's, under the policy with this ``default_policy`` and what the admin adds."""
    made = read_contribution(ADDED, admin=ADMIN, created_at=NOW, event_id="ee" * 32)
    snapshot = compile_policy(
        structure_policy(POLICY | {"default_policy": default}),
        follows={DAVE: {CAROL}},
        contributions=[made],
    )
    return snapshot.readers.scopes(who)


Foreseen = tuple[str, str, bool]
"""The denial of every event, that of those of which the reader is no party, and whether all other
events are granted.
"""
OPEN: Foreseen = ("", "", True)
TO_BE_ASKED: Foreseen = ("", "", False)
FOR_PARTIES: Foreseen = ("", NOT_THESE, True)

# default_policy, kind, who reads, what is foreseen
FORESEEN: list[tuple[str, int, tuple[str, ...], Foreseen]] = [
    ("allow", 1, (), (NOBODY_YET, "", False)),
    ("allow", 1, (BOB,), (NOT_THESE, "", False)),
    ("allow", 1, (BOB, ALICE), OPEN),
    ("allow", 2, (), (NOBODY_YET, "", False)),
    ("allow", 2, (BOB,), FOR_PARTIES),
    ("allow", 3, (), TO_BE_ASKED),
    ("allow", 4, (), TO_BE_ASKED),
    ("allow", 5, (), OPEN),
    ("allow", 6, (BOB,), (NOT_THESE, "", False)),
    ("allow", 6, (CAROL,), OPEN),
    ("allow", 7, (ALICE,), OPEN),
    ("allow", 7, (BOB,), FOR_PARTIES),
    ("allow", 8, (BOB,), (NOT_THESE, "", False)),
    ("allow", 8, (OWNER,), OPEN),
    ("allow", 9, (CAROL,), OPEN),
    ("allow", 9, (BOB,), (NOT_THESE, "", False)),
    ("allow", 10, (BOB,), OPEN),
    ("allow", 20, (), (BY_KIND, "", False)),
    ("allow", 20, (OWNER,), OPEN),
    ("allow", 21, (ALICE,), OPEN),
    ("allow", 21, (BOB,), (NOT_THESE, "", False)),
    ("allow", 21, (ADMIN,), OPEN),
    ("allow", 22, (BOB,), FOR_PARTIES),
    ("allow", 22, (OWNER,), OPEN),
    ("allow", 23, (CAROL,), OPEN),
    ("allow", 23, (), (NOBODY_YET, "", False)),
    ("allow", 24, (BOB,), (NOT_THESE, "", False)),
    ("allow", 24, (BOB, OWNER), OPEN),
    ("allow", 25, (DAVE,), OPEN),
    ("allow", 25, (CAROL,), OPEN),
    ("allow", 25, (BOB,), (NOT_THESE, "", False)),
    ("allow", 1059, (BOB,), (NOT_THESE, "", False)),
    ("allow", 12345, (), (f"auth-required: {FOR_ADMINS}", "blocked: policy events are not open", False)),
    ("allow", 12345, (BOB,), (f"restricted: {FOR_ADMINS}", "blocked: policy events are not open", False)),
    ("allow", 12345, (ADMIN,), OPEN),
    ("deny", 1, (ALICE,), OPEN),
    ("deny", 2, (BOB,), FOR_PARTIES),
    ("deny", 3, (), (BY_DEFAULT, BY_DEFAULT, False)),
    ("deny", 4, (), TO_BE_ASKED),
    ("deny", 5, (ALICE,), (BY_DEFAULT, BY_DEFAULT, False)),
    ("deny", 6, (CAROL,), OPEN),
    ("deny", 9, (CAROL,), OPEN),
    ("deny", 10, (), (LOG_IN, LOG_IN, False)),
    ("deny", 10, (BOB,), (BY_DEFAULT, BY_DEFAULT, False)),
    ("deny", 10, (CAROL,), OPEN),
    ("deny", 21, (ALICE,), OPEN),
    ("deny", 21, (OWNER,), (BY_DEFAULT, BY_DEFAULT, False)),
    ("deny", 22, (BOB,), (BY_DEFAULT, NOT_THESE, False)),
    ("deny", 23, (CAROL,), OPEN),
    ("deny", 24, (ALICE,), OPEN),
    ("deny", 25, (CAROL,), OPEN),
    ("deny", 26, (), (LOG_IN, LOG_IN, False)),
    ("deny", 1059, (ALICE,), (BY_DEFAULT, BY_DEFAULT, False)),
]  # fmt: skip


@pytest.mark.parametrize(("default", "kind", "who", "expected"), FORESEEN)
def test_what_is_foreseen_of_readers(
    default: str, kind: int, who: tuple[str, ...], expected: Foreseen
) -> None:
    """Nobody, the parties, everybody, or it is to be asked."""
    scope = scopes(default, *who).of_kind(kind)
    denials = (each.message if each else "" for each in (scope.denial, scope.denial_of_others))
    assert (*denials, scope.grants_rest) == tuple(
        part.format(kind) if isinstance(part, str) else part for part in expected
    )
    assert scope.tells_addresses_apart is (kind == 4)


# the global rule, the kind's rule, who reads, the sizes up to which nobody is asked
SIZES: list[tuple[Json, Json, tuple[str, ...], Sizes | None]] = [
    ({}, {}, (), None),
    ({}, {"size_limit": 100}, (), Sizes(100)),
    ({}, {"content_limit": 5}, (), Sizes(content=5)),
    ({"size_limit": 100}, {"size_limit": 200, "content_limit": 0}, (), Sizes(100, 0)),
    ({"size_limit": 200, "content_limit": 9}, {"size_limit": 100}, (), Sizes(100, 9)),
    ({"size_limit": 100}, {"privileged": True}, (BOB,), Sizes(100)),
    ({"size_limit": 100}, {"privileged": True}, (), None),
    ({"size_limit": 100}, {"read_allow": [ALICE]}, (BOB,), None),
    ({"size_limit": 100}, {"read_allow": [ALICE]}, (ALICE,), Sizes(100)),
    ({"size_limit": 100}, {"script": "x"}, (), None),
]


@pytest.mark.parametrize(("of_all", "of_kind", "who", "expected"), SIZES)
def test_sizes_of_which_nobody_need_be_asked(
    of_all: Json, of_kind: Json, who: tuple[str, ...], expected: Sizes | None
) -> None:
    """The smallest limits, where nothing else may refuse an event."""
    policy = structure_policy({"global": of_all, "rules": {"1": of_kind}})
    scope = compile_policy(policy).readers.scopes(who).of_kind(1)
    assert scope.grants_up_to == expected


def test_sizes_that_an_admin_limits_are_no_limits_to_an_owner() -> None:
    """Nobody need ask on his behalf at all."""
    added = {"rules_add": {"21": {"size_limit": 100}}}
    made = read_contribution(added, admin=ADMIN, created_at=NOW, event_id="ee" * 32)
    owned = structure_policy({"owners": [OWNER], "policy_admins": [ADMIN]})
    readers = compile_policy(owned, contributions=[made]).readers
    assert readers.scopes((BOB,)).of_kind(21).grants_up_to == Sizes(100)
    of_owner = readers.scopes((OWNER,)).of_kind(21)
    assert (of_owner.grants_rest, of_owner.grants_up_to) == (True, None)


def test_kinds_that_nothing_names_are_alike() -> None:
    """Those that something names are told."""
    made = scopes("allow", BOB)
    assert made.of_kind(5) is made.of_kind(40) is made.others
    named = {int(kind) for kind in (*POLICY["rules"], *ADDED["rules_add"])}
    assert named | {20, 12345} <= made.named
    assert not {5, 40} & made.named


def test_readers_are_worked_out_once() -> None:
    """As long as there are not too many: an attacker makes a key in no time."""
    readers = compile_policy(structure_policy(POLICY)).readers
    first = readers.scopes((ALICE,))
    again = first.of_kind(1)
    for number in range(MOST_READERS - 1):
        readers.scopes((f"{number:064x}",))
    assert readers.scopes((ALICE,)) is first
    assert first.of_kind(1) is again
    readers.scopes(())
    assert readers.scopes((ALICE,)) is not first
