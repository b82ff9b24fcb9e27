"""Conditions: what a rule asks of an event, one a field (section 1 of the spec). The table
:data:`CONSTRAINTS` has those that only deny.

A policy is compiled into ordered tuples of conditions. To decide is to check one after the other
until one denies; to explain is to do the same and write down what each saw. A check answers
``None`` (nothing against it), :data:`GRANT`, or the :class:`Decision` that denies.

Every check takes the event, ``keys`` (the pubkeys that authenticated, 64 lowercase hex characters
each) and ``now`` (Unix seconds, whole).
"""

import re
from collections.abc import Callable, Mapping
from enum import Enum
from types import MappingProxyType
from typing import Any, ClassVar, Final

import attrs

from orly_policy_hookspecs import Decision, Event
from orly_policy_hookspecs.reading import Sizes

from ..counted import counted, listed
from ..event_size import content_size, event_size
from ..policy import Duration, Regex
from .messages import quoted

Keys = tuple[str, ...]


class Grant(Enum):
    """The finding of a condition that grants."""

    GRANT = "grant"


GRANT: Final = Grant.GRANT

Finding = Decision | Grant | None


@attrs.frozen
class Foresight:
    """The findings that a condition can have for one reader."""

    denies: Decision | None = None
    """The denial that every event gets."""
    grants: bool = False
    """Whether every event is granted."""
    may_deny: bool = True
    """Whether some event is denied."""
    may_grant: bool = False
    """Whether some event may be granted."""
    grants_parties: bool = False
    """Whether every event is granted of which the reader is a party."""
    denies_others: Decision | None = None
    """The denial that every event gets of which the reader is no party."""
    denies_none_up_to: Sizes | None = None
    """The sizes of which no event is denied; ``None`` where they do not tell."""


PASSES: Final = Foresight(may_deny=False)
GRANTS: Final = Foresight(may_deny=False, grants=True)


@attrs.frozen
class Condition:
    """One thing that is asked of an event."""

    place: str
    """The place in the policy file: ``rules.1.size_limit``."""

    always_passes: ClassVar[bool] = False
    """Whether the check is for explanations only."""

    asks: ClassVar[bool] = False
    """Whether a plugin has a say: see :mod:`.criteria`."""

    @property
    def always_grants(self) -> bool:
        """Whether every event and submitter is granted."""
        return False

    def check(self, event: Event, keys: Keys, now: int) -> Finding:
        """Deny, grant, or say nothing."""
        raise NotImplementedError

    def place_for(self, event: Event, keys: Keys) -> str:
        """The place that says so of this event and submitter, where several are checked as one."""
        return self.place

    def seen(self, event: Event, keys: Keys, now: int) -> str:
        """The value that the check looked at, for explanations."""
        raise NotImplementedError

    @property
    def limit(self) -> str:
        """The value that it is held against, for explanations."""
        raise NotImplementedError

    @property
    def could_grant(self) -> bool:
        """Whether some submitter would be granted."""
        return False

    @property
    def asks_to_authenticate(self) -> bool:
        """Whether whoever did not authenticate may be told to."""
        return False

    def foresees(self, keys: Keys) -> Foresight:
        """The findings of the check for a reader, whatever the event. Most look at the event, and
        can only deny.
        """
        return Foresight()


@attrs.frozen
class Constraint(Condition):
    """A condition that can only deny, for what the event is."""

    subject: str
    """The end of messages: `` for kind 1``, or nothing for the global rule."""

    def _denial(self, message: str) -> Decision:
        return Decision.reject(message, self.place)


@attrs.frozen
class SizeLimit(Constraint):
    """``size_limit``: the event as compact JSON, in bytes."""

    most: int

    def check(self, event: Event, keys: Keys, now: int) -> Finding:
        if (size := event_size(event)) <= self.most:
            return None
        return self._denial(
            f"blocked: event is {counted(size, 'byte')}, the limit{self.subject} is {self.most}"
        )

    def seen(self, event: Event, keys: Keys, now: int) -> str:
        return counted(event_size(event), "byte")

    @property
    def limit(self) -> str:
        return f"at most {self.most}"

    def foresees(self, keys: Keys) -> Foresight:
        return Foresight(denies_none_up_to=Sizes(event=self.most))


@attrs.frozen
class ContentLimit(Constraint):
    """``content_limit``: the content as UTF-8, in bytes."""

    most: int

    def check(self, event: Event, keys: Keys, now: int) -> Finding:
        if (size := content_size(event)) <= self.most:
            return None
        return self._denial(
            f"blocked: content is {counted(size, 'byte')}, the limit{self.subject} is {self.most}"
        )

    def seen(self, event: Event, keys: Keys, now: int) -> str:
        return counted(content_size(event), "byte")

    @property
    def limit(self) -> str:
        return f"at most {self.most}"

    def foresees(self, keys: Keys) -> Foresight:
        return Foresight(denies_none_up_to=Sizes(content=self.most))


def _tag(name: str) -> str:
    """A tag of this name, as it is read aloud: ``a "t" tag``, ``an "e" tag``."""
    an = name[:1].lower() in ("aefhilmnorsx" if len(name) == 1 else "aeiou")
    return f"{'an' if an and name else 'a'} {quoted(name)} tag"


def _names(event: Event) -> set[str]:
    return {tag[0] for tag in event.tags}


def _values(event: Event, name: str) -> list[str]:
    """The values of all tags of this name; a tag without one has the value ``""``."""
    return [tag[1] if len(tag) > 1 else "" for tag in event.tags if tag[0] == name]


@attrs.frozen
class MustHaveTags(Constraint):
    """``must_have_tags``: each of these names occurs."""

    names: tuple[str, ...]

    def check(self, event: Event, keys: Keys, now: int) -> Finding:
        missing = set(self.names)
        for tag in event.tags:
            missing.discard(tag[0])
            if not missing:
                return None
        first = next(name for name in self.names if name in missing)
        return self._denial(f"invalid: {_tag(first)} is required{self.subject}")

    def seen(self, event: Event, keys: Keys, now: int) -> str:
        return _listed(sorted(_names(event)))

    @property
    def limit(self) -> str:
        return f"all of {_listed(self.names)}"


@attrs.frozen
class AllowedTags(Constraint):
    """``allowed_tags``: no other name occurs."""

    names: frozenset[str] = attrs.field(converter=frozenset)

    def check(self, event: Event, keys: Keys, now: int) -> Finding:
        for tag in event.tags:
            if tag[0] not in self.names:
                return self._denial(f"invalid: {_tag(tag[0])} is not allowed{self.subject}")
        return None

    def seen(self, event: Event, keys: Keys, now: int) -> str:
        return _listed(sorted(_names(event)))

    @property
    def limit(self) -> str:
        return f"only {_listed(sorted(self.names))}"


_INTEGER = re.compile(r"([+-]?)0*([0-9]{1,19})")
_INT64 = range(-(2**63), 2**63)


def _expiration(event: Event) -> tuple[str | None, int | None]:
    """The first ``expiration`` tag's value, and the integer that it is, if it is one."""
    for tag in event.tags:
        if tag[0] == "expiration":
            text = tag[1] if len(tag) > 1 else ""
            match = _INTEGER.fullmatch(text)
            number = int(match[1] + match[2]) if match else _INT64.stop
            return text, number if number in _INT64 else None
    return None, None


def _seconds(limit: Duration | int) -> int:
    return limit.seconds if isinstance(limit, Duration) else limit


@attrs.frozen
class MaxExpiry(Constraint):
    """``max_expiry_duration`` or ``max_expiry``: the event expires within so many seconds
    of ``created_at``.
    """

    most_seconds: int = attrs.field(converter=_seconds)

    def check(self, event: Event, keys: Keys, now: int) -> Finding:
        text, expiration = _expiration(event)
        if text is None:
            return self._denial(
                f"invalid: an expiration tag is required{self.subject}, "
                f"at most {counted(self.most_seconds, 'second')} after created_at"
            )
        if expiration is None:
            return self._denial(f"invalid: expiration {quoted(text)} is not a Unix time")
        if (lifetime := expiration - event.created_at) <= self.most_seconds:
            return None
        return self._denial(
            f"invalid: expiration is {counted(lifetime, 'second')} after created_at, "
            f"the limit{self.subject} is {self.most_seconds}"
        )

    def seen(self, event: Event, keys: Keys, now: int) -> str:
        text, expiration = _expiration(event)
        if expiration is None:
            return "no expiration tag" if text is None else f"expiration {text!r}"
        return f"{expiration - event.created_at} s after created_at"

    @property
    def limit(self) -> str:
        return f"at most {self.most_seconds} s after created_at"


@attrs.frozen
class Protected(Constraint):
    """``protected_required``: a ``-`` tag (NIP-70)."""

    def check(self, event: Event, keys: Keys, now: int) -> Finding:
        if "-" in _names(event):
            return None
        return self._denial(f'invalid: a "-" tag (NIP-70) is required{self.subject}')

    def seen(self, event: Event, keys: Keys, now: int) -> str:
        return _listed(sorted(_names(event)))

    @property
    def limit(self) -> str:
        return 'a "-" tag'


@attrs.frozen
class Identifier(Constraint):
    """``identifier_regex``: there is a ``d`` tag, and every one's value matches."""

    regex: Regex

    def check(self, event: Event, keys: Keys, now: int) -> Finding:
        values = _values(event, "d")
        if not values:
            return self._denial(f'invalid: a "d" tag is required{self.subject}')
        if self.regex.is_too_much(values):
            return self._denial(_too_long("d", self.subject))
        for value in values:
            if not self.regex.matches(value):
                return self._denial(_mismatch("d", value, self.regex, self.subject))
        return None

    def seen(self, event: Event, keys: Keys, now: int) -> str:
        return _listed(_values(event, "d"))

    @property
    def limit(self) -> str:
        return f"a d tag, each matches {self.regex.text}"


@attrs.frozen
class TagValidation(Constraint):
    """``tag_validation``: the values of these tags, where present, match."""

    regexes: Mapping[str, Regex]

    def check(self, event: Event, keys: Keys, now: int) -> Finding:
        for name, regex in self.regexes.items():
            if regex.most_characters is not None and regex.is_too_much(_values(event, name)):
                return self._denial(_too_long(name, self.subject))
        for tag in event.tags:
            name = tag[0]
            if name in self.regexes:
                value = tag[1] if len(tag) > 1 else ""
                if not self.regexes[name].matches(value):
                    mismatch = _mismatch(name, value, self.regexes[name], self.subject)
                    return self._denial(mismatch)
        return None

    def seen(self, event: Event, keys: Keys, now: int) -> str:
        found = ((name, _values(event, name)) for name in self.regexes)
        return "; ".join(f"{name}: {_listed(values)}" for name, values in found)

    @property
    def limit(self) -> str:
        return "; ".join(f"{name} matches {regex.text}" for name, regex in self.regexes.items())


def _too_long(name: str, subject: str) -> str:
    return f"invalid: the {quoted(name)} tags are too long{subject}"


def _mismatch(name: str, value: str, regex: Regex, subject: str) -> str:
    return (
        f"invalid: the value {quoted(value)} of {_tag(name)} does not match "
        f"{quoted(regex.text)}{subject}"
    )


@attrs.frozen
class MaxAge(Constraint):
    """``max_age_of_event``: created at most so many seconds ago."""

    most_seconds: int

    def check(self, event: Event, keys: Keys, now: int) -> Finding:
        if (age := now - event.created_at) <= self.most_seconds:
            return None
        return self._denial(
            f"invalid: created_at is {counted(age, 'second')} ago, "
            f"the limit{self.subject} is {self.most_seconds}"
        )

    def seen(self, event: Event, keys: Keys, now: int) -> str:
        return f"{now - event.created_at} s ago"

    @property
    def limit(self) -> str:
        return f"at most {self.most_seconds} s ago"


@attrs.frozen
class MaxFuture(Constraint):
    """``max_age_event_in_future``: created at most so many seconds from now."""

    most_seconds: int

    def check(self, event: Event, keys: Keys, now: int) -> Finding:
        if (ahead := event.created_at - now) <= self.most_seconds:
            return None
        return self._denial(
            f"invalid: created_at is {counted(ahead, 'second')} in the future, "
            f"the limit{self.subject} is {self.most_seconds}"
        )

    def seen(self, event: Event, keys: Keys, now: int) -> str:
        ahead = event.created_at - now
        return f"{ahead} s from now" if ahead > 0 else f"{-ahead} s ago"

    @property
    def limit(self) -> str:
        return f"at most {self.most_seconds} s from now"


def _listed(values: "tuple[str, ...] | list[str]") -> str:
    return listed(values, 8) or "none"


MakeConstraint = Callable[[str, str, Any], Constraint]
"""From the place of a field, the subject and the field's value."""

CONSTRAINTS: Final[Mapping[str, MakeConstraint]] = MappingProxyType(
    {
        "size_limit": SizeLimit,
        "content_limit": ContentLimit,
        "must_have_tags": MustHaveTags,
        "allowed_tags": AllowedTags,
        "max_expiry_duration": MaxExpiry,
        "max_expiry": MaxExpiry,
        "protected_required": lambda place, subject, _: Protected(place, subject),
        "identifier_regex": Identifier,
        "tag_validation": TagValidation,
        "max_age_of_event": MaxAge,
        "max_age_event_in_future": MaxFuture,
    }
)
"""The constraints of the fields that only deny. Fields about who may become matchers
(:mod:`.rules`), scripts and rates are asked later (:mod:`.pending`).
"""
