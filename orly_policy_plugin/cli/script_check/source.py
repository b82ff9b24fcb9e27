"""A script's text, as it is before the script is started."""

import contextlib
import re
from pathlib import Path
from typing import Final

import attrs

from orly_policy_plugin.errors import PolicyError
from orly_policy_plugin.scripts.files import why_not_run

_LONGEST_BYTES: Final = 1_048_576
_LANGUAGE: Final = re.compile(
    r"#!.*?\b(?:(?P<python>python|pypy)|(?P<shell>(?:ba|da|a|k|z)?sh)|(?P<node>node(?:js)?))"
    r"[\d.]*(?:\s|$)"
)


class CannotStart(PolicyError):
    """The script cannot be started at all."""


@attrs.frozen
class Source:
    """A script's text. That of a compiled program is empty."""

    name: str
    """The file's, without its folder."""
    text: str

    @property
    def lines(self) -> list[str]:
        """Without their ends."""
        return self.text.split("\n")

    @property
    def language(self) -> str:
        """``python``, ``shell``, ``node`` or ``other``, by the interpreter in the first line."""
        found = _LANGUAGE.match(self.lines[0])
        return (found and found.lastgroup) or "other"


def read_source(path: Path) -> Source:
    """The script's text, empty for what is none.

    :raises CannotStart: there is no such file, or it is none that can be started.
    """
    if wrong := why_not_run(path):
        raise CannotStart(f"{path} {wrong}")
    return Source(path.name, _text(path))


def _text(path: Path) -> str:
    """A script may be executable and not readable: then nothing is told of its lines."""
    with contextlib.suppress(OSError), path.open("rb") as file:
        content = file.read(_LONGEST_BYTES)
        return "" if b"\0" in content else content.decode("utf-8", "replace")
    return ""
