"""From a :class:`Policy` back to JSON, and to its version."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import attrs
import orjson

from .durations import Duration
from .fields import Field, fields_of, keys_of, once
from .models import Policy
from .regexes import Regex

VERSION_DIGITS = 12


def unstructure_policy(policy: Policy) -> dict[str, Any]:
    """The policy as JSON values: only what has a meaning, with the file's own keys.

    Reading it again gives a policy that decides alike: ``"write_allow": []`` survives.
    """
    values: dict[str, Any] = plain(policy)
    return values


def write_policy(policy: Policy) -> bytes:
    """The policy as a file for people: indented UTF-8 JSON that ends with a line break."""
    text = json.dumps(unstructure_policy(policy), indent=2, ensure_ascii=False)
    return text.encode() + b"\n"


def policy_version(policy: Policy) -> str:
    """The first 12 hex digits of the SHA-256 of the canonical JSON (sorted keys, no spaces).

    Comments, spaces and the order of keys do not count; the order within a list does.
    """
    return json_version(unstructure_policy(policy))


def json_version(value: object) -> str:
    """The version of anything that JSON can say, in the same way."""
    return version_of(canonical(value))


def version_of(canonical_json: bytes) -> str:
    """The version of what :func:`canonical` has written."""
    return hashlib.sha256(canonical_json).hexdigest()[:VERSION_DIGITS]


def canonical(value: object) -> bytes:
    """Sorted keys, no spaces, UTF-8. ``orjson`` writes the same as ``json``, a million keys in a
    tenth of the time, in which no other thread can run.
    """
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except orjson.JSONEncodeError:  # half of a surrogate pair, as a script's path may have
        text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return text.encode("utf-8", "surrogatepass")


def plain(value: Any) -> Any:
    """A model, or a part of one, as JSON values: only what has a meaning."""
    if isinstance(value, (Duration, Regex)):
        return value.text
    if isinstance(value, tuple):
        return list(value)
    if isinstance(value, Mapping):
        return {str(key): plain(member) for key, member in value.items()}
    if not attrs.has(type(value)):
        return value
    values: dict[str, Any] = {}
    for name, key, default, field in _written(type(value)):
        if (member := getattr(value, name)) != default and field.is_set(member):
            values.update(plain(member) if field.prefix else {key: plain(member)})
    return values


@once
def _written(model: type) -> tuple[tuple[str, str, Any, Field], ...]:
    """A model's fields: attribute, key in the file, default and declaration. Looked up for every
    part of a policy, which may have a hundred thousand.
    """
    keys, declarations = keys_of(model), fields_of(model)
    return tuple(
        (each.name, keys[each.name], each.default, declarations[each.name])
        for each in attrs.fields(model)
    )
