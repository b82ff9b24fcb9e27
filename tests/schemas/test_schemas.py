"""The JSON Schemas, asked by a validator of others: they take what the readers take, and refuse
what these refuse, as far as a schema can tell.
"""

import gzip
import itertools
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from depth import times
from examples import ALICE, NOW
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from strategies import json_values, many, policies

from orly_policy_hookspecs import Context, FrozenEvent, Gate, hookimpl
from orly_policy_hookspecs.criteria import Criterion
from orly_policy_plugin.authority import read_contribution
from orly_policy_plugin.cli.suite_schema import CASE, SUITE, suite_schema
from orly_policy_plugin.cli.test import suites
from orly_policy_plugin.cli.test.suites import read_suite
from orly_policy_plugin.policy import InvalidPolicy, parse_duration, structure_policy
from orly_policy_plugin.policy.values import read_kind_key
from orly_policy_plugin.recipes import RECIPES, files_of
from orly_policy_plugin.schemas import contribution_schema, policy_schema
from orly_policy_plugin.schemas.parts import DURATION, KIND_KEY, PUBKEY

TESTS = Path(__file__).parents[1]
GOLDEN = TESTS / "policy" / "golden"
POLICY = Draft202012Validator(policy_schema())
CONTRIBUTION = Draft202012Validator(contribution_schema())
SUITES = Draft202012Validator(suite_schema({}))


@pytest.mark.parametrize("validator", [POLICY, CONTRIBUTION, SUITES])
def test_it_is_a_schema(validator: Any) -> None:
    """Of the dialect that it names; and whatever it refers to is there."""
    Draft202012Validator.check_schema(validator.schema)
    assert validator.schema["$schema"] == Draft202012Validator.META_SCHEMA["$id"]
    for reference in re.findall(r'"\$ref": "#/\$defs/(\w+)"', json.dumps(validator.schema)):
        assert reference in validator.schema["$defs"]


# --- what is right


@pytest.mark.parametrize("name", RECIPES)
def test_recipes_are_right(name: str) -> None:
    """Policies and suites, comments included."""
    files = files_of(RECIPES[name], (ALICE,))
    POLICY.validate(json.loads(files["policy.json"]))
    SUITES.validate(json.loads(files["policy-suite.json"]))


@pytest.mark.parametrize("vectors", ["decisions", "extended"])
def test_the_conformance_vectors_are_right(vectors: str) -> None:
    with gzip.open(TESTS / "conformance" / f"{vectors}.jsonl.gz") as lines:
        for line in itertools.islice(lines, 0, None, times(4, 1)):
            SUITES.validate(json.loads(line))


@pytest.mark.parametrize("path", sorted(TESTS.glob("lint/*/*.json")), ids=lambda path: path.stem)
def test_what_is_legal_is_right(path: Path) -> None:
    """Whatever the lint says of it."""
    policy = json.loads(path.read_text())
    if path.stem == "nostr" or '"x_' in path.read_text():
        return  # no policy; criteria of plugins that are not there
    POLICY.validate(policy)


@many
@given(policies())
def test_every_policy_is_right(policy: Any) -> None:
    """That can be read."""
    structure_policy(policy)
    POLICY.validate(policy)


def test_the_sample_policy_is_right() -> None:
    POLICY.validate(
        json.loads((TESTS.parent / "example_relay" / "sample-policy.json").read_text())
    )


@pytest.mark.parametrize("page", ["README.md", "docs/policy.md", "docs/lint.md"])
def test_the_documentations_policies_are_right(page: str) -> None:
    examples = re.findall(r"```json\n(.*?)```", (TESTS.parent / page).read_text(), re.DOTALL)
    policies_shown = [json.loads(each) for each in examples]
    assert policies_shown
    for policy in policies_shown:
        POLICY.validate(policy)


@pytest.mark.parametrize(
    "content",
    [
        {"kind_whitelist_add": [1], "kind_blacklist_add": [7], "created_at": "ignored"},
        {"rules_add": {"7": {"size_limit": 500, "write_allow": [ALICE]}}, "_note": [{}]},
        {"rules_extend": {"1": {"content_limit_override": 9, "write_deny_add": [ALICE]}}},
        {"global_extend": {"write_allow_follows": True, "read_allow_add": None}},
    ],
)
def test_contributions_are_right(content: Any) -> None:
    read_contribution(content, admin=ALICE, created_at=NOW, event_id="ee" * 32)
    CONTRIBUTION.validate(content)


# --- what is wrong


def of_json(golden: Path) -> bool:
    try:
        json.loads(golden.read_text())
    except ValueError:
        return False
    return True


WRONG = [
    path for path in sorted(GOLDEN.glob("*.json")) if of_json(path) and path.stem != "scripts"
]
"""Of what a parser takes; whether a script is there is no question of form."""
BEYOND = (
    "checksum",
    "names no list",
    "is not an RE2 regular expression",
    "is less than one second",
    "occurs more than once",
    "expected a whole number of bytes, found the number 1000.0",
    "expected a kind, a whole number, found the number 1059.0",
)
"""What no schema tells: it knows no checksum, and takes 1000.0 for 1000."""


def places_in_words(place: str) -> list[str]:
    """``rules.1.write_allow[0]`` in parts."""
    return re.findall(r"[^.\[\]]+", place)


def errors_of(validator: Any, value: Any) -> Iterator[list[str]]:
    """The places of all errors, those of unknown keys with the key."""
    for error in validator.iter_errors(value):
        path = [str(part) for part in error.absolute_path]
        if error.validator == "additionalProperties":
            yield from ([*path, key] for key in error.instance if f"{key!r}" in error.message)
        elif error.validator == "not" and not path:
            yield from (["kind", name] for name in error.instance["kind"])
        else:
            yield path


@pytest.mark.parametrize("path", WRONG, ids=lambda path: path.stem)
def test_what_is_wrong_is_refused_at_its_place(path: Path) -> None:
    """Each problem that ``orly-policy check`` tells of the golden files, or at the key that it is
    in and that is wrong itself; but for what no schema can know.
    """
    value = json.loads(path.read_text())
    found = list(errors_of(POLICY, value))
    for line in path.with_suffix(".txt").read_text().splitlines():
        _, place, message = line.split(": ", 2)
        if not any(each in message for each in BEYOND):
            parts = places_in_words(place)
            assert any(parts[: i + 1] in found for i in range(len(parts))), line


def without_nulls(value: Any) -> Any:
    if isinstance(value, list):
        return [without_nulls(each) for each in value]
    if not isinstance(value, dict):
        return value
    return {key: without_nulls(each) for key, each in value.items() if each is not None}


@many
@given(
    policies()
    | json_values
    | st.dictionaries(
        st.sampled_from(["kind", "global", "rules", "owners", "lists", "plugins"]), json_values
    )
)
def test_what_a_schema_refuses_no_reader_takes(value: Any) -> None:
    """So that no editor underlines what is right: but for an unknown key that is null."""
    if POLICY.is_valid(without_nulls(value)):
        return
    with pytest.raises(InvalidPolicy):
        structure_policy(value)


@many
@given(st.text("PpTYMWDHS123.", max_size=9))
def test_durations_are_told(text: str) -> None:
    """Those of less than a second aside."""
    try:
        is_duration = parse_duration(text).seconds > 0
    except ValueError as error:
        is_duration = "less than one second" in str(error)
    assert Draft202012Validator(DURATION).is_valid(text) is is_duration


@pytest.mark.parametrize("key", ["0", "7", "9999", "65535", "65536", "01", "+1", "", "1a"])
def test_kinds_as_keys_are_told(key: str) -> None:
    try:
        is_kind = read_kind_key(key) >= 0
    except InvalidPolicy:
        is_kind = False
    assert (re.search(KIND_KEY, key) is not None) is is_kind


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"owners": ["@members"]}, ["owners", "0"]),
        ({"lists": {"a": {}}}, ["lists", "a"]),
        ({"lists": {"a": {"file": "b", "nostr_json": "c"}}}, ["lists", "a"]),
        ({"lists": {"a": {"author": ALICE}}}, ["lists", "a"]),
        ({"lists": {"a": {"file": "b", "hops": 2}}}, ["lists", "a"]),
        ({"lists": {"a": {"file": "b", "at_least": 2}}}, ["lists", "a"]),
        ({"lists": {"a": {"author": ALICE, "kind": 3}}}, None),
        ({"lists": {"a": {"author": ALICE, "kind": 3, "at_least": 2}}}, None),
        ({"lists": {"a": {"follows_of": ALICE, "hops": 2, "followers": 3}}}, None),
        ({"lists": {"a": {"follows_of": ALICE, "hops": 2, "followers": 3, "at_least": 2}}}, None),
        ({"lists": {"_a": {"file": 5}}}, None),
        ({"plugins": {"pow": True}}, ["plugins", "pow"]),
        ({"plugins": {"pow": False, "_pow": 5}}, None),
        ({"rules": {"1": {"tag_validation": {"_t": 5}}}}, ["rules", "1", "tag_validation", "_t"]),
        ({"rules": {"1": {"write_allow": ["@members", ALICE]}}}, None),
    ],
)
def test_a_place_is_told(change: Any, place: list[str] | None) -> None:
    assert list(errors_of(POLICY, change)) == ([] if place is None else [place])


@pytest.mark.parametrize(
    "content",
    [
        {"rules_add": {"1": {"script": "ask"}}},
        {"rules_add": {"1": {"x_pow": 20}}},
        {"rules_extend": {"1": {"write_allow": [ALICE]}}},
        {"kind_whitelist_add": ["1"]},
        {"owners": [ALICE]},
    ],
)
def test_a_wrong_contribution_is_refused(content: Any) -> None:
    assert not CONTRIBUTION.is_valid(content)


@pytest.mark.parametrize(
    "change",
    [
        {"policy": {"rulse": {}}},
        {"policy": {"rules": {"1": {"size_limit": "5"}}}},
        {"cases": []},
        {"now": -1},
        {"nwo": 1},
        {"lists": {"a": ["@b"]}},
        {"follows": {"alice": []}},
    ],
)
def test_a_wrong_suite_is_refused(change: Any) -> None:
    suite = json.loads(files_of(RECIPES["open"], ())["policy-suite.json"])
    suite |= {"policy": {}, "lists": {}}
    assert SUITES.is_valid(suite)
    assert SUITES.is_valid([suite, suite])
    assert not SUITES.is_valid(suite | change)
    with pytest.raises(InvalidPolicy):
        read_suite(suite | change)


def test_the_schema_of_suites_has_every_key_of_theirs() -> None:
    assert CASE.keys() == suites._CASE.keys() | suites._INFORMATION | {"event"}
    assert SUITE.keys() | {"policy"} == suites._SUITE.keys() | {"cases"}


# --- criteria


def gate_with(*criteria: Criterion) -> Gate:
    class Plugin:
        @hookimpl
        def criteria(self) -> list[Criterion]:
            return list(criteria)

    gate = Gate()
    gate.register(Plugin(), "mine")
    return gate


def never(event: FrozenEvent, context: Context, value: Any) -> None:
    return None


def criterion(**more: Any) -> Criterion:
    return Criterion(name="x_mine", unit="bits", read=int, refuses=never, **more)


def test_criteria_of_plugins_are_fields() -> None:
    """With their words; without a shape, of any value."""
    schema = policy_schema(gate_with(criterion()).criteria())
    asked = Draft202012Validator(schema)
    for value in (5, "many", {"any": []}):
        asked.validate({"rules": {"1": {"x_mine": value}}, "global": {"x_mine": value}})
    assert not asked.is_valid({"rules": {"1": {"x_other": 5}}})
    words = schema["$defs"]["rule"]["properties"]["x_mine"]["description"]
    assert words == "bits (write): a criterion of the plugin mine"


def test_a_shape_is_obeyed() -> None:
    gate = gate_with(criterion(shape={"type": "integer", "minimum": 1}))
    asked = Draft202012Validator(policy_schema(gate.criteria()))
    assert asked.is_valid({"rules": {"1": {"x_mine": 5}}})
    assert asked.is_valid({"rules": {"1": {"x_mine": None}}})
    assert not asked.is_valid({"rules": {"1": {"x_mine": 0}}})


def test_every_field_has_words() -> None:
    """For whoever points at it."""
    for definition in (POLICY.schema, *POLICY.schema["$defs"].values()):
        for name, field in definition["properties"].items():
            assert field["description"], name


def test_patterns_are_of_every_dialect() -> None:
    """Nothing that ECMA-262 has not, such as flags or possessive counts."""
    text = json.dumps([POLICY.schema, CONTRIBUTION.schema, SUITES.schema])
    for pattern in re.findall(r'"pattern": "(.*?)"', text):
        assert "(?i" not in pattern
        assert "\\\\A" not in pattern
    assert PUBKEY["pattern"].startswith("^")
    assert PUBKEY["pattern"].endswith("$")
