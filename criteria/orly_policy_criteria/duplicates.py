"""``x_duplicates``: the same content may not come again for some time."""

import hashlib
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Collection
from typing import Any, Final

import attrs

from orly_policy_hookspecs import Context, Criterion, Decision, FrozenEvent, hookimpl
from orly_policy_hookspecs.decision import Asked

from .counted import counted
from .undecided import Undecided
from .values import members_of, number_shape, object_shape, one_of, whole_number

MOST_CONTENTS: Final = 100_000
_MOST_SECONDS: Final = 30 * 86_400
_MOST_CHARACTERS: Final = 1_000_000
_BY: Final = ("author", "anybody")

_Key = tuple[int, str, int, bytes]
"""Seconds, the author's pubkey or empty for anybody's, the kind, the content's hash. The seconds,
so that a rule with few does not forget what one with more remembers.
"""


@attrs.frozen
class Within:
    """What counts as the same, and for how long."""

    seconds: int
    by: str
    """``author`` or ``anybody``."""
    from_characters: int
    """A shorter content may come again."""


def within(value: object) -> Within:
    """Read ``{"seconds": 600, "by": "author", "from_characters": 20}``, which needs ``seconds``
    alone.

    :raises ValueError: it is something else.
    """
    members = members_of(value, ("seconds", "by", "from_characters"))
    if "seconds" not in members:
        raise ValueError("'seconds' is missing: how long the same content may not come again")
    return Within(
        whole_number("seconds", 1, _MOST_SECONDS)(members["seconds"]),
        one_of(members.get("by", "author"), "by", _BY),
        whole_number("characters", 0, _MOST_CHARACTERS)(members.get("from_characters", 0)),
    )


class Duplicates:
    """Remembers contents that were sent. What is being decided counts, so that two at once are not
    both let through; what is refused in the end is forgotten.
    """

    def __init__(
        self, most: int = MOST_CONTENTS, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """:param most: contents to remember; the oldest is forgotten first.
        :param clock: seconds that never go back.
        """
        self._most = most
        self._clock = clock
        self._sent: OrderedDict[_Key, tuple[str, float]] = OrderedDict()
        """With the id of the event that has it, and when that came."""
        self._undecided: Undecided[_Key] = Undecided(most)
        self._lock = threading.Lock()

    @hookimpl
    def criteria(self) -> Collection[Criterion]:
        """Add ``x_duplicates`` to rules."""
        return [
            Criterion(
                name="x_duplicates",
                unit="seconds, and whose",
                says=in_words,
                read=within,
                shape=object_shape(
                    {
                        "seconds": number_shape(1, _MOST_SECONDS),
                        "by": {"enum": list(_BY)},
                        "from_characters": number_shape(0, _MOST_CHARACTERS),
                    },
                    required=["seconds"],
                ),
                refuses=self.sent_before,
                decided=self.decided,
            )
        ]

    def sent_before(self, event: FrozenEvent, _: Context, these: Within) -> str | None:
        """Say that another event with the content has come."""
        if len(event.content) < these.from_characters:
            return None
        author = event.pubkey if these.by == "author" else ""
        digest = hashlib.sha256(event.content.encode()).digest()
        key = (these.seconds, author, event.kind, digest)
        with self._lock:
            now = self._clock()
            event_id, at = self._sent.get(key, ("", now - these.seconds))
            if event_id == event.id:
                return None
            if now - at < these.seconds:
                return (
                    f"blocked: the same content came within {counted(these.seconds, 'second')}"
                    f"{' from this author' if author else ''}"
                )
            self._sent[key] = event.id, now
            self._sent.move_to_end(key)
            self._undecided.take(event.id, key)
            self._bound()
        return None

    def decided(
        self, event: FrozenEvent, _: Context, __: Asked, decision: Decision, ___: object
    ) -> None:
        """Forget what was refused."""
        with self._lock:
            if decision.accepted:
                for key in self._undecided.accepted(event.id):
                    self._sent.setdefault(key, (event.id, self._clock()))
                    self._bound()
            else:
                for key in self._undecided.refused(event.id):
                    if self._sent.get(key, ("",))[0] == event.id:
                        del self._sent[key]

    def _bound(self) -> None:
        if len(self._sent) > self._most:
            self._sent.popitem(last=False)


def in_words(value: Any) -> str:
    """The value for a summary."""
    whose = "an author" if value.get("by", "author") == "author" else "anybody"
    least = value.get("from_characters", 0)
    longer = f" of {least} characters or more" if least else ""
    return f"the same content{longer} by {whose} once within {counted(value['seconds'], 'second')}"


duplicates: Final = Duplicates()
"""The plugin of a process."""
