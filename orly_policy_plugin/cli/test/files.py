"""Files of suites: a suite a line as JSON, plain or gzipped; or one suite, or a list of them, as
ordinary JSON or as YAML.
"""

from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any, Final

import yaml

from orly_policy_plugin.cli.inputs import MOST_BYTES, TOO_LARGE, decode, shown_name
from orly_policy_plugin.cli.json_lines import UnreadableLines, lines_of
from orly_policy_plugin.policy import InvalidPolicy

from .suites import Suite, SuiteError

MOST_TEXT_BYTES: Final = 64 * 1024 * 1024
"""Of a file of suites, once it is unzipped."""
_YAML: Final = frozenset({".yaml", ".yml"})

Read = Callable[[object], Suite]
"""From a decoded value to the suite that it is. Raises :class:`.InvalidPolicy`."""


def suites_of(path: Path, read: Read) -> Iterator[tuple[str, Suite | SuiteError]]:
    """The suites of a file, each with where it is; in place of a wrong one, what is wrong.

    :param path: ``-`` is standard input.
    :raises SuiteError: the file cannot be read, or not beyond some line.
    """
    name = shown_name(path)
    try:
        lines = lines_of(path, MOST_TEXT_BYTES)
        if path.suffix.lower() in _YAML:
            yield from _whole(name, _yaml(name, b"".join(lines)), read)
        else:
            yield from _json(name, lines, read)
    except UnreadableLines as error:
        raise SuiteError(error.where, (error.problem,)) from error


def _json(
    name: str, lines: Iterator[bytes], read: Read
) -> Iterator[tuple[str, Suite | SuiteError]]:
    """Of a text whose first line is no whole value: as one value, if it is one."""
    first: list[bytes] = []
    for line in lines:
        first.append(line)
        if line.strip():
            break
    if first and _is_begun(first[-1]):
        text = _bounded(name, chain(first, lines))
        try:
            value = decode(text, "a suite")
        except ValueError as error:
            if name.endswith(".json"):
                raise SuiteError(name, (error,)) from error
            first, lines = text.splitlines(keepends=True), iter(())
        else:
            yield from _whole(name, value, read)
            return
    for number, line in enumerate(chain(first, lines), 1):
        if line.strip():
            where = f"{name}, line {number}"
            yield where, _of_line(where, line, read)


def _is_begun(line: bytes) -> bool:
    """Whether a JSON value begins in a line, and does not end there."""
    if not line.lstrip(b"\xef\xbb\xbf \t").startswith((b"{", b"[")):
        return False
    try:
        return isinstance(decode(line, "a suite"), list)  # of suites, in one line
    except ValueError:
        return True


def _bounded(name: str, lines: Iterator[bytes]) -> bytes:
    text = bytearray()
    for line in lines:
        text += line
        if len(text) > MOST_BYTES:
            raise SuiteError(name, (f"{TOO_LARGE}; write a suite a line",))
    return bytes(text)


def _of_line(where: str, line: bytes, read: Read) -> Suite | SuiteError:
    try:
        value = decode(line, "a suite")
    except ValueError as error:
        message = str(error).replace("at line 1, column", "at column")
        return SuiteError(where, (f"{message}; a suite is one line of JSON",))
    return _read(where, value, read)


def _whole(name: str, value: object, read: Read) -> Iterator[tuple[str, Suite | SuiteError]]:
    if isinstance(value, list):
        for i, suite in enumerate(value):
            where = f"{name}, suite {i + 1}"
            yield where, _read(where, suite, read)
    else:
        yield name, _read(name, value, read)


def _read(where: str, value: object, read: Read) -> Suite | SuiteError:
    try:
        return read(value)
    except InvalidPolicy as error:
        return SuiteError(where, error.problems)


# --- YAML


class _Loader(yaml.SafeLoader):
    """Refuses keys that occur twice; times stay texts."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        seen: set[object] = set()
        for key, _ in node.value:
            if key.tag != "tag:yaml.org,2002:merge":
                named = self.construct_object(key)
                if not isinstance(named, (str, int)) or named in seen:
                    problem = f"the key {named!r} occurs more than once or is no text"
                    raise yaml.constructor.ConstructorError(None, None, problem, key.start_mark)
                seen.add(named)
        made: dict[Any, Any] = super().construct_mapping(node, deep)
        return {key if isinstance(key, str) else str(key): of for key, of in made.items()}


def _yaml(name: str, text: bytes) -> object:
    """:raises SuiteError: it is not YAML."""
    if len(text) > MOST_BYTES:
        raise SuiteError(name, (TOO_LARGE,))
    if not text.strip():
        raise SuiteError(name, ("there is no suite in it",))
    try:
        return yaml.load(text, _Loader)  # noqa: S506 -- it is a safe one
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise SuiteError(name, (f"this is not YAML: {error.problem}{where}",)) from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        said = " ".join(str(error).split()) or type(error).__name__
        raise SuiteError(name, (f"this is not YAML: {said}",)) from error
