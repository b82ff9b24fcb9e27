"""Every field of a policy file: wrong values are named with their place, right ones are taken."""

import json
from typing import Any

import pytest
from examples import ALICE
from strategies import NPUB, NPUB_HEX

from orly_policy_plugin.policy import InvalidPolicy, Policy, read_policy, structure_policy
from orly_policy_plugin.policy.values import read_members, whole_number

TEXT = [5, 1.5, True, [], {}, "\ud800"]
BOOLEAN = ["true", "false", "", 0, 1, 1.0, [], {}]
NUMBER = ["5", "", 1.5, 5.0, True, False, -1, 2**63, [], [5], {}, float("inf"), float("nan")]
KEY_LIST = [5, True, ALICE, {}, {ALICE: 1}]
KEY = [
    5,
    True,
    None,
    "",
    "a" * 63,
    "a" * 65,
    "g" * 64,
    ALICE + "\n",
    " " + ALICE,
    NPUB[:-1],
    NPUB[:-1] + "q",
    NPUB.replace("npub", "NPUB"),
    # Right checksums of 31, 33 and no bytes, and of another thing than a person.
    "npub1qurswpc8qurswpc8qurswpc8qurswpc8qurswpc8qurswpc8quckmx97",
    "npub1qurswpc8qurswpc8qurswpc8qurswpc8qurswpc8qurswpc8qursw4mkcx8",
    "npub106246s",
    "note1qurswpc8qurswpc8qurswpc8qurswpc8qurswpc8qurswpc8qurszx33xk",
    "nprofile1qqsrhuxx8l9ex335q7he0f09aej04zpazpl0ne2cgukyawd24mayt8gpp4mhxue69uhhytnc9e3k7mgpz4mhxue69uhkg6nzv9ejuumpv34kytnrdaksjlyr9p",
    [],
    {},
    [ALICE],
    "\ud800",
]
REGEX = [5, True, "", [], {}, "(", "[", "a**", "\\", r"(?=a)", r"(a)\1", "\ud800", "a{1001}"]
DURATION = [5, True, "", [], {}, "10m", "P", "PT", "-P1D", "PT0S"]
A_KEY = "a public key: 64 hex characters or npub1…"
NAMES = [5, "p", {}, True]
NAME = [5, "", "#p", None, [], {}, "\ud800"]
KINDS = [5, "1", {}, True]
KIND = ["1", 1.0, True, None, -1, 65536, 10**30, [], {}]

RULE_FIELDS: dict[str, list[Any]] = {
    "description": TEXT,
    "script": [*TEXT, "", "a\0b"],
    "size_limit": NUMBER,
    "content_limit": NUMBER,
    "must_have_tags": NAMES,
    "allowed_tags": NAMES,
    "max_expiry_duration": DURATION,
    "max_expiry": NUMBER,
    "protected_required": BOOLEAN,
    "identifier_regex": REGEX,
    "tag_validation": [5, "p", [], True],
    "max_age_of_event": NUMBER,
    "max_age_event_in_future": NUMBER,
    "rate_limit": NUMBER,
    "write_deny": KEY_LIST,
    "read_deny": KEY_LIST,
    "write_allow": KEY_LIST,
    "read_allow": KEY_LIST,
    "privileged": BOOLEAN,
    "write_allow_follows": BOOLEAN,
    "follows_whitelist_admins": KEY_LIST,
    "write_follows_whitelist": KEY_LIST,
    "read_follows_whitelist": KEY_LIST,
    "write_allow_if_tagged": KEY_LIST,
}
GLOBAL_FIELDS = {
    **RULE_FIELDS,
    "read_allow_permissive": BOOLEAN,
    "write_allow_permissive": BOOLEAN,
}
ELEMENTS: dict[str, list[Any]] = {
    **{name: KEY for name, wrong in RULE_FIELDS.items() if wrong is KEY_LIST},
    "must_have_tags": NAME,
    "allowed_tags": NAME,
}
TOP_FIELDS: dict[str, list[Any]] = {
    "kind": [5, [], "1", True],
    "global": [5, [], "1", True],
    "rules": [5, [], "1", True],
    "default_policy": ["Allow", "DENY", "denied", 5, True, [], {}],
    "owners": KEY_LIST,
    "policy_admins": KEY_LIST,
    "policy_follow_whitelist_enabled": BOOLEAN,
}


def problems(policy: object) -> list[str]:
    """The places of what is wrong with it."""
    with pytest.raises(InvalidPolicy) as caught:
        structure_policy(policy)
    assert all(problem.message for problem in caught.value.problems)
    return [problem.place for problem in caught.value.problems]


@pytest.mark.parametrize(("field", "values"), TOP_FIELDS.items())
def test_a_wrong_value_at_the_top(field: str, values: list[Any]) -> None:
    """The place is the key."""
    for value in values:
        assert problems({field: value}) == [field], value


@pytest.mark.parametrize(("field", "values"), RULE_FIELDS.items())
def test_a_wrong_value_in_a_rule(field: str, values: list[Any]) -> None:
    """The place names the kind and the key."""
    for value in values:
        assert problems({"rules": {"30023": {field: value}}}) == [f"rules.30023.{field}"], value


@pytest.mark.parametrize(("field", "values"), GLOBAL_FIELDS.items())
def test_a_wrong_value_in_the_global_rule(field: str, values: list[Any]) -> None:
    """The place begins with global."""
    for value in values:
        assert problems({"global": {field: value}}) == [f"global.{field}"], value


@pytest.mark.parametrize(("field", "values"), ELEMENTS.items())
def test_a_wrong_element_of_a_list(field: str, values: list[Any]) -> None:
    """The place has the element's number; nothing is skipped, which would open the relay."""
    right: object = "p" if field.endswith("tags") else ALICE
    for value in values:
        policy = {"rules": {"1": {field: [right, value, right, value]}}}
        assert problems(policy) == [f"rules.1.{field}[1]", f"rules.1.{field}[3]"], value


@pytest.mark.parametrize("field", ["owners", "policy_admins"])
def test_a_wrong_key_at_the_top(field: str) -> None:
    """Owners and admins are looked at like every other list of keys."""
    for value in KEY:
        assert problems({field: [value]}) == [f"{field}[0]"], value


@pytest.mark.parametrize("field", ["whitelist", "blacklist"])
def test_a_wrong_kind_list(field: str) -> None:
    """Neither a wrong list nor a wrong kind in it is taken."""
    for value in KINDS:
        assert problems({"kind": {field: value}}) == [f"kind.{field}"], value
    for value in KIND:
        assert problems({"kind": {field: [1, value]}}) == [f"kind.{field}[1]"], value


@pytest.mark.parametrize("regex", REGEX)
def test_a_wrong_regex_for_a_tag(regex: Any) -> None:
    """The place names the tag."""
    policy = {"rules": {"1": {"tag_validation": {"t": "a", "d": regex}}}}
    assert problems(policy) == ["rules.1.tag_validation.d"]


@pytest.mark.parametrize(
    "key",
    [
        "",
        " 1",
        "1 ",
        "+1",
        "-1",
        "01",
        "00",
        "1.0",
        "0x1",
        "1_0",
        "٣",
        "65536",
        "1234567890",
        "9" * 5000,
        "one",
        "²",
    ],
)
def test_a_wrong_key_of_rules(key: str) -> None:
    """Kinds are plain digits without a leading zero, from 0 to 65535."""
    (place,) = problems({"rules": {key: {}}})
    assert place == (f"rules.{key}" if key else "rules")


@pytest.mark.parametrize("key", ["0", "1", "10", "65535"])
def test_a_right_key_of_rules(key: str) -> None:
    """The ends of the range belong to it."""
    assert list(structure_policy({"rules": {key: {}}}).rules) == [int(key)]


@pytest.mark.parametrize("value", [None, True, 5, 1.5, "deny", [], [{}]])
def test_the_whole_is_an_object(value: object) -> None:
    """A policy that is no object is one problem of the file as a whole."""
    assert problems(value) == [""]


@pytest.mark.parametrize(
    ("policy", "place", "hint"),
    [
        ({"defualt_policy": "deny"}, "defualt_policy", "did you mean 'default_policy'?"),
        ({"whitelist": [1]}, "whitelist", "it belongs in 'kind'"),
        ({"write_deny": []}, "write_deny", "it belongs in 'global' or in a kind's rule"),
        ({"1": {}}, "1", "'rules'"),
        (
            {"zzzz": 1},
            "zzzz",
            "unknown key; the keys here are kind, global, rules, default_policy, owners, "
            "policy_admins, policy_follow_whitelist_enabled, plugins, lists",
        ),
        ({"global": {"zzzz": 1}}, "global.zzzz", "unknown key"),
        ({"global_rule": {}}, "global_rule", "did you mean 'global'?"),
        (
            {"rules": {"1": {"wirte_allow": []}}},
            "rules.1.wirte_allow",
            "did you mean 'write_allow'?",
        ),
        (
            {"rules": {"1": {"write_allow_permissive": True}}},
            "rules.1.write_allow_permissive",
            "'global'",
        ),
        ({"kind": {"whitlist": []}}, "kind.whitlist", "did you mean 'whitelist'?"),
        (
            {"rules": {"1": {"max_expiry_duration": "T10M"}}},
            "rules.1.max_expiry_duration",
            "did you mean 'PT10M'?",
        ),
        ({"rules": {"1": {"max_expiry_duration": 60}}}, "rules.1.max_expiry_duration", "'PT60S'"),
        ({"rules": {"1": {"size_limit": "5"}}}, "rules.1.size_limit", "without quotes"),
        ({"rules": {"1": {"privileged": "true"}}}, "rules.1.privileged", "true without quotes"),
        ({"rules": {"01": {}}}, "rules.01", "write '1'"),
        ({"rules": {"70000": {}}}, "rules.70000", "0 to 65535"),
        ({"rules": {"1234567890": {}}}, "rules.1234567890", "0 to 65535"),
        ({"default_policy": "Deny"}, "default_policy", "did you mean 'deny'?"),
        (
            {"owners": [NPUB[:-1] + "q"]},
            "owners[0]",
            " (its checksum is wrong: a letter is missing or mistyped)",
        ),
        ({"owners": ["AB" * 31]}, "owners[0]", f"'{'AB' * 31}' is not {A_KEY} (it has 62)"),
        ({"owners": [" me "]}, "owners[0]", f"' me ' is not {A_KEY}"),
        ({"owners": ["x" * 80]}, "owners[0]", f"'{'x' * 80}' is not {A_KEY}"),
        ({"owners": ["x" * 81]}, "owners[0]", f"'{'x' * 80}…' is not {A_KEY}"),
        ({"owners": "x" * 60}, "owners", f"found the text '{'x' * 60}'; put it in [brackets]"),
        ({"owners": "x" * 61}, "owners", f"found the text '{'x' * 60}…'; put it in [brackets]"),
        ({"rules": {"1": {"must_have_tags": ["#p"]}}}, "rules.1.must_have_tags[0]", "write 'p'"),
        (
            {"global": {"identifier_regex": r"(?=a)"}},
            "global.identifier_regex",
            "invalid perl operator: (?=",
        ),
    ],
)
def test_a_mistake_comes_with_what_would_be_right(policy: object, place: str, hint: str) -> None:
    """A newcomer is told what to type instead."""
    with pytest.raises(InvalidPolicy) as caught:
        structure_policy(policy)
    (problem,) = caught.value.problems
    assert problem.place == place
    assert problem.message.endswith(hint)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("privileged", "TRUE", "true or false, found the text 'TRUE'; write true without quotes"),
        ("privileged", "1", "true or false, found the text '1'; write true without quotes"),
        ("privileged", 0, "true or false, found the number 0; write false without quotes"),
        (
            "privileged",
            "false",
            "true or false, found the text 'false'; write false without quotes",
        ),
        ("privileged", 1.0, "true or false, found the number 1.0"),
        ("privileged", ["1"], "true or false, found a list"),
        ("size_limit", float("inf"), "a whole number of bytes, found the number inf"),
        ("size_limit", 1.5, "a whole number of bytes, found the number 1.5; write 1"),
        ("size_limit", False, "a whole number of bytes, found false"),
        ("size_limit", "1.5", "a whole number of bytes, found the text '1.5'"),
        ("write_allow", 5, "a list of public keys, found the number 5; put it in [brackets]"),
        ("write_allow", 5.5, "a list of public keys, found the number 5.5"),
        ("write_allow", {}, "a list of public keys, found an object"),
        ("must_have_tags", {}, "a list of tag names, found an object"),
        ("script", "", "the path of a script, found an empty text; remove the key"),
        ("script", "a\0b", "the path of a script, found an empty text; remove the key"),
        ("description", 5, "a text in double quotes, found the number 5"),
        ("max_expiry_duration", 1, "an ISO-8601 duration, found a number; write 'PT1S'"),
        ("max_expiry_duration", 0, "a text in double quotes, found the number 0"),
        ("max_expiry_duration", True, "a text in double quotes, found true"),
        ("tag_validation", [], "an object in braces, found a list"),
    ],
)
def test_what_is_expected_is_told(field: str, value: Any, message: str) -> None:
    """With what was found instead, and what would be right where that is known."""
    with pytest.raises(InvalidPolicy) as caught:
        structure_policy({"rules": {"1": {field: value}}})
    assert str(caught.value) == f"rules.1.{field}: expected {message}"


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        ({"default_policy": 5}, "default_policy: expected 'allow' or 'deny', found the number 5"),
        (
            {"default_policy": "zz"},
            "default_policy: expected 'allow' or 'deny', found the text 'zz'",
        ),
        (
            {"kind": {"whitelist": 5.5}},
            "kind.whitelist: expected a list of kinds, found the number 5.5",
        ),
        ({"rules": {"00": {}}}, "rules.00: '00' is not a kind in plain digits; write '0'"),
        ({"rules": {"٣": {}}}, "rules.٣: '٣' is not a kind in plain digits"),
        ({"rules": {"a1b2": {}}}, "rules.a1b2: 'a1b2' is not a kind in plain digits"),
        (
            {"rules": {"+" + "1" * 99: {}}},
            f"rules.+{'1' * 99}: '+{'1' * 58} is not a kind in plain digits; write '{'1' * 31}",
        ),
        (
            {"rules": {"9" * 99: {}}},
            f"rules.{'9' * 99}: {'9' * 40} is not a kind: kinds go from 0 to 65535",
        ),
        (
            {"owners": ["\ud800" + "a" * 99]},
            f"owners[0]: '\\ud800{'a' * 79}…' is not {A_KEY}",
        ),
        (
            {"rules": {"1": {"must_have_tags": ["\udfff" + "a" * 99]}}},
            f"rules.1.must_have_tags[0]: '\\udfff{'a' * 53} is not Unicode: "
            "it has half of a surrogate pair",
        ),
        (
            {"plugins": {"other": True}},
            "plugins.other: expected an object in braces, or false, found true; "
            "a plugin without a section, or with {}, is asked",
        ),
        (
            {"plugins": {"other": 1}},
            "plugins.other: expected an object in braces, or false, found the number 1",
        ),
        (
            {"plugins": {"other": {"\ud800": 1}}},
            "plugins.other.\\ud800: '\\ud800' is not Unicode: it has half of a surrogate pair",
        ),
        (
            {"rules": {"1": {"tag_validation": {"t": ""}}}},
            "rules.1.tag_validation.t: expected a regular expression, found an empty text; "
            "remove the key",
        ),
        (
            {"rules": {"1": {"tag_validation": {"\ud800": "a", "t": "b"}}}},
            "rules.1.tag_validation.\\ud800: '\\ud800' is not Unicode: "
            "it has half of a surrogate pair",
        ),
    ],
)
def test_a_mistake_is_told_in_these_words(policy: object, message: str) -> None:
    """Not all of what is long."""
    with pytest.raises(InvalidPolicy) as caught:
        structure_policy(policy)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            b'{"plugins": {"other": {"most": NaN}}}',
            "plugins.other.most: found NaN, which is not JSON",
        ),
        (
            b'{"plugins": {"other": {"most": ["\\ud800"]}}}',
            "plugins.other.most[0]: '\\ud800' is not Unicode: it has half of a surrogate pair",
        ),
    ],
)
def test_a_plugins_settings_are_json(text: bytes, message: str) -> None:
    with pytest.raises(InvalidPolicy) as caught:
        read_policy(text)
    assert str(caught.value) == message


def test_a_plugins_settings_are_read_without_comments_and_nulls() -> None:
    """Except in lists, where a place counts."""
    settings = {"_note": 1, "most": [1, "x", None, {"deep": True, "gone": None}]}
    policy = structure_policy({"plugins": {"off": False, "other": settings}})
    assert policy.plugins == {"off": False, "other": {"most": [1, "x", None, {"deep": True}]}}


def test_letters_next_to_surrogates_are_letters() -> None:
    """And a tag's name may have the filters' sign, but not that alone before a letter."""
    names = ["\ud7ff", "\ue000", "#pp", "p#", "#"]
    assert structure_policy({"global": {"must_have_tags": names}}).rule_of_all.must_have_tags == (
        *names,
    )


def test_some_of_many_wrong_keys_are_told() -> None:
    """The first twenty of a list, and that there are more."""
    for count in 20, 21, 30:
        with pytest.raises(InvalidPolicy) as caught:
            structure_policy({"owners": ["x"] * count})
        told = list(map(str, caught.value.problems))
        assert told[:20] == [f"owners[{i}]: 'x' is not {A_KEY}" for i in range(20)]
        assert told[20:] == ["owners: more values are not public keys"] * (count > 20)


def test_some_unknown_keys_come_with_what_was_meant() -> None:
    """The first five of an object, in alphabetical order."""
    with pytest.raises(InvalidPolicy) as caught:
        structure_policy({"global": {f"read_deny{digit}": [] for digit in "7654321"}})
    assert list(map(str, caught.value.problems)) == [
        f"global.read_deny{digit}: unknown key{hint}"
        for digit, hint in zip(
            "1234567", ["; did you mean 'read_deny'?"] * 5 + [""] * 2, strict=True
        )
    ]


@pytest.mark.parametrize(
    "text",
    [
        "nsec1vl029mgpspedva04g90vltkh6fvh240zqtv9k0t9af8935ke9laqsnlfe5",
        "nostr:nsec1vl029mgpspedva04g90vltkh6fvh240zqtv9k0t9af8935ke9laqsnlfe5",
        " NSEC1VL029MGPSPEDVA04G90VLTKH6FVH240ZQTV9K0T9AF8935KE9LAQSNLFE5",
    ],
)
def test_a_secret_key_is_not_repeated(text: str) -> None:
    """Problems are logged; a secret key that got into the file must not be."""
    with pytest.raises(InvalidPolicy, match="secret key") as caught:
        structure_policy({"owners": [text]})
    assert "vl029mg" not in str(caught.value).lower()


def test_every_problem_is_reported_at_once() -> None:
    """Not the first one: the operator saves once."""
    policy = {
        "defualt_policy": "deny",
        "kind": {"whitelist": [1, "2", 70000]},
        "global": {"size_limit": "5", "write_deny": ["x"]},
        "rules": {"x": {"privileged": 1}, "1": {"max_expiry": -1, "identifier_regex": "("}},
        "owners": [5],
    }
    assert set(problems(policy)) == {
        "defualt_policy",
        "kind.whitelist[1]",
        "kind.whitelist[2]",
        "global.size_limit",
        "global.write_deny[0]",
        "rules.x",
        "rules.x.privileged",
        "rules.1.max_expiry",
        "rules.1.identifier_regex",
        "owners[0]",
    }


def everywhere(key: str, value: object) -> dict[str, Any]:
    """A policy with this member in every object of it."""
    return {
        key: value,
        "kind": {key: value},
        "global": {key: value},
        "rules": {key: value, "1": {key: value}},
    }


@pytest.mark.parametrize("key", ["_", "_note", "$schema", "$"])
def test_comments_mean_nothing(key: str) -> None:
    """A key that starts with _ or $ may hold anything, everywhere."""
    for value in ("words", None, 5, [], {"rules": 5}):
        assert structure_policy(everywhere(key, value)) == structure_policy(
            {"global": {}, "rules": {"1": {}}}
        )
        assert read_members({key: value, "owners": []}) == {"owners": []}


def test_there_are_no_comments_among_tags() -> None:
    """A tag's name may begin with _ or $."""
    rule = {"tag_validation": {"_x": "^a", "$": "b"}}
    assert list(structure_policy({"rules": {"1": rule}}).rules[1].tag_validation) == ["_x", "$"]
    assert problems({"rules": {"1": {"tag_validation": {"_x": "("}}}}) == [
        "rules.1.tag_validation._x"
    ]
    with pytest.raises(InvalidPolicy) as caught:
        read_policy(b'{"global": {"tag_validation": {"_x": "a", "_x": "("}}}')
    place = "global.tag_validation"
    assert [problem.place for problem in caught.value.problems] == [place, f"{place}._x"]


def test_null_is_the_same_as_not_written() -> None:
    """For every field, and for the objects that hold them."""
    nulls: dict[str, Any] = dict.fromkeys(TOP_FIELDS)
    assert structure_policy(nulls) == Policy()
    nulls |= {
        "kind": {"whitelist": None, "blacklist": None},
        "rules": {"1": dict.fromkeys(RULE_FIELDS), "2": None},
        "global": dict.fromkeys(GLOBAL_FIELDS),
    }
    assert structure_policy(nulls) == structure_policy({"rules": {"1": {}}, "global": {}})
    tags = {"tag_validation": {"e": None}}
    assert structure_policy({"global": tags}) == structure_policy({"global": {}})


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('{"owners": [], "owners": []}', ""),
        ('{"rules": {"1": {}, "1": {}}}', "rules"),
        ('{"rules": {"1": {"write_deny": ["x"], "write_deny": []}}}', "rules.1"),
        ('{"rules": {"1": {"write_deny": [], "write_deny": null}}}', "rules.1"),
        ('{"default_policy": "deny", "default_policy": null}', ""),
        ('{"default_policy": null, "default_policy": null}', ""),
        ('{"global": {"tag_validation": {"_": "a", "_": "b"}}}', "global.tag_validation"),
        ('{"owners": [], "_note": 5, "owners": []}', ""),
        ('{"plugins": {"other": {}, "other": {}}}', "plugins"),
        ('{"plugins": {"other": {"most": [{"a": 1, "a": 1}]}}}', "plugins.other.most[0]"),
        ('{"global": {"x_pow": 1, "x_pow": 2}}', "global"),
        ('{"kind": {"whitelist": [1], "whiteli\\u0073t": [2]}}', "kind"),
    ],
)
def test_a_key_that_stands_twice_is_an_error(text: str, place: str) -> None:
    """The last one would win silently, even where it is null."""
    with pytest.raises(InvalidPolicy, match="more than once") as caught:
        read_policy(text.encode())
    assert [problem.place for problem in caught.value.problems] == [place]


def test_what_stands_twice_is_told_with_what_is_wrong() -> None:
    """Wrong keys and wrong values besides."""
    with pytest.raises(InvalidPolicy) as caught:
        read_policy(b'{"rules": {"1": {}, "1": {}, "01": {"size_limit": true}}}')
    assert [problem.place for problem in caught.value.problems] == [
        "rules",
        "rules.01",
        "rules.01.size_limit",
    ]
    with pytest.raises(InvalidPolicy) as caught:
        read_policy(b'{"global": {"script": "a", "script": "a", "size_limit": true}}')
    assert [problem.place for problem in caught.value.problems] == ["global", "global.size_limit"]


def test_a_comment_may_stand_twice() -> None:
    """Notes are for people."""
    assert read_policy(b'{"_": 1, "_": 2, "_": {"a": 1, "a": 2}}') == Policy()


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (NPUB, NPUB_HEX),
        (NPUB.upper(), NPUB_HEX),
        (
            "npub10elfcs4fr0l0r8af98jlmgdh9c8tcxjvz9qkw038js35mp4dma8qzvjptg",
            "7e7e9c42a91bfef19fa929e5fda1b72e0ebc1a4c1141673e2794234d86addf4e",
        ),
        (
            "npub1sn0wdenkukak0d9dfczzeacvhkrgz92ak56egt7vdgzn8pv2wfqqhrjdv9",
            "84dee6e676e5bb67b4ad4e042cf70cbd8681155db535942fcc6a0533858a7240",
        ),
        (ALICE.upper(), ALICE),
        (ALICE, ALICE),
    ],
)
def test_a_key_may_be_written_in_three_ways(written: str, meant: str) -> None:
    """npub (the vectors of NIP-19 and of known people), upper-case and lower-case hex."""
    assert structure_policy({"owners": [written]}).owners == (meant,)


def test_both_permissive_flags_with_a_kind_list_contradict() -> None:
    """The list would restrict nothing."""
    both = {"read_allow_permissive": True, "write_allow_permissive": True}
    assert problems({"global": both, "kind": {"whitelist": [1]}}) == ["kind.whitelist"]
    assert problems({"global": both, "kind": {"blacklist": [1]}}) == ["kind.blacklist"]
    structure_policy({"global": both, "kind": {"whitelist": [], "blacklist": []}})
    structure_policy(
        {"global": both | {"read_allow_permissive": False}, "kind": {"whitelist": [1]}}
    )


@pytest.mark.parametrize("value", ["", "allow", None])
def test_the_default_is_allow(value: object) -> None:
    """Unset and empty are the same."""
    assert structure_policy({"default_policy": value}).default_policy == "allow"


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (-1, "expected a number of bytes from 0 up, but -1 is negative"),
        (2**63, f"expected a number of bytes from 0 up, but {2**63} is over 64 bits"),
        (True, "expected a whole number of bytes, found true"),
        ("5", "expected a whole number of bytes, found the text '5'; write it without quotes"),
    ],
)
def test_a_limit_is_a_whole_number_of_its_unit(value: object, message: str) -> None:
    """Which the message names."""
    with pytest.raises(InvalidPolicy) as caught:
        whole_number("bytes")(value, None)
    assert str(caught.value) == message


def test_the_ends_of_64_bits_belong_to_a_limit() -> None:
    """0 and 2**63 - 1."""
    for value in (0, 2**63 - 1):
        policy = read_policy(json.dumps({"rules": {"1": {"size_limit": value}}}).encode())
        assert policy.rules[1].size_limit == value
        assert whole_number("bytes")(value, None) == value
