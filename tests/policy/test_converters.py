"""A converter reads a policy, whoever makes one; :func:`make_converter` has others read parts."""

import json
from pathlib import Path
from typing import Any

import attrs
import pytest
from examples import ALICE, BOB

from orly_policy_plugin.policy import (
    InvalidPolicy,
    Policy,
    decode_policy,
    parse_regex,
    structure_policy,
)
from orly_policy_plugin.policy.fields import Field, declared
from orly_policy_plugin.policy.reading import make_converter, model

HERE = Path(__file__).parent
WRONG = ("keys", "limits_and_kinds", "newcomer", "times_and_patterns")
"""Files of ``golden/`` that are JSON and have wrong values."""


@pytest.mark.parametrize("name", WRONG)
def test_every_problem_is_told_in_the_same_words(name: str) -> None:
    """As ``orly-policy check`` prints them, in the same order."""
    content = (HERE / "golden" / f"{name}.json").read_bytes()
    lines = (HERE / "golden" / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    with pytest.raises(InvalidPolicy) as caught:
        structure_policy(decode_policy(content))
    told = [f"{name}.json: {problem}" for problem in caught.value.problems]
    assert told == lines


def test_a_kind_that_is_named_twice_is_a_problem() -> None:
    """Even where nothing is wrong with its rules."""
    value = decode_policy(b'{"rules": {"1": {}, "7": {}, "1": {}}}')
    with pytest.raises(InvalidPolicy, match="rules: the key '1' occurs more than once"):
        make_converter().structure(value, Policy)


def test_every_field_is_read() -> None:
    """Whatever has a version in ``versions.jsonl``, as the package's own converter reads it."""
    converter = make_converter()
    for line in (HERE / "versions.jsonl").read_text().splitlines():
        if (written := json.loads(line).get("policy")) is not None:
            assert converter.structure(written, Policy) == structure_policy(written)


def test_a_fault_of_a_reader_is_no_problem_of_the_policy() -> None:
    """It is raised."""

    def broken(value: object, _: object) -> Any:
        raise ZeroDivisionError

    @attrs.frozen
    class Model:
        part: int = declared(0, Field(unit="", read=broken))

    read = model(Model, make_converter(), lambda _, __: "")
    assert read({}, Model) == Model(0)
    with pytest.raises(ZeroDivisionError):
        read({"part": 1}, Model)


def test_a_part_is_read_by_who_is_given_for_it() -> None:
    """Regular expressions, public keys and kinds, wherever they are."""

    def read_regex(value: object, _: object = None) -> Any:
        return parse_regex(f"{value}, read")

    converter = make_converter(
        read_regex=read_regex,
        read_pubkeys=lambda value, _: (*value, BOB),
        read_kinds=lambda value, _: (*value, 7),
    )
    rule = {"identifier_regex": "a", "tag_validation": {"t": "b"}, "write_allow": [ALICE]}
    policy = converter.structure(
        {"kind": {"whitelist": [1]}, "owners": [ALICE], "rules": {"1": rule}}, Policy
    )
    assert policy.kind.whitelist == (1, 7)
    assert policy.rules[1].write_allow == (ALICE, BOB)
    assert policy.owners == (ALICE,)  # authority is read in one way
    assert policy.rules[1].identifier_regex == parse_regex("a, read")
    assert policy.rules[1].tag_validation == {"t": parse_regex("b, read")}
