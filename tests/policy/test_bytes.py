"""A policy file's bytes: what is no JSON is one clear problem, and never another exception."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import json_values, many, policies, some

from orly_policy_plugin.policy import (
    InvalidPolicy,
    Policy,
    read_policy,
    structure_policy,
    unstructure_policy,
)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty"),
        (b" \n\t", "empty"),
        (b"\xef\xbb\xbf", "empty"),
        (b"{", "the end is missing"),
        (b'{"rules": {"1": {', "the end is missing"),
        (b'{"owners": [],}', "remove the comma"),
        (b"{'owners': []}", "double quotes"),
        (b'{"owners": [] // me\n}', "no comments"),
        (b"\x00\x01\x02\xff", "binary"),
        (b"\xff{}", "not UTF-8"),
        ('{"default_policy": "deny"}'.encode("utf-16"), "not UTF-8|binary"),
        (b"{} {}", "line 1, column 4"),
        (b"NaN", "expected an object"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"a":' * 100_000, "nested too deeply"),
        (b'{"global": {"size_limit": 1e999}}', "whole number"),
        (b'{"global": {"size_limit": Infinity}}', "whole number"),
        (b'{"global": {"size_limit": NaN}}', "whole number"),
        (b'{"global": {"size_limit": ' + b"9" * 10_000 + b"}}", "whole number"),
        (b'{"rules": {"' + b"9" * 10_000 + b'": {}}}', "not a kind"),
    ],
)
def test_what_is_no_policy_is_one_problem(content: bytes, message: str) -> None:
    """A sentence that says what is there instead."""
    with pytest.raises(InvalidPolicy, match=message) as caught:
        read_policy(content)
    assert len(caught.value.problems) == 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\xff{}", "this is not UTF-8 text (byte 0), a JSON text is needed"),
        (b"{}\xff\0", "this is a binary file (byte 2), a JSON text is needed"),
        (
            b'{"rules": "1',
            "this is not JSON: Unterminated string at line 1, column 11 "
            "(the end is missing: was it saved only half?)",
        ),
        (b'{"_": ' + b"[" * 32 + b"]" * 32 + b"}", "this is nested too deeply for a policy"),
        (b'{"_":' * 32 + b"{}" + b"}" * 32, "this is nested too deeply for a policy"),
        (
            b'{"global": {"size_limit": 18446744073709551616}}',
            "global.size_limit: expected a number of bytes from 0 up, "
            "but 18446744073709551616 is over 64 bits",
        ),
        (
            b'{"global": {"size_limit": 184467440737095516160}}',
            "global.size_limit: expected a whole number of bytes, "
            "found the number 18446744073709551616…, which is over 64 bits",
        ),
        (
            b'{"global": {"size_limit": -Infinity}}',
            "global.size_limit: expected a whole number of bytes, "
            "found -Infinity, which is not JSON",
        ),
    ],
)
def test_the_problem_is_in_these_words(content: bytes, message: str) -> None:
    """What is there, and where."""
    with pytest.raises(InvalidPolicy) as caught:
        read_policy(content)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"[" * 250_000, "this is nested too deeply for a policy"),
        (b"[" * 250_001, "this has 250001 brackets and braces, a policy at most 250000"),
        (b"{" * 250_001, "this has 250001 brackets and braces, a policy at most 250000"),
        (b"," * 507_936, "this is not JSON: Expecting value at line 1, column 1"),
        (b"," * 507_937, "this has 507937 commas, a policy of its size at most 507936"),
    ],
)
def test_a_file_has_a_most_size(content: bytes, message: str) -> None:
    """In lists and objects, and in values: what is larger is not parsed."""
    with pytest.raises(InvalidPolicy) as caught:
        read_policy(content)
    [problem] = caught.value.problems
    assert (problem.place, problem.message) == ("", message)


def test_comments_may_be_nested_a_little() -> None:
    """32 lists and objects within each other."""
    for comment in b"[" * 31 + b"]" * 31, b'{"a":' * 30 + b"{}" + b"}" * 30:
        assert read_policy(b'{"_": ' + comment + b"}") == Policy()


def test_a_byte_order_mark_is_no_mistake() -> None:
    """Some editors write one."""
    assert read_policy(b"\xef\xbb\xbf{}") == Policy()


@pytest.mark.parametrize("opening", ["[", '{"a":'])
@pytest.mark.parametrize(
    "around",
    [
        "%s",
        '{"rules": {"1": {"privileged": %s}}}',
        '{"rules": {"1": {"size_limit": %s}}}',
        '{"kind": {"whitelist": [%s]}}',
        '{"owners": [%s]}',
        '{"rules": %s}',
        '{"default_policy": %s}',
    ],
)
def test_any_depth_of_nesting_is_a_problem(opening: str, around: str) -> None:
    """Also just below the depth at which Python itself gives up."""
    closing = {"[": "]", '{"a":': "}"}[opening]
    for depth in (*range(900, 1000), 2_000, 50_000):
        nested = opening * depth + "1" + closing * depth
        with pytest.raises(InvalidPolicy):
            read_policy((around % nested).encode())


@given(st.binary(max_size=200))
@many
def test_arbitrary_bytes_only_ever_raise_invalid_policy(content: bytes) -> None:
    """Whatever a half-written file holds."""
    try:
        read_policy(content)
    except InvalidPolicy as error:
        assert error.problems  # noqa: PT017 -- it need not raise


@given(policies(), st.data())
@some
def test_a_half_written_file_is_no_policy(policy: dict[str, Any], data: st.DataObject) -> None:
    """No beginning of a file is a policy."""
    content = json.dumps(policy).encode()
    with pytest.raises(InvalidPolicy):
        read_policy(content[: data.draw(st.integers(0, len(content) - 1))])


@given(json_values)
@many
def test_arbitrary_json_only_ever_raises_invalid_policy(value: object) -> None:
    """Whatever its shape."""
    try:
        structure_policy(value)
    except InvalidPolicy as error:
        assert error.problems  # noqa: PT017 -- it need not raise


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The way to every value in a JSON value."""
    inner = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    return [path, *(place for key, member in inner for place in places(member, (*path, key)))]


def replaced(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    """The same JSON value with one value in it replaced."""
    if not path:
        return new
    copy = value.copy()
    copy[path[0]] = replaced(value[path[0]], path[1:], new)
    return copy


def meant(value: Any, where: str = "") -> Any:
    """What a valid file says: nulls, comments and what is empty without meaning left out."""
    if not isinstance(value, dict):
        return value
    comments = where != "tag_validation"
    return {
        key: meant(member, key)
        for key, member in value.items()
        if member is not None and not (comments and key.startswith(("_", "$")))
    }


@given(policies(), json_values, st.data())
@many
def test_a_mutated_file_is_refused_or_means_what_is_written(
    policy: dict[str, Any], value: Any, data: st.DataObject
) -> None:
    """Nothing is guessed, converted or skipped: what is read is what stands there."""
    place = data.draw(st.sampled_from(places(policy)))
    mutated = replaced(policy, place, value)
    try:
        read = structure_policy(mutated)
    except InvalidPolicy:
        return
    back = unstructure_policy(read)
    for path in places(meant(mutated)):
        written, kept = meant(mutated), back
        for key in path:
            written = written[key]
            kept = kept.get(key) if isinstance(kept, dict) else kept[key] if kept else None
        if isinstance(written, (dict, list)):
            continue
        said_nothing = kept is None and written in (False, 0, "", "allow")
        same_key = isinstance(written, str) and structured_key(written) == kept
        assert said_nothing or kept == written or same_key, path
        assert said_nothing or same_key or type(kept) is type(written), path


def structured_key(text: str) -> str | None:
    try:
        return structure_policy({"owners": [text]}).owners[0]
    except InvalidPolicy:
        return None
