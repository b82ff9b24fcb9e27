"""Criteria: fields of a plugin's own in the rules of a policy.

A rule says ``"x_pow": 20``; the plugin says how the value is read, and what it asks of an event.
Its answer counts as a built-in field's does, in its place: one that :attr:`Criterion.refuses` can
only deny, one that :attr:`Criterion.lets_in` is one of the rule's allow lists.
"""

import re
from collections.abc import Awaitable, Callable, Container, Mapping, Sequence
from typing import Any, Final, Literal

import attrs

from .context import Context
from .decision import Asked, Decision
from .nip01.events import FrozenEvent

Access = Literal["write", "read"]

_NAME: Final = re.compile(r"x_[a-z][a-z0-9_]*")

Refuses = Callable[[FrozenEvent, Context, Any], Awaitable[str | None] | str | None]
"""Why an event is refused, as the client is told, with a prefix of NIP-01; ``None``: nothing is
against it. The last argument is the rule's value, as :attr:`Criterion.read` has made it.
"""
LetsIn = Callable[[FrozenEvent, Context, Any], Awaitable[bool] | bool]
"""Whether an event, or who sends or reads it, is let in."""
Decided = Callable[[FrozenEvent, Context, Asked, Decision, Sequence[Any]], None]
"""Takes note of a decision, as :func:`.hooks.on_decided` does. The last argument are the values of
all rules that have the criterion, as :attr:`Criterion.read` has made them.
"""
ReadKeys = Callable[[object], Container[str]]
"""Reads a list of keys as rules have it: hex, ``npub1…``, and ``"@name"`` for a named list of the
policy. Makes the keys, 64 lowercase hex characters each, that these are now: where a list changes,
the value is read again.

:raises InvalidSettings: with all that is wrong, each with its place in the list: ``[2]``.
"""


def _check_name(_: object, __: object, name: str) -> None:
    if not (isinstance(name, str) and _NAME.fullmatch(name)):
        raise ValueError(
            f"{name!r:.60} is no name of a criterion: it is x_ and lowercase letters, digits and _"
        )


@attrs.frozen(kw_only=True)
class Criterion:
    """A field that a plugin adds to rules. Exactly one of :attr:`refuses` and :attr:`lets_in` is
    given.

    The functions are called on the relay's event loop and must not block; they may be
    ``async def``. One that raises, answers something else or takes too long is a rejection with
    ``error:``.

    :raises ValueError: it cannot be one.
    """

    name: str = attrs.field(validator=_check_name)
    """``x_pow``."""
    unit: str
    """Of a number, or what a value is: ``bits``."""
    read: Callable[[Any], Any] | None = None
    """From a JSON value to what the functions are given. What it raises is told to the operator,
    with the place: ``ValueError("expected a number of bits, found 'many'")``. It may be called
    again and again, from any thread.
    """
    read_with_keys: Callable[[Any, ReadKeys], Any] | None = None
    """In the place of :attr:`read`, for a value that has lists of keys."""
    asked_on: tuple[Access, ...] = ("write",)
    """On which access it has a say."""
    says: str | Callable[[Any], str] = ""
    """In a summary, ``{}`` is the value: ``{} bits of proof of work``. A function is given the
    value, as the policy has it, and returns the words.
    """
    shape: Mapping[str, Any] = attrs.field(factory=dict)
    """A JSON Schema of the value, as far as it can be told by one, for editors: empty for any."""
    refuses: Refuses | None = None
    lets_in: LetsIn | None = None
    decided: Decided | None = None
    """Told of each final decision on an access that the criterion is asked on, about events of any
    kind, as long as a rule has the criterion: for one that remembers what was accepted. An
    ordinary function. It costs nothing where no rule has the criterion.
    """

    def __attrs_post_init__(self) -> None:
        if (self.refuses is None) == (self.lets_in is None):
            raise ValueError(f"{self.name} either refuses or lets in: give one of these functions")
        if (self.read is None) == (self.read_with_keys is None):
            raise ValueError(
                f"{self.name} is read, or read with keys: give one of these functions"
            )
        if not self.asked_on or not {"write", "read"}.issuperset(self.asked_on):
            raise ValueError(f"{self.name} is asked on write, on read, or on both")

    def value(self, written: object, keys: ReadKeys) -> Any:
        """What the functions are given of a rule's value. Raises what its reader raises.

        :param written: as the policy has it.
        :param keys: reads the lists of keys in it.
        """
        if self.read is not None:
            return self.read(written)
        assert self.read_with_keys is not None
        return self.read_with_keys(written, keys)

    def in_words(self, value: object) -> str:
        """A rule's value in words.

        :param value: as the policy has it.
        """
        if callable(self.says):
            return self.says(value)
        return self.says.replace("{}", str(value)) if self.says else f"{self.name} {value}"


@attrs.define(eq=False)
class Registration:
    """A plugin's registration with a gate, for whoever holds something of the plugin's."""

    plugin: str
    """Its name."""
    is_over: bool = False
    """Whether the plugin was unregistered, and is not to be asked any more."""


@attrs.frozen
class Registered:
    """A criterion, and whose it is."""

    registration: Registration
    criterion: Criterion

    @property
    def plugin(self) -> str:
        """The name of its plugin."""
        return self.registration.plugin


@attrs.frozen
class Used:
    """A criterion that rules have."""

    registered: Registered
    values: tuple[Any, ...]
    """Of each rule, as :attr:`Criterion.read` has made it."""
