"""``x_limits_by_class``: limits that depend on who sends: members, followed, everybody else."""

from collections.abc import Collection, Container, Mapping, Sequence
from typing import Any, Final

import attrs

from orly_policy_hookspecs import (
    Context,
    Criterion,
    Decision,
    FrozenEvent,
    InvalidSettings,
    Origin,
    hookimpl,
)
from orly_policy_hookspecs.criteria import ReadKeys
from orly_policy_hookspecs.decision import Asked
from orly_policy_hookspecs.errors import did_you_mean

from .an_hour import AnHour
from .counted import counted
from .events_an_hour import MOST_AN_HOUR
from .networks import site_of
from .values import Shape, keys_in_words, number_shape, object_shape, texts_shape, whole_number

_MOST_BYTES: Final = 100_000_000
_MOST_CLASSES: Final = 20
_MEMBERS: Final = ("who", "events_an_hour", "content_bytes")
_CLASS: Final[Shape] = {
    **object_shape(
        {
            "who": texts_shape(),
            "events_an_hour": number_shape(0, MOST_AN_HOUR),
            "content_bytes": number_shape(0, _MOST_BYTES),
        }
    ),
    "minProperties": 0,
}


@attrs.frozen
class Limits:
    """A class of those who send, and its limits; ``None`` is no limit."""

    who: Container[str] | None
    """Their keys; ``None`` for everybody who is in no class before."""
    events_an_hour: int | None
    content_bytes: int | None


def limits_by_class(value: object, keys: ReadKeys) -> Sequence[Limits]:
    """Read ``[{"who": ["@members"]}, {"events_an_hour": 5}]``.

    :raises InvalidSettings: something in it is wrong.
    """
    if not isinstance(value, list) or not 1 <= len(value) <= _MOST_CLASSES:
        raise ValueError(f"expected a list of 1 to {_MOST_CLASSES} classes, found {value!r:.60}")
    last = len(value) - 1
    return tuple(_limits(each, keys, f"[{i}]", is_last=i == last) for i, each in enumerate(value))


def _limits(value: object, keys: ReadKeys, place: str, *, is_last: bool) -> Limits:
    if not isinstance(value, Mapping):
        raise InvalidSettings({place: f"expected an object in braces, found {value!r:.60}"})
    for name in value:
        if name not in _MEMBERS:
            why = f"there is no {name!r:.60} here{did_you_mean(name, _MEMBERS)}"
            raise InvalidSettings({place: why})
    if is_last and "who" in value:
        why = "the last class is everybody else, and has no 'who'; {} sets them no limits"
        raise InvalidSettings({place: why})
    if not is_last and not value.get("who"):
        raise InvalidSettings({place: "'who' is missing: only the last class is everybody else"})
    try:
        who = None if is_last else keys(value["who"])
    except InvalidSettings as error:
        raise error.within(f"{place}.who") from error
    return Limits(
        who,
        _number(value, place, "events_an_hour", "events", MOST_AN_HOUR),
        _number(value, place, "content_bytes", "bytes", _MOST_BYTES),
    )


def _number(
    value: Mapping[str, object], place: str, name: str, unit: str, most: int
) -> int | None:
    if name not in value:
        return None
    try:
        return whole_number(unit, 0, most)(value[name])
    except ValueError as error:
        raise InvalidSettings({f"{place}.{name}": str(error)}) from error


class LimitsByClass:
    """Finds the class of whoever sends, and counts its events."""

    def __init__(self, counted: AnHour[tuple[str, int]] | None = None) -> None:
        """:param counted: events by who sends them, and their kind."""
        self._counted = counted or AnHour()

    @hookimpl
    def criteria(self) -> Collection[Criterion]:
        """Add ``x_limits_by_class`` to rules."""
        return [
            Criterion(
                name="x_limits_by_class",
                unit="classes",
                says=in_words,
                read_with_keys=limits_by_class,
                shape={
                    "type": "array",
                    "items": _CLASS,
                    "minItems": 1,
                    "maxItems": _MOST_CLASSES,
                },
                refuses=self.too_much,
                decided=self.decided,
            )
        ]

    def too_much(
        self, event: FrozenEvent, context: Context, classes: Sequence[Limits]
    ) -> str | None:
        """Say which limit of the sender's class the event is beyond, and to who has not
        authenticated, that others may do more. What no client sent has no limits.
        """
        if context.origin is not Origin.CLIENT:
            return None
        limits, sender = _class_of(context, event, classes)
        might_do_more = len(classes) > 1 and not context.authenticated
        whose = " without authenticating" if might_do_more else ""
        size, largest = len(event.content.encode()), limits.content_bytes
        if largest is not None and size > largest:
            prefix = "auth-required" if might_do_more else "blocked"
            return f"{prefix}: content is {counted(size, 'byte')}, the limit{whose} is {largest}"
        most = limits.events_an_hour
        if most is None or self._counted.has_room(event.id, (sender, event.kind), most):
            return None
        prefix = "auth-required" if might_do_more else "rate-limited"
        return f"{prefix}: {counted(most, 'event')} of kind {event.kind} an hour{whose}"

    def decided(
        self, event: FrozenEvent, _: Context, __: Asked, decision: Decision, ___: object
    ) -> None:
        """Do not count what was refused."""
        self._counted.decided(event.id, accepted=decision.accepted)


def _class_of(
    context: Context, event: FrozenEvent, classes: Sequence[Limits]
) -> tuple[Limits, str]:
    """The first class that has one of the sender's keys, and whose events are counted: those of
    that key. Of everybody else, who makes keys as he likes, the address's; the author's where it
    is not known.
    """
    for limits in classes[:-1]:
        for key in context.authenticated:
            if limits.who is not None and key in limits.who:
                return limits, key
    return classes[-1], site_of(context.ip) or event.pubkey


def in_words(value: Any) -> str:
    """The value for a summary."""
    return "; ".join(f"{_whose(each)} {_in_words(each)}" for each in value)


def _whose(limits: Mapping[str, Any]) -> str:
    who = limits.get("who")
    return "everybody else" if who is None else keys_in_words(who)


def _in_words(limits: Mapping[str, Any]) -> str:
    said = []
    if "events_an_hour" in limits:
        said.append(f"{counted(limits['events_an_hour'], 'event')} of a kind an hour")
    if "content_bytes" in limits:
        said.append(f"{counted(limits['content_bytes'], 'byte')} of content")
    return " of ".join(said) or "without limits"


by_class: Final = LimitsByClass()
"""The plugin of a process."""
