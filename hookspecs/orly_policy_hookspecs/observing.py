"""Telling plugins of decisions that are made.

Where no plugin wants to know of them, a question does not even look whether one does: the gate's
methods give way to those made here only while there are observers.
"""

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Sequence
from itertools import islice
from time import monotonic
from typing import Any, Final, Self, TypeVar

import attrs
import pluggy

from .answers import Answerer
from .context import Context
from .criteria import Used
from .decision import Asked, Decision
from .logs import get_log
from .nip01.events import Event, FrozenEvent, frozen

log = get_log(__name__)

Tell = Callable[[FrozenEvent, Context, Asked, Decision, float], object]
"""From an event, who asked, what was asked, the decision and the seconds that it took."""

TellAll = Callable[[Event, Context, Asked, Decision, float, float], None]
"""The same, and when telling began, by the monotonic clock."""

_ALL: Final = ("event", "context", "access", "decision", "seconds")
"""The parameters that a hook may take."""
_EVENTS_AT_A_TIME: Final = 128
_EVERYTHING: Final[tuple[Asked, ...]] = ("write", "read", "policy_event")

_A = TypeVar("_A")
_D = TypeVar("_D", Decision, Decision | None)


@attrs.frozen
class Observer:
    """One that is told of decisions."""

    plugin: str
    function: str
    """What of the plugin is called, for the log."""
    told_of: Collection[Asked]
    tell: Tell

    @classmethod
    def hook(cls, implementation: pluggy.HookImpl) -> Self:
        """A plugin's :func:`.hooks.on_decided`, which is told of everything."""
        tell = _with_all(implementation.function, tuple(implementation.argnames))
        return cls(implementation.plugin_name, "on_decided", _EVERYTHING, tell)

    @classmethod
    def criterion(cls, used: Used) -> Self:
        """A criterion's :attr:`.Criterion.decided`, which is told of what it is asked on."""
        criterion = used.registered.criterion
        decided = criterion.decided
        assert decided is not None

        def tell(
            event: FrozenEvent, context: Context, access: Asked, decision: Decision, _: float
        ) -> None:
            decided(event, context, access, decision, used.values)

        plugin = used.registered.plugin
        return cls(plugin, f"decided of {criterion.name}", criterion.asked_on, tell)

    def by(self, budget_seconds: float) -> Answerer:
        """The plugin, for the log."""
        return Answerer(self.plugin, self.function, budget_seconds)


def _with_all(function: Callable[..., object], named: Sequence[str]) -> Tell:
    """Make of a function one that takes all parameters.

    :param named: those that it takes, in its order.
    """
    if named == _ALL:
        return function
    places = [_ALL.index(name) for name in named]
    return lambda *given: function(*(given[place] for place in places))


@attrs.frozen
class Observers:
    """Those that are told of decisions. They change nothing, whatever they do."""

    _observers: Sequence[Observer]
    _budget_seconds: float

    tell: "TellAll" = attrs.field(init=False)
    """Tell each of a decision. Never raises; what goes wrong is in the log."""

    @tell.default
    def _tell_all(self) -> "TellAll":
        tells = [_told_by(observer, self._budget_seconds) for observer in self._observers]
        if len(tells) == 1:  # as nearly always, and every decision of a relay comes through here
            return tells[0]

        def tell(
            event: Event,
            context: Context,
            access: Asked,
            decision: Decision,
            seconds: float,
            begun: float,
        ) -> None:
            if (given := _given(event)) is not None:
                for each in tells:
                    each(given, context, access, decision, seconds, begun)
                    begun = monotonic()

        return tell

    def of(self, access: Asked) -> "Observers":
        """Those that are told of this."""
        told = [each for each in self._observers if access in each.told_of]
        return Observers(told, self._budget_seconds)

    def replace(self, asker: object, **questions: Callable[..., Any]) -> None:
        """Put questions in the place of those that an object's class has: an object's attribute
        comes before its class's method. Where there are no observers, take them away again.
        """
        for name, question in questions.items():
            if self._observers:
                setattr(asker, name, question)
            elif not inspect.ismethod(getattr(asker, name)):
                # Only then, and not by its __dict__: Python finds what is an object's own more
                # slowly once either was touched.
                delattr(asker, name)

    def behind_answers(
        self,
        ask: Callable[[Event, Context], _A],
        at_once: Callable[[_A, Collection[str]], Decision | None],
        later: Callable[[_A, Collection[str]], Awaitable[Decision]],
        may_vouch: Collection[str],
        access: Asked,
    ) -> Callable[[Event, Context], Awaitable[Decision]]:
        """A question that all plugins are asked, and tells of its decision. The gate's own method
        is not behind it, as it would be one thing more to await for every event of a relay.
        """
        tell = self.tell

        async def asked(event: Event, context: Context) -> Decision:
            begun = monotonic()
            answers = ask(event, context)
            decision = at_once(answers, may_vouch) or await later(answers, may_vouch)
            decided = monotonic()
            tell(event, context, access, decision, decided - begun, decided)
            return decision

        return asked

    def behind(
        self, ask: Callable[[Event, Context], Awaitable[_D]], access: Asked
    ) -> Callable[[Event, Context], Awaitable[_D]]:
        """A question that tells of its decision, where there is one."""

        async def asked(event: Event, context: Context) -> _D:
            begun = monotonic()
            decision = await ask(event, context)
            if decision is not None:
                decided = monotonic()
                self.tell(event, context, access, decision, decided - begun, decided)
            return decision

        return asked

    def behind_blocking(
        self, ask: Callable[[Event, Context], Decision], access: Asked
    ) -> Callable[[Event, Context], Decision]:
        """The same of one that is not awaited."""

        def asked(event: Event, context: Context) -> Decision:
            begun = monotonic()
            decision = ask(event, context)
            decided = monotonic()
            self.tell(event, context, access, decision, decided - begun, decided)
            return decision

        return asked

    def behind_reads(
        self, ask: Callable[[Iterable[Event], Context], Awaitable[list[Decision]]]
    ) -> Callable[[Iterable[Event], Context], Awaitable[list[Decision]]]:
        """The same of one about many events, of which each takes its share of the time. In between
        the event loop is let go on.
        """

        async def asked(events: Iterable[Event], context: Context) -> list[Decision]:
            seen: list[Event] = []
            begun = monotonic()
            decisions = await ask(_noted(events, seen), context)
            seconds = (monotonic() - begun) / max(len(seen), 1)
            decided = zip(seen, decisions, strict=True)
            while some := list(islice(decided, _EVENTS_AT_A_TIME)):
                self._tell_of_reads(some, context, seconds)
                if len(some) == _EVENTS_AT_A_TIME:
                    await asyncio.sleep(0)
            return decisions

        return asked

    def _tell_of_reads(
        self, decided: Iterable[tuple[Event, Decision]], context: Context, seconds: float
    ) -> None:
        """As :meth:`tell`, with less to do for each of many events: their budget is one, as when
        plugins are asked about them.
        """
        given = [(_given(event), decision) for event, decision in decided]
        for observer in self._observers:
            tell, begun = observer.tell, monotonic()
            for event, decision in given:
                if event is None:
                    continue
                try:
                    tell(event, context, "read", decision, seconds)
                except KeyboardInterrupt:
                    raise
                except BaseException as error:  # noqa: BLE001 -- whatever it is, it is logged
                    observer.by(self._budget_seconds).failed(error)
            if monotonic() - begun > self._budget_seconds:
                observer.by(self._budget_seconds).late()


def _told_by(observer: Observer, budget_seconds: float) -> "TellAll":
    tell = observer.tell

    def told(
        event: Event,
        context: Context,
        access: Asked,
        decision: Decision,
        seconds: float,
        begun: float,
    ) -> None:
        given = event if type(event) is FrozenEvent else _given(event)
        if given is None:
            return
        try:
            tell(given, context, access, decision, seconds)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 -- whatever it is, it is logged
            observer.by(budget_seconds).failed(error)
        if monotonic() - begun > budget_seconds:
            observer.by(budget_seconds).late()

    return told


def _given(event: Event) -> FrozenEvent | None:
    """The record of an event; ``None``, and a line in the log, where it cannot be read."""
    if type(event) is FrozenEvent:
        return event
    try:
        return frozen(event)
    except Exception:
        log.exception("nobody is told of a decision about an event that cannot be read")
        return None


def _noted(events: Iterable[Event], seen: list[Event]) -> Iterator[Event]:
    for event in events:
        seen.append(event)
        yield event
