"""The owner's mark in the policy file itself, so that one rename changes both.

It is under a comment key: ``"_policy_event": {"id": …, "created_at": …, "pubkey": …}``. It
can only raise what is fresh: ``freshness.json`` holds the mark as well, and the higher of both
counts. So a mark that an edit has removed or garbled stops nothing; a garbled one is reported,
for whoever edited it may have meant something.
"""

import json
import math
from collections.abc import Mapping
from typing import Any, Final

import attrs

from orly_policy_hookspecs.nip01 import is_hex32

from ..authority.freshness import LATEST_SECONDS, Mark
from ..errors import PolicyError
from ..policy import Problem, decode_policy
from ..policy.editing import CannotEdit, removed
from ..policy.strict_json import JsonObject, NotJson, decode_policy_json

KEY: Final = "_policy_event"


@attrs.frozen
class PolicyEvent:
    """The event that a policy file came from."""

    mark: Mark
    author: str
    """The owner who signed it."""


def policy_event_in(value: object, problems: list[Problem]) -> PolicyEvent | None:
    """The event that a policy names, or ``None``.

    :param value: the policy file's JSON value.
    :param problems: gets what is wrong with a mark that is there and says nothing.
    """
    if not isinstance(value, JsonObject) or KEY not in value:
        return None
    if KEY not in value.duplicates and (event := _event_in(value[KEY])):
        return event
    problems.append(Problem(KEY, "does not name a policy event, and counts for nothing"))
    return None


def mark_of(content: bytes) -> Mark | None:
    """The owner's mark in a policy file; ``None`` where there is none, or garbage."""
    try:
        value = decode_policy_json(content)
    except ValueError:
        return None  # no policy either: whoever reads that says so
    event = policy_event_in(value, [])
    return event.mark if event else None


def with_mark(policy_json: Mapping[str, Any], mark: Mark, author: str) -> bytes:
    """A policy's JSON as a file for people, with the mark of the event that it came in.

    A ``_policy_event`` that was in the event is replaced. What is no JSON, which only
    comments can hold, is written as a text.

    :raises PolicyError: its comments are nested too deeply to be written.
    """
    named = {"id": mark.event_id, "created_at": mark.created_at, "pubkey": author}
    try:
        return _pretty({**_unmarked(policy_json), KEY: named})
    except RecursionError as error:
        raise PolicyError("this is nested too deeply for a policy") from error


def without_mark(content: bytes) -> bytes:
    """A policy file's content without the mark; all else in it stays as it is. It is no longer the
    policy of that event.

    :param content: that of a policy.
    """
    try:
        return removed(content.decode(), [KEY]).encode()
    except CannotEdit:  # it has none
        return content


def reads_back(content: bytes, policy_json: Mapping[str, Any]) -> bool:
    """Whether a file that :func:`with_mark` has made says what the policy's JSON says.

    :raises InvalidPolicy: it cannot be read: it is larger than the policy, and beyond a bound.
    """
    value = decode_policy(content)
    return isinstance(value, dict) and _unmarked(value) == _unmarked(policy_json)


def _unmarked(policy_json: Mapping[str, Any]) -> dict[str, Any]:
    return {key: _plain(value) for key, value in policy_json.items() if key != KEY}


def _event_in(value: object) -> PolicyEvent | None:
    if not isinstance(value, JsonObject) or value.duplicates:
        return None
    event_id, created_at, author = (value.get(key) for key in ("id", "created_at", "pubkey"))
    if not (is_hex32(event_id) and is_hex32(author)):
        return None
    if type(created_at) is not int or not 0 <= created_at <= LATEST_SECONDS:
        return None
    return PolicyEvent(Mark(created_at, event_id), author)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(member) for key, member in value.items()}
    if isinstance(value, list):
        return [_plain(member) for member in value]
    if isinstance(value, NotJson):
        return value.text
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


def _pretty(value: Mapping[str, Any]) -> bytes:
    try:
        return json.dumps(value, indent=2, ensure_ascii=False).encode() + b"\n"
    except UnicodeEncodeError:  # half of a surrogate pair in a comment: as it was, an escape
        return json.dumps(value, indent=2).encode() + b"\n"
