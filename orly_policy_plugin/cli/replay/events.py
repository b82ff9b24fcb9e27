"""Events of JSON lines: what ``strfry export``, ``nak req`` and databases' dumps write, and a
relay's decision log.
"""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Final

import attrs
import orjson

from orly_policy_hookspecs.nip01 import FrozenEvent, malformed
from orly_policy_plugin.cli.inputs import shown_name
from orly_policy_plugin.cli.json_lines import UnreadableLines, lines_of
from orly_policy_plugin.desk.entries import is_dropped, is_entry, is_of_shadow

_MOST_TOLD = 5
_NO_SIGNATURE: Final = "0" * 128
"""Of an event whose signature the log has erased: none is verified here."""


@attrs.define
class Passed:
    """What was passed over, for it was no event."""

    lines: int = 0
    told: list[str] = attrs.Factory(list)
    """The first few, with file, line and reason."""
    files: list[str] = attrs.Factory(list)
    """Files that could not be read to their end, and why."""
    empty: list[str] = attrs.Factory(list)
    """Files without an event."""
    dropped: int = 0
    """Decisions that a log says it lacks."""

    def add(self, name: str, number: int, problem: str) -> None:
        self.lines += 1
        if len(self.told) < _MOST_TOLD:
            self.told.append(f"{name}, line {number}: {problem}")


def events_of_files(
    paths: Iterable[Path], passed: Passed, read: Callable[[int], None]
) -> Iterator[FrozenEvent]:
    """The events of files, one after the other. Ids and signatures are not verified.

    :param passed: what is no event is written here.
    :param read: is told of the bytes that were read.
    """
    for path in paths:
        try:
            yield from _events(path, passed, read)
        except UnreadableLines as error:
            passed.files.append(str(error))


def _events(path: Path, passed: Passed, read: Callable[[int], None]) -> Iterator[FrozenEvent]:
    name, number, some, size = shown_name(path), 0, False, 0
    for number, line in enumerate(lines_of(path), 1):
        size += len(line)
        if not number % 1_000:
            read(size)
            size = 0
        try:
            value = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            if line.strip():
                passed.add(name, number, _why_not_json(line, error))
            continue
        if is_dropped(value):
            passed.dropped += value["dropped"]
            continue
        if is_of_shadow(value):
            continue
        event = _event_in(value)
        if problem := _why_no_event(value, event):
            passed.add(name, number, problem)
            continue
        some = True
        yield FrozenEvent.of_json(event)
    read(size)
    if not some and not passed.lines:
        passed.empty.append(f"{name}: there is no event in it")


def _event_in(value: Any) -> Any:
    """The event of a relay's message or of an entry of the decision log; else the value itself."""
    if type(value) is list and value and value[0] == "EVENT":
        return value[-1]
    if is_entry(value):
        event = value["input"].get("event")
        return {"sig": _NO_SIGNATURE, **event} if type(event) is dict else event
    return value


def _why_no_event(value: Any, event: Any) -> str | None:
    problem = malformed(event)
    erased = value.get("erased") if problem and is_entry(value) else None
    if not erased:
        return problem
    return f"the log was told to erase {', '.join(map(str, erased))}: {problem}"


def _why_not_json(line: bytes, error: orjson.JSONDecodeError) -> str:
    if b"\0" in line:
        return "this is a binary file, not JSON"
    return f"this is not JSON: {str(error).split(':')[0]}; an event is one line"
