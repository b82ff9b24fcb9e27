"""The events that a script is tried on: what a relay may ask, one of each sort."""

import hashlib
import time
from typing import Final, Literal

import attrs

from orly_policy_hookspecs import Event, FrozenEvent
from orly_policy_plugin.scripts.protocol import question

TOGETHER: Final = 20
"""How many events are sent at once, after those one by one."""

_AUTHOR: Final = "a1" * 32
_READER: Final = "b0" * 32
_ODD: Final = 'naïve “quotes” "here", \\ and \\n\nline\r\n\ttab 🎉 \u2028 \x01 \U000e0001'


@attrs.frozen
class Sample:
    """One question for the script."""

    name: str
    event: Event
    access: Literal["read", "write"] = "write"
    logged_in_pubkey: str | None = _AUTHOR
    ip: str = "192.0.2.7"

    def line(self) -> bytes:
        """The question as the relay puts it."""
        who, now = self.logged_in_pubkey, int(time.time())
        return question(self.event, self.access, logged_in_pubkey=who, ip=self.ip, received_at=now)


def samples(now: int) -> tuple[Sample, ...]:
    """What is asked one by one.

    :param now: Unix seconds, when the events were made.
    """

    def event(content: str = "hello", *tags: tuple[str, ...]) -> FrozenEvent:
        return _event(next(numbers), now, content, *tags)

    numbers = iter(range(TOGETHER, 2 * TOGETHER))
    return (
        Sample("a plain note", event()),
        Sample("unicode, quotes, line ends", event(_ODD, ("t", 'a"b\\c\nd'))),
        Sample("no content, no tags", event("")),
        Sample("500 tags", event("hello", *(("p", f"{i:064x}") for i in range(500)))),
        Sample("a content of 100 KB", event("All work and no play. " * 4_655)),
        Sample("a read", event(), "read", _READER),
        Sample("nobody logged in", event(), logged_in_pubkey=None),
        Sample("from an IPv6 address", event(), ip="2001:db8::7"),
    )


def together(now: int) -> tuple[Sample, ...]:
    """What is asked at once."""
    return tuple(
        Sample(f"event {i + 1} of {TOGETHER} together", _event(i, now)) for i in range(TOGETHER)
    )


def _event(number: int, now: int, content: str = "hello", *tags: tuple[str, ...]) -> FrozenEvent:
    """A made-up event: neither its id nor its signature is right."""
    event_id = hashlib.sha256(b"sample %d" % number).hexdigest()
    return FrozenEvent(event_id, _AUTHOR, now, 1, tags, content, "50" * 64)
