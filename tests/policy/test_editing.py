"""Changes of a policy file's text: they come to what they say, and touch nothing else."""

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orly_policy_plugin.policy.editing import CannotEdit, assigned, extended, reduced, removed

NAMES = st.sampled_from(["a", "b", 'a "c"', "ä", "1", "rules"])
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=5)
    | st.sampled_from(["{", "]", ","])
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.dictionaries(NAMES, VALUES, max_size=4)
LAYOUTS = st.sampled_from([{}, {"indent": 2}, {"indent": "\t"}, {"separators": (",", ":")}])


def inner(value: Any, place: list[str]) -> Any:
    for name in place:
        value = value[name]
    return value


def with_value(value: Any, place: list[str], new: Any) -> Any:
    """The same by Python."""
    made = copy.deepcopy(value)
    found = made
    for name in place[:-1]:
        found = found.setdefault(name, {})
    found[place[-1]] = new
    return made


@given(OBJECTS, LAYOUTS, st.lists(NAMES, min_size=1, max_size=3), VALUES)
def test_a_value_is_where_it_was_put(
    value: dict[str, Any], layout: dict[str, Any], place: list[str], new: Any
) -> None:
    """Whatever was there, or on the way, unless that is no object."""
    text = json.dumps(value, ensure_ascii=False, **layout)
    try:
        expected = with_value(value, place, new)
    except (TypeError, AttributeError):
        with pytest.raises(CannotEdit):
            assigned(text, place, new)
        return
    made = json.loads(assigned(text, place, new))
    assert made == expected
    assert list(made) == list(expected)


@given(OBJECTS, LAYOUTS, NAMES, SCALARS)
def test_what_is_taken_away_again_leaves_the_text_as_it_was(
    value: dict[str, Any], layout: dict[str, Any], name: str, new: Any
) -> None:
    """A member, and an item of a list; of what was empty the blanks may be gone."""
    value = {"first": 1, **value}
    value.pop(name, None)
    text = json.dumps(value, ensure_ascii=False, **layout)
    assert removed(assigned(text, [name], new), [name]) == text
    listed = assigned(text, [name], [0, 0.5])
    assert reduced(extended(listed, [name], ["new"]), [name], ["new"]) == listed


@given(OBJECTS, LAYOUTS, st.lists(SCALARS, min_size=1, max_size=3), st.lists(SCALARS, max_size=4))
def test_items_come_behind_those_that_are_there(
    value: dict[str, Any], layout: dict[str, Any], items: list[Any], there: list[Any]
) -> None:
    """Each once."""
    text = json.dumps({**value, "list": there}, ensure_ascii=False, **layout)
    expected = list(there)
    for item in items:
        if not any((type(item), item) == (type(each), each) for each in expected):
            expected.append(item)
    assert json.loads(extended(text, ["list"], items))["list"] == expected


def test_new_members_are_laid_out_as_the_old_ones() -> None:
    text = '{\n    "a": {"b": 1},\n    "c": [\n        1\n    ]\n}\n'
    assert assigned(text, ["a", "d"], 2) == text.replace('"b": 1', '"b": 1, "d": 2')
    assert extended(text, ["c"], [2]) == text.replace("1\n    ]", "1,\n        2\n    ]")
    assert assigned(text, ["e"], {"f": [1]}) == text.replace(
        "    ]\n}", '    ],\n    "e": {\n      "f": [1]\n    }\n}'
    )
    assert assigned("{}\n", ["a", "b"], 1) == '{"a": {"b": 1}}\n'
    assert assigned('{\n  "a": {}\n}', ["a", "b"], 1) == '{\n  "a": {\n    "b": 1\n  }\n}'


def test_a_long_list_takes_a_line_an_item() -> None:
    keys = ["a1" * 32, "b2" * 32]
    made = assigned('{\n  "a": 1\n}', ["b"], keys)
    assert made == f'{{\n  "a": 1,\n  "b": [\n    "{keys[0]}",\n    "{keys[1]}"\n  ]\n}}'


NPUB = "npub10xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqpkge6d"
HEX = "79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798"


@pytest.mark.parametrize("written", [NPUB, HEX, HEX.upper()])
@pytest.mark.parametrize("given_as", [NPUB, HEX])
def test_a_key_is_the_same_however_it_is_written(written: str, given_as: str) -> None:
    text = json.dumps({"a": [written]})
    assert extended(text, ["a"], [given_as]) == text
    assert reduced(text, ["a"], [given_as]) == '{"a": []}'


def test_what_is_there_twice_goes_twice() -> None:
    assert reduced('{"a": [1, 2, 1, true]}', ["a"], [1]) == '{"a": [2, true]}'
