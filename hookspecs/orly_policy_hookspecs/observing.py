"""Telling plugins of decisions that are made.

Where no plugin wants to know of them, a question does not even look whether one does: the gate's
methods give way to those made here only while there are observers.
"""

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Sequence
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

_EVENTS_AT_A_TIME: Final = 128
_EVERYTHING: Final[tuple[Asked, ...]] = ("write", "read", "policy_event")

_D = TypeVar("_D", Decision, Decision | None)


@attrs.frozen
class Observer:
    """One that is told of decisions."""

    plugin: str
    function: str
    """What of the plugin is called, for the log."""
    told_of: Collection[Asked]
    tell: Callable[[FrozenEvent, Context, Asked, Decision], object]

    @classmethod
    def hook(cls, implementation: pluggy.HookImpl) -> Self:
        """A plugin's :func:`.hooks.on_decided`, which is told of everything."""
        names = implementation.argnames

        def tell(event: FrozenEvent, context: Context, access: Asked, decision: Decision) -> None:
            given = {"event": event, "context": context, "access": access, "decision": decision}
            implementation.function(**{name: given[name] for name in names})

        return cls(implementation.plugin_name, "on_decided", _EVERYTHING, tell)

    @classmethod
    def criterion(cls, used: Used) -> Self:
        """A criterion's :attr:`.Criterion.decided`, which is told of what it is asked on."""
        criterion = used.registered.criterion
        decided = criterion.decided
        assert decided is not None

        def tell(event: FrozenEvent, context: Context, access: Asked, decision: Decision) -> None:
            decided(event, context, access, decision, used.values)

        plugin = used.registered.plugin
        return cls(plugin, f"decided of {criterion.name}", criterion.asked_on, tell)


@attrs.frozen
class Observers:
    """Those that are told of decisions. They change nothing, whatever they do."""

    _observers: Sequence[Observer]
    _budget_seconds: float

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

    def tell(self, event: Event, context: Context, access: Asked, decision: Decision) -> None:
        """Tell each of a decision. Never raises; what goes wrong is in the log."""
        try:
            given = frozen(event)
        except Exception:
            log.exception("nobody is told of a decision about an event that cannot be read")
            return
        for observer in self._observers:
            by = Answerer(observer.plugin, observer.function, self._budget_seconds)
            begun = monotonic()
            try:
                observer.tell(given, context, access, decision)
            except KeyboardInterrupt:
                raise
            except BaseException as error:  # noqa: BLE001 -- whatever it is, it is logged
                by.failed(error)
            if monotonic() - begun > self._budget_seconds:
                by.late()

    def behind(
        self, ask: Callable[[Event, Context], Awaitable[_D]], access: Asked
    ) -> Callable[[Event, Context], Awaitable[_D]]:
        """A question that tells of its decision, where there is one."""

        async def asked(event: Event, context: Context) -> _D:
            decision = await ask(event, context)
            if decision is not None:
                self.tell(event, context, access, decision)
            return decision

        return asked

    def behind_blocking(
        self, ask: Callable[[Event, Context], Decision], access: Asked
    ) -> Callable[[Event, Context], Decision]:
        """The same of one that is not awaited."""

        def asked(event: Event, context: Context) -> Decision:
            decision = ask(event, context)
            self.tell(event, context, access, decision)
            return decision

        return asked

    def behind_reads(
        self, ask: Callable[[Iterable[Event], Context], Awaitable[list[Decision]]]
    ) -> Callable[[Iterable[Event], Context], Awaitable[list[Decision]]]:
        """The same of one about many events. In between the event loop is let go on."""

        async def asked(events: Iterable[Event], context: Context) -> list[Decision]:
            seen: list[Event] = []
            decisions = await ask(_noted(events, seen), context)
            for i, (event, decision) in enumerate(zip(seen, decisions, strict=True), 1):
                self.tell(event, context, "read", decision)
                if i % _EVENTS_AT_A_TIME == 0:
                    await asyncio.sleep(0)
            return decisions

        return asked


def _noted(events: Iterable[Event], seen: list[Event]) -> Iterator[Event]:
    for event in events:
        seen.append(event)
        yield event
