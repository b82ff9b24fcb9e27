"""``policy-history/freshness.json``: the newest event that was applied, of each who may send one.

Marks only rise. A file that cannot be understood is an error, never the same as no file: whoever
forgets what was applied accepts it again.
"""

import json
from pathlib import Path
from typing import Final

from ...atomic import write_atomically
from ...authority.freshness import Freshness
from ...errors import PolicyError, Unreadable
from ...policy.strict_json import JsonObject, decode_json
from .locks import Held
from .state_files import read_state_file

NAME: Final = "freshness.json"
_KEYS: Final = frozenset({"owner", "admins"})
_MOST_BYTES: Final = 64 * 1024 * 1024

_WHAT_TO_DO: Final = (
    "without it, policy events that were applied before would be accepted again. Put a copy of it "
    'back, or write {"owner": {"created_at": SECONDS}, "admins": {}} into it, where SECONDS is '
    "what `date +%s` prints, plus 600: that refuses all events that are older"
)


class UnusableFreshness(PolicyError):
    """The file is there and does not say what was applied."""


class FreshnessFile:
    """The file, which need not be there, and what was last read of it."""

    def __init__(self, history: Path) -> None:
        """:param history: the folder."""
        self._history = history
        self._known = b"", Freshness()  # replaced whole: threads may read at the same time

    def load(self) -> Freshness:
        """The marks in the file; none where there is no file.

        :raises UnusableFreshness: with what to do.
        """
        path = self._history / NAME
        try:
            content = read_state_file(path, most_bytes=_MOST_BYTES)
            known, freshness = self._known
            if content != known or not known:
                freshness = _freshness_of(content)
                self._known = content, freshness
            return freshness
        except FileNotFoundError:
            return Freshness()
        except (Unreadable, ValueError) as error:
            raise UnusableFreshness(f"{path} cannot be used: {error}; {_WHAT_TO_DO}") from error

    def raise_to(self, seen: Freshness, held: Held) -> Freshness:
        """Take the higher of what the file says and ``seen``, mark by mark, and keep it.

        :return: what the file says now.
        :raises UnusableFreshness: the file cannot be used; it is left as it is.
        :raises Unwritable: it cannot be written, and is as it was.
        """
        held.check(self._history)
        kept = self.load()
        raised = kept.raised(seen)
        if raised != kept:
            content = json.dumps(raised.to_json(), indent=2, sort_keys=True).encode() + b"\n"
            write_atomically(self._history / NAME, content)
            self._known = content, raised
        return raised


def _freshness_of(content: bytes) -> Freshness:
    if not content.strip():
        raise ValueError("it is empty")
    value = decode_json(content)
    if problem := _garbled(value):
        raise ValueError(problem)
    return Freshness.from_json(value)


def _garbled(value: object) -> str | None:
    """The fault of a value that would be read as lower marks than were written."""
    if not isinstance(value, JsonObject):
        return None
    if missing := _KEYS - value.keys():
        return f"it has no {min(missing)!r}"
    admins = value["admins"]
    marks = admins.values() if isinstance(admins, JsonObject) else ()
    for part in (value, value["owner"], admins, *marks):
        if isinstance(part, JsonObject) and part.duplicates:
            return f"the key {part.duplicates[0]!r} occurs twice"
    return None
