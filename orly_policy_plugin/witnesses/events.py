"""Representative events: one that meets some demands and breaks another."""

from collections.abc import Collection, Iterator
from typing import Final

import attrs

from orly_policy_hookspecs.nip01 import FrozenEvent

from ..event_size import event_size
from ..policy import Regex
from .demands import AtMost, Demand, HasTag, Measure, OnlyTags, TagMatches
from .samples import sample

_ID: Final = "0" * 64
_SIG: Final = "0" * 128
_NAMES: Final = ("x", "y", "t", "e")
"""Tags of no meaning, to have one that a list does not name."""
_MOST_BYTES: Final = 2**20
"""Of an event that is made: a relay takes no larger ones."""


class NoSample(Exception):
    """No value was found for a tag, which does not say that there is none."""


@attrs.frozen
class _Wanted:
    """The demands to be met, summed up, and the one to be broken."""

    most: dict[Measure, int]
    least: dict[Measure, int]
    required: tuple[str, ...]
    allowed: frozenset[str] | None
    """``None``: every name."""
    regexes: dict[str, list[Regex]]
    broken: Demand | None

    @classmethod
    def of(cls, met: Collection[Demand], broken: Demand | None) -> "_Wanted":
        most: dict[Measure, int] = {}
        required: dict[str, None] = {}
        allowed: frozenset[str] | None = None
        regexes: dict[str, list[Regex]] = {}
        for demand in met:
            if isinstance(demand, AtMost):
                most[demand.measure] = min(demand.most, most.get(demand.measure, demand.most))
            elif isinstance(demand, HasTag):
                required[demand.tag] = None
            elif isinstance(demand, OnlyTags):
                allowed = demand.tags if allowed is None else allowed & demand.tags
            else:
                regexes.setdefault(demand.tag, []).append(demand.regex)
        least = {broken.measure: broken.most + 1} if isinstance(broken, AtMost) else {}
        if Measure.LIFETIME in most:
            required["expiration"] = None
        return cls(most, least, tuple(required), allowed, regexes, broken)

    @property
    def contradicts(self) -> bool:
        """Whether no event can be like that, as far as limits, names and texts tell."""
        if any(least > self.most.get(measure, least) for measure, least in self.least.items()):
            return True
        if isinstance(self.broken, TagMatches):
            return self.broken.regex in self.regexes.get(self.broken.tag, ())
        return isinstance(self.broken, HasTag) and self.broken.tag in self.required

    def allows(self, tag: str) -> bool:
        forbidden = isinstance(self.broken, HasTag) and self.broken.tag == tag
        return not forbidden and (self.allowed is None or tag in self.allowed)

    def value(self, tag: str, failing: Regex | None = None) -> str:
        """:raises NoSample: none was found."""
        found = sample(self.regexes.get(tag, ()), failing)
        if found is None:
            raise NoSample(tag)
        return found


def event_that(
    meets: Collection[Demand],
    breaks: Demand | None,
    kind: int,
    author: str,
    named: Collection[str],
    now: int,
) -> FrozenEvent | None:
    """An event that meets all of some demands and breaks another; ``None`` where there is none.

    :param named: the pubkeys of its ``p`` tags.
    :param now: Unix seconds.
    :raises NoSample: a regular expression is in the way.
    """
    wanted = _Wanted.of(meets, breaks)
    if wanted.contradicts:
        return None
    if not all(each.matches(key) for each in wanted.regexes.get("p", ()) for key in named):
        raise NoSample("p")  # another key, or the same in upper case, may match
    tags = _tags(wanted, named)
    if tags is None or not all(wanted.allows(tag[0]) for tag in tags):
        return None
    unsampled: NoSample | None = None
    for created_at in _times(wanted, now):
        try:
            every_tag = _with_expiration(wanted, tags, created_at)
            if every_tag is None:
                continue
            event = FrozenEvent(_ID, author, created_at, kind, every_tag, _content(wanted), _SIG)
            if (sized := _sized(event, wanted)) is not None:
                return sized
        except NoSample as missing:
            unsampled = missing
    if unsampled is not None:
        raise unsampled
    return None


def _times(wanted: _Wanted, now: int) -> Iterator[int]:
    """``created_at``, the likeliest first; 0 makes an event smaller and its expiration shorter."""
    times = [now, 0]
    if Measure.AGE in wanted.least:
        times = [now - wanted.least[Measure.AGE], 0]
    elif Measure.AHEAD in wanted.least:
        times = [now + wanted.least[Measure.AHEAD]]
    for time in dict.fromkeys(times):
        age = now - time
        if (
            time >= 0
            and wanted.least.get(Measure.AGE, age) <= age <= wanted.most.get(Measure.AGE, age)
            and -age <= wanted.most.get(Measure.AHEAD, -age)
        ):
            yield time


# --- tags


def _tags(wanted: _Wanted, named: Collection[str]) -> list[tuple[str, ...]] | None:
    """All but ``expiration``."""
    tags: list[tuple[str, ...]] = [("p", key) for key in named]
    if isinstance(wanted.broken, TagMatches) and wanted.broken.tag != "expiration":
        tags.append((wanted.broken.tag, wanted.value(wanted.broken.tag, wanted.broken.regex)))
    names = {tag[0] for tag in tags}
    lacking = [name for name in wanted.required if name not in {*names, "expiration"}]
    tags += [_tag(name, wanted.value(name)) for name in lacking]
    if isinstance(wanted.broken, OnlyTags) and wanted.broken.tags.issuperset(
        (*wanted.required, *names)
    ):
        other = _name_not_in(wanted.broken.tags, wanted)
        if other is None:
            return None
        tags.append(_tag(other, wanted.value(other)))
    return tags


def _name_not_in(names: frozenset[str], wanted: _Wanted) -> str | None:
    """A tag that is allowed and not among these, best one that no regular expression is about."""
    candidates = _NAMES if wanted.allowed is None else tuple(sorted(wanted.allowed))
    fresh = "x" * (1 + max(map(len, names), default=0))
    found = [name for name in (*candidates, fresh) if wanted.allows(name) and name not in names]
    return min(found, key=lambda name: name in wanted.regexes, default=None)


def _tag(name: str, value: str) -> tuple[str, ...]:
    return (name, value) if value else (name,)


def _with_expiration(
    wanted: _Wanted, tags: list[tuple[str, ...]], created_at: int
) -> list[tuple[str, ...]] | None:
    """The tags with an ``expiration`` where one is needed; ``None`` where none can be."""
    needed = "expiration" in wanted.required
    if isinstance(wanted.broken, TagMatches) and wanted.broken.tag == "expiration":
        other = ("expiration", wanted.value("expiration", wanted.broken.regex))
        tags = [*tags, other] if Measure.LIFETIME in wanted.most else [other, *tags]
        needed = Measure.LIFETIME in wanted.most
    if not needed:
        if Measure.LIFETIME not in wanted.least or not any(t[0] == "expiration" for t in tags):
            return tags
        return None
    if not wanted.allows("expiration"):
        return None
    return [("expiration", _expiration(wanted, created_at)), *tags]


def _expiration(wanted: _Wanted, created_at: int) -> str:
    """:raises NoSample: none was found."""
    regexes = wanted.regexes.get("expiration", ())
    least, most = wanted.least.get(Measure.LIFETIME), wanted.most.get(Measure.LIFETIME)
    if least is None and most is None:
        return wanted.value("expiration")
    lifetimes = [least, most, 0, *(n - created_at for n in (0, 1, 99))]
    for lifetime in lifetimes:
        if lifetime is None or (least is not None and lifetime < least):
            continue
        if most is not None and lifetime > most:
            continue
        expiration = created_at + lifetime
        for text in (str(expiration), f"+{expiration}", f"0{expiration}"):
            if all(regex.matches(text) for regex in regexes):
                return text
    if most is None:  # what is no time at all breaks a limit as well
        text = wanted.value("expiration")
        if not text.lstrip("+-").isdecimal():
            return text
    raise NoSample("expiration")


# --- sizes


def _content(wanted: _Wanted) -> str:
    return "x" * min(wanted.least.get(Measure.CONTENT, 0), _MOST_BYTES)


def _sized(event: FrozenEvent, wanted: _Wanted) -> FrozenEvent | None:
    """The event, made as large as it has to be; ``None`` where it is too large."""
    least = wanted.least.get(Measure.SIZE, 0)
    most = wanted.most.get(Measure.SIZE, _MOST_BYTES)
    size = event_size(event)
    if size < least <= _MOST_BYTES:
        event = _padded(event, least, wanted)
        size = event_size(event)
    content_fits = len(event.content) >= wanted.least.get(Measure.CONTENT, 0)
    return event if content_fits and least <= size <= most else None


def _padded(event: FrozenEvent, size: int, wanted: _Wanted) -> FrozenEvent:
    """The event with that many bytes, or a few more: in its content, and what does not fit there
    behind the value of a tag, at which no condition looks.
    """
    room = wanted.most.get(Measure.CONTENT, _MOST_BYTES) - len(event.content)
    lacking = size - event_size(event)
    event = event._replace(content=event.content + "x" * min(room, lacking))
    if (lacking := size - event_size(event)) <= 0:
        return event
    tags = list(event.tags)
    if not tags:
        name = _name_not_in(frozenset(), wanted)
        if name is None:
            return event
        tags.append(_tag(name, wanted.value(name)))
    value = tags[-1] if len(tags[-1]) > 1 else (tags[-1][0], "")
    padded = event._replace(tags=(*tags[:-1], (*value, "")))
    lacking = max(0, size - event_size(padded))
    return event._replace(tags=(*tags[:-1], (*value, "x" * lacking)))
