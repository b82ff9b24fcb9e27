"""The pack as a distribution, and its page in the docs: each plugin is in both."""

import json
import re
import tomllib
from importlib.metadata import EntryPoint
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from strategies import json_values

from orly_policy_hookspecs import Criterion, FrozenEvent, Gate, InvalidSettings
from orly_policy_hookspecs.testing import by
from orly_policy_plugin.plugins.of_gate import (
    THE_PACK,
    THE_PACKS_CRITERIA,
    THE_PACKS_PLUGINS,
    PluginsOfGate,
)
from orly_policy_plugin.policy import InvalidPolicy, read_policy

from .asking import ALICE, BOB, CAROL, ROOT, policy_in_force, says
from .test_pow import EXAMPLE

PROJECT = tomllib.loads((ROOT / "criteria" / "pyproject.toml").read_text())["project"]
POINTS: dict[str, str] = PROJECT["entry-points"]["orly_policy"]
PAGE = (ROOT / "docs" / "criteria.md").read_text()
SECTIONS: dict[str, str] = dict(re.findall(r"(?ms)^## (x_\w+)\n(.*?)(?=^## |\Z)", PAGE))
FILES = {"moderators.txt": [BOB, CAROL], "members.txt": [ALICE], "followed.txt": [ALICE, BOB]}
"""The files of named lists, and who is in them."""
Told = tuple[FrozenEvent, dict[str, Any], str]


def loaded(name: str) -> Any:
    """The plugin of an entry point, as a gate loads it."""
    return EntryPoint(name, POINTS[name], "orly_policy").load()


def test_the_engine_knows_what_the_pack_brings() -> None:
    """Where it is not installed, the error names the distribution."""
    assert PROJECT["name"] == THE_PACK
    assert POINTS.keys() == THE_PACKS_PLUGINS
    gate = Gate()
    for name in POINTS:
        gate.register(loaded(name), name)
    assert gate.criteria().keys() == THE_PACKS_CRITERIA


@pytest.mark.parametrize(
    ("policy", "problem"),
    [
        (
            {"plugins": {"x_pow": {}}},
            "plugins.x_pow: no plugin 'x_pow' is installed; install orly-policy-criteria, or "
            "remove this section",
        ),
        (
            {"rules": {"1": {"x_read_networks": {}}}},
            "rules.1.x_read_networks: no plugin has this criterion; install orly-policy-criteria",
        ),
    ],
)
def test_without_the_pack(policy: dict[str, Any], problem: str) -> None:
    """It is told what is missing."""
    with pytest.raises(InvalidPolicy) as refused:
        PluginsOfGate(Gate()).fit(read_policy(json.dumps(policy).encode()), None)
    assert [str(each) for each in refused.value.problems] == [problem]


def documented(name: str) -> Any:
    """The policy in the example of a section."""
    (example,) = re.findall(r"```json\n(.*?)```", SECTIONS[name], re.DOTALL)
    return json.loads(example)


def note(content: str = "hello", *tags: list[str]) -> FrozenEvent:
    return ALICE.event(1, content, tags)


EXAMPLES: dict[str, list[Told]] = {
    "x_pow": [(EXAMPLE, {}, "OK"), (note(), {}, "pow: ")],
    "x_content": [
        (note("no casinos"), {}, "OK"),
        (note("Casino!"), {}, "blocked: the word 'casino'"),
        (note("FREE money"), {}, "blocked: this content"),
    ],
    "x_max_mentions": [
        (note("hi", *(["p", f"{i:064x}"] for i in range(10))), {}, "OK"),
        (
            note("hi", *(["p", f"{i:064x}"] for i in range(11))),
            {},
            "blocked: too many mentions: 11",
        ),
    ],
    "x_max_hashtags": [
        (note("hi", *(["t", f"tag{i}"] for i in range(5))), {}, "OK"),
        (note("hi", *(["t", f"tag{i}"] for i in range(6))), {}, "blocked: too many hashtags: 6"),
    ],
    "x_duplicates": [
        (note("gm"), {}, "OK"),
        (note("gm", ["t", "gm"]), {}, "OK"),
        (note("Buy it at the market, now!"), {}, "OK"),
        (note("Buy it at the market, now!", ["t", "a"]), {}, "blocked: the same content came"),
    ],
    "x_networks": [
        (note(), {"ip": "203.0.113.7"}, "OK"),
        (note(), {"ip": "192.0.2.9"}, "blocked: not from your address"),
        (note(), {"ip": "2001:db8:0:1:5::6"}, "blocked: not from your address"),
        (note(), {}, "blocked: your address is not known"),
    ],
    "x_key_age": [(note(), {}, "restricted: this key is new here; try again in 3600 seconds")],
    "x_scripts": [
        (note("Hello, Ελλάδα"), {}, "OK"),
        (note("Привет"), {}, "blocked: this relay takes what is written in GREEK, LATIN"),
    ],
    "x_limits_by_class": [
        *((note(f"{i}"), {"authenticated": ALICE}, "OK") for i in range(70)),
        *((note(f"b{i}"), {"authenticated": BOB}, "OK") for i in range(60)),
        (note("b60"), {"authenticated": BOB}, "rate-limited: 60 events of kind 1 an hour"),
        (
            note("a" * 2001),
            {"authenticated": CAROL},
            "blocked: content is 2001 bytes, the limit is 2000",
        ),
        *((note(f"c{i}"), {"ip": "192.0.2.7"}, "OK") for i in range(5)),
        (note("c5"), {"ip": "192.0.2.7"}, "auth-required: 5 events of kind 1 an hour without aut"),
        (note("c5"), {"ip": "192.0.2.7", "authenticated": CAROL}, "rate-limited: 5 events of"),
        (note("c5"), {"ip": "192.0.2.8", "authenticated": CAROL}, "OK"),
    ],
    "x_reports": [
        (note(), {}, "OK"),
        (BOB.event(1984, "", [["p", ALICE.pubkey, "spam"]]), {}, "OK"),
        (BOB.event(1984, "again", [["p", ALICE.pubkey, "spam"]]), {}, "OK"),
        (CAROL.event(1984, "", [["p", ALICE.pubkey, "nudity"]]), {}, "OK"),
        (note(), {}, "OK"),
        (CAROL.event(1984, "", [["p", ALICE.pubkey, "spam"]]), {}, "OK"),
        (note(), {}, "blocked: this author was reported"),
        (BOB.event(1, "hello"), {}, "OK"),
    ],
    "x_events_an_hour": [
        (note("1"), {}, "OK"),
        (note("2"), {}, "OK"),
        (note("3"), {}, "rate-limited: 2 events of kind 1 an hour"),
    ],
}
"""By section: an event, from where, and the beginning of what its example has the client told."""


@pytest.mark.parametrize("name", POINTS)
def test_the_examples_in_the_docs_say_what_they_do(name: str, tmp_path: Any) -> None:
    """Each section's rule refuses, and accepts where time needs not pass."""
    assert {told == "OK" for _, _, told in EXAMPLES[name]} >= {False}
    for file, keys in FILES.items():
        (tmp_path / file).write_text("".join(f"{key.pubkey}\n" for key in keys))
    with policy_in_force(tmp_path, loaded(name), documented(name)) as gate:
        for event, context, told in EXAMPLES[name]:
            keys = [context["authenticated"]] if "authenticated" in context else []
            assert says(gate, event, by(*keys, ip=context.get("ip", "")))[: len(told)] == told


@pytest.mark.parametrize("name", POINTS)
def test_a_plugin_is_called_as_its_field_is(name: str) -> None:
    """With no other plugin's fields."""
    gate = Gate()
    gate.register(loaded(name), name)
    assert name in gate.criteria()
    for criterion in gate.criteria().values():
        assert criterion.plugin == name


@pytest.mark.parametrize("name", POINTS)
def test_a_value_has_words(name: str) -> None:
    """For operators, of what the example in the docs says: no code, and no name of a field."""
    gate = Gate()
    gate.register(loaded(name), name)
    words = gate.criteria()[name].criterion.in_words(documented(name)["rules"]["1"][name])
    assert words
    assert not set("{}[]'") & set(words)
    assert name not in words


def test_all_live_together() -> None:
    """No two have the same field."""
    gate = Gate()
    for name in POINTS:
        gate.register(loaded(name), name)
    gate.check()
    assert len(gate.criteria()) >= len(POINTS)


def test_the_page_has_them_in_the_order_of_the_project() -> None:
    assert list(SECTIONS) == list(POINTS)


def test_false_friends_are_named() -> None:
    for text in SECTIONS.values():
        assert "\n*False friends*: " in text


def test_it_needs_little() -> None:
    """The contract, attrs and RE2; the engine's extra of this name brings it."""
    needs = {re.split(r"[^\w-]", need)[0] for need in PROJECT["dependencies"]}
    assert needs == {"attrs", "orly-policy-hookspecs", "pyre2"}
    engine = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    (extra,) = engine["optional-dependencies"]["criteria"]
    assert extra == f"{PROJECT['name']}>={PROJECT['version'][:3]},<0.2"


@pytest.mark.parametrize("name", POINTS)
@given(
    json_values
    | st.integers(-5, 500)
    | st.dictionaries(
        st.sampled_from(["seconds", "by", "of", "percent", "words", "patterns", "allow", "deny"]),
        st.integers(-5, 500)
        | st.sampled_from(["author", "LATIN"])
        | st.lists(st.sampled_from(["LATIN", "spam", "192.0.2.0/24", 5]), max_size=2),
        max_size=2,
    )
)
def test_what_is_read_has_the_shape(name: str, value: Any) -> None:
    """So that no editor underlines what is right."""
    for criterion in criteria_of(name):
        if not Draft202012Validator(dict(criterion.shape)).is_valid(value):
            with pytest.raises((ValueError, InvalidSettings)):
                criterion.value(value, frozenset)


@pytest.mark.parametrize("name", POINTS)
def test_the_shape_takes_the_example_and_no_boolean(name: str) -> None:
    for criterion in criteria_of(name):
        shape = Draft202012Validator(dict(criterion.shape))
        for rule in documented(name)["rules"].values():
            if criterion.name in rule:
                shape.validate(rule[criterion.name])
        assert not shape.is_valid(True)


def criteria_of(name: str) -> list[Criterion]:
    """The criteria of an entry point's plugin."""
    gate = Gate()
    gate.register(loaded(name), name)
    return [each.criterion for each in gate.criteria().values()]
