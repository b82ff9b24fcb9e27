"""Contributions as data: reading with all problems, and writing what has a meaning."""

import contextlib
import json
from typing import Any

import pytest
from examples import ADMIN, ALICE, BOB, NOW
from hypothesis import given
from hypothesis import strategies as st
from strategies import json_values, keys, kinds, many, rules, some, some_of

from orly_policy_plugin.authority import (
    CONTRIBUTION_KEYS,
    Contribution,
    Extension,
    read_contribution,
    unstructure_contribution,
)
from orly_policy_plugin.policy import InvalidPolicy, Rule

from .making import EVENT_ID, contribution

_key_lists = st.lists(keys, max_size=3)
_limits = st.integers(0, 2**63 - 1)
EXTENSIONS = some_of(
    {
        "write_allow_add": _key_lists,
        "write_deny_add": _key_lists,
        "read_allow_add": _key_lists,
        "read_deny_add": _key_lists,
        "size_limit_override": _limits,
        "content_limit_override": _limits,
        "max_age_of_event_override": _limits,
        "max_age_event_in_future_override": _limits,
        "write_allow_follows": st.booleans(),
        "follows_whitelist_admins_add": _key_lists,
    },
    4,
)
CONTENTS = some_of(
    {
        "kind_whitelist_add": st.lists(kinds, max_size=3),
        "kind_blacklist_add": st.lists(kinds, max_size=3),
        "rules_extend": st.dictionaries(kinds.map(str), EXTENSIONS, max_size=2),
        "rules_add": st.dictionaries(kinds.map(str), rules(), max_size=2),
        "global_extend": EXTENSIONS,
    },
    4,
)


def read(value: object) -> Contribution:
    return read_contribution(value, admin=ADMIN, created_at=NOW, event_id=EVENT_ID)


def refused(value: object) -> list[str]:
    with pytest.raises(InvalidPolicy) as error:
        read(value)
    return str(error.value).split("\n")


def test_every_field_is_read() -> None:
    """What the content says stands in the contribution under the same names."""
    extension = {
        "write_allow_add": [ALICE.upper()],
        "write_deny_add": [],
        "read_allow_add": [ALICE],
        "read_deny_add": [ALICE],
        "size_limit_override": 1,
        "content_limit_override": 2,
        "max_age_of_event_override": 3,
        "max_age_event_in_future_override": 0,
        "write_allow_follows": True,
        "follows_whitelist_admins_add": [ALICE],
    }
    made = Extension(
        write_allow_add=(ALICE,),
        read_allow_add=(ALICE,),
        read_deny_add=(ALICE,),
        size_limit_override=1,
        content_limit_override=2,
        max_age_of_event_override=3,
        max_age_event_in_future_override=0,
        write_allow_follows=True,
        follows_whitelist_admins_add=(ALICE,),
    )
    assert read(
        {
            "kind_whitelist_add": [1, 2],
            "kind_blacklist_add": [3],
            "rules_extend": {"1": extension},
            "rules_add": {"7": {"content_limit": 5}},
            "global_extend": extension,
        }
    ) == Contribution(
        admin=ADMIN,
        created_at=NOW,
        event_id=EVENT_ID,
        kind_whitelist_add=(1, 2),
        kind_blacklist_add=(3,),
        rules_extend={1: made},
        rules_add={7: Rule(content_limit=5)},
        global_extend=made,
    )


@pytest.mark.parametrize("value", [{}, {"rules_extend": None}, {"_note": 1, "$x": [1]}])
def test_comments_and_nulls_say_nothing(value: object) -> None:
    """As in a policy, they are as good as not written."""
    assert read(value).adds_nothing


def test_what_is_in_a_list_twice_is_there_once() -> None:
    """Keys and kinds, in the order in which they come."""
    given = {
        "kind_whitelist_add": [2, 1, 2],
        "kind_blacklist_add": [3, 3],
        "global_extend": {"write_deny_add": [BOB, ALICE, BOB.upper()]},
    }
    assert read(given) == contribution(
        kind_whitelist_add=[2, 1],
        kind_blacklist_add=[3],
        global_extend={"write_deny_add": [BOB, ALICE]},
    )


def test_what_the_event_says_cannot_be_said_again() -> None:
    """Whoever `admin_pubkey` in the content names, of whatever type, the event's author counts."""
    lies = {"admin_pubkey": ALICE, "created_at": 2**70, "event_id": ["../../policy.json"]}
    assert read(lies) == contribution()


def test_all_problems_come_at_once_with_their_places() -> None:
    """A newcomer sees every mistake, where it is and what would be right."""
    assert refused(
        {
            "rules_extend": {
                "1": {"write_allow": [ALICE], "size_limit_override": "5"},
                "01": {},
                "2": {"write_allow_add": ["x"]},
            },
            "rules_add": {"7": {"size_limit": -1, "identifier_regex": "("}},
            "kind_blacklist_add": [65536],
            "rules_ad": {},
            "owners": [],
            "xyz": 1,
        }
    ) == [
        "kind_blacklist_add[0]: 65536 is not a kind: kinds go from 0 to 65535",
        "rules_extend.1.size_limit_override: expected a whole number of bytes, "
        "found the text '5'; "
        "write it without quotes",
        "rules_extend.1.write_allow: unknown key; did you mean 'write_allow_add'?",
        "rules_extend.01: '01' is not a kind in plain digits; write '1'",
        "rules_extend.2.write_allow_add[0]: 'x' is not a public key: 64 hex characters or npub1…",
        "rules_add.7.size_limit: expected a number of bytes from 0 up, but -1 is negative",
        "rules_add.7.identifier_regex: '(' is not an RE2 regular expression: missing ): (",
        "owners: unknown key here; it belongs in a full policy, not in a contribution",
        "rules_ad: unknown key; did you mean 'rules_add'?",
        "xyz: unknown key; the keys of a contribution are kind_whitelist_add, "
        "kind_blacklist_add, rules_extend, rules_add, global_extend",
    ]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([], "expected an object in braces, found a list"),
        ("x", "expected an object in braces, found the text 'x'"),
        (
            {"global_extend": {"must_have_tags": ["p"]}},
            "global_extend.must_have_tags: unknown key here; it belongs in a kind of 'rules_add'",
        ),
        (
            {"write_deny_add": [ALICE]},
            "write_deny_add: unknown key here; it belongs in 'global_extend' or in a kind of "
            "'rules_extend'",
        ),
        (
            {"global_extend": {"kind_whitelist_add": [1]}},
            "global_extend.kind_whitelist_add: unknown key here; it belongs at the top of the "
            "contribution",
        ),
        (
            {"rules_add": {"7": {"identifier_regex": ""}}},
            "rules_add.7.identifier_regex: expected a regular expression, found an empty text",
        ),
        (
            {"rules_add": {"7": {"tag_validation": {"d": "a" * 1001}}}},
            "rules_add.7.tag_validation.d: an admin's regular expression has at most 1000 "
            "characters",
        ),
        (
            {"rules_add": {"7": {"tag_validation": {"d": r"\pL{30}\pL{30}"}}}},
            r"rules_add.7.tag_validation.d: '\\pL{30}\\pL{30}' is not an RE2 regular expression: "
            "pattern too large - compile failed",
        ),
    ],
)
def test_a_mistake_is_explained(value: object, message: str) -> None:
    """The message says what to do."""
    assert refused(value) == [message]


def test_an_admins_regular_expression_is_matched_with_so_much() -> None:
    """It may have a thousand characters, and 4,096 of an event come to it."""
    regex = contribution(rules_add={"7": {"identifier_regex": "a" * 1000}}).rules_add[7]
    assert regex.identifier_regex is not None
    assert not regex.identifier_regex.is_too_much(["a" * 4_000, "b" * 96])
    assert regex.identifier_regex.is_too_much(["a" * 4_000, "b" * 97])


def test_its_size_is_that_of_the_content() -> None:
    """Of its own JSON, where no event brought it."""
    sized = read_contribution({}, admin=ADMIN, created_at=NOW, event_id=EVENT_ID, content_bytes=5)
    assert sized.size_bytes == 5
    assert contribution().size_bytes == len(contribution().canonical)


def test_its_kinds_are_a_bit_each() -> None:
    """In lists and as rules."""
    made = contribution(
        kind_whitelist_add=[0, 7, 0],
        kind_blacklist_add=[8],
        rules_extend={"16": {}},
        rules_add={"65535": {}},
    )
    assert made.kinds == sum(1 << kind for kind in (0, 7, 8, 16, 65535))


@many
@given(json_values | st.dictionaries(st.sampled_from(sorted(CONTRIBUTION_KEYS)), json_values))
def test_any_json_is_a_contribution_or_invalid(value: object) -> None:
    """Nothing but InvalidPolicy is raised."""
    with contextlib.suppress(InvalidPolicy):
        assert isinstance(read(value), Contribution)


@some
@given(CONTENTS)
def test_writing_and_reading_changes_nothing(content: dict[str, Any]) -> None:
    """Canonical JSON is read as the same canonical JSON, and is JSON."""
    written = unstructure_contribution(read(content))
    assert unstructure_contribution(read(json.loads(json.dumps(written)))) == written


def test_only_what_has_a_meaning_is_written() -> None:
    """An empty extension, an empty list and an override of 0 raise and grant nothing; a new rule
    means something even where it is empty."""
    made = contribution(
        kind_whitelist_add=[],
        rules_extend={"1": {}, "2": {"size_limit_override": 0, "write_allow_add": []}},
        rules_add={"9": {}},
        global_extend={"write_allow_follows": False},
    )
    assert unstructure_contribution(made) == {
        "admin_pubkey": ADMIN,
        "created_at": NOW,
        "event_id": EVENT_ID,
        "rules_add": {"9": {}},
    }


def test_an_open_list_in_a_new_rule_survives() -> None:
    """`write_allow: []` grants everybody and is not the same as none."""
    made = contribution(rules_add={"9": {"write_allow": []}})
    assert unstructure_contribution(made)["rules_add"] == {"9": {"write_allow": []}}
