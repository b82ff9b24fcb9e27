"""Plugins' answers: checked, attributed to their plugins, and rejections where they fail."""

import asyncio
import inspect
from collections.abc import Coroutine, Generator, Iterable
from time import monotonic
from typing import Any, Final

import attrs

from .decision import Decision
from .logs import get_log

OUR_FAULT: Final = Decision.reject("error: a policy plugin failed")
TOO_SLOW: Final = Decision.reject("error: the policy took too long to answer")
UNKNOWN: Final = Decision.reject("error: it is not known whether the policy has changed")

_TAKE_NOTE: Final = frozenset({"on_kind3", "on_list_event", "on_decided"})
"""The hooks that answer nothing."""
_CHANGES: Final = "on_policy_event"
"""The hook that may change the policy."""

log = get_log(__name__)


@attrs.frozen
class Answerer:
    """One plugin in one hook. Makes an answer in the plugin's name of whatever the plugin does."""

    plugin: str
    hook: str
    budget_seconds: float

    @property
    def says_nothing(self) -> bool:
        """Whether the hook has no answer. Then faults are in the log alone."""
        return self.hook in _TAKE_NOTE

    @property
    def acts(self) -> bool:
        """Whether the hook changes something, which a late answer does not undo."""
        return self.hook in _TAKE_NOTE or self.hook == _CHANGES

    def answer(self, given: object) -> "Attributed | None":
        """The answer that is in what the plugin has returned, which may be an awaitable."""
        return Later(self, given) if inspect.isawaitable(given) else self.decision(given)

    def decision(self, given: object) -> Decision | None:
        """The decision that is in what the plugin has come to in the end."""
        if given is None or self.says_nothing:
            return None
        if isinstance(given, Decision):  # written anew: a subclass may lie in its methods
            return Decision(given.verdict, given.message, self.plugin, given.place)
        log.error(
            "plugin %s: %s answered %r, not a Decision or None", self.plugin, self.hook, given
        )
        return OUR_FAULT.attributed(self.plugin)

    def failed(self, error: BaseException) -> Decision | None:
        """The answer of a plugin that has raised, or has returned what no plugin may."""
        log.error("plugin %s: %s failed", self.plugin, self.hook, exc_info=error)
        return self._rejection(OUR_FAULT)

    def late(self, answers: int = 1) -> Decision | None:
        """The answer of a plugin that has not answered within the budget.

        :param answers: how many were late, for the log.
        """
        log.error(
            "plugin %s: %s took longer than the budget of %g seconds (answers: %d)",
            self.plugin,
            self.hook,
            self.budget_seconds,
            answers,
        )
        return self._rejection(TOO_SLOW)

    def late_with(self, given: object) -> "Attributed | None":
        """The answer of a plugin that has returned this, but only after the budget.

        It does not count, unless it says what was done.
        """
        rejection, answer = self.late(), self.answer(given)
        if self.acts:
            return answer
        if isinstance(answer, Later):
            answer.give_up()
        return rejection

    def unknown(self) -> Decision | None:
        """The answer of a plugin that was cancelled and has not ended: it may still act."""
        log.error(
            "plugin %s: %s goes on %g seconds after it was cancelled; what it does is not known",
            self.plugin,
            self.hook,
            self.budget_seconds,
        )
        return self._rejection(UNKNOWN)

    def ended_after_all(self, task: "asyncio.Task[Decision | Late | None]") -> None:
        """Log what has become of a plugin whose answer was :meth:`unknown`."""
        if task.cancelled():
            log.warning("plugin %s: %s has given up after all", self.plugin, self.hook)
            return
        end: object = task.exception() or task.result()
        log.warning("plugin %s: %s has ended after all: %s", self.plugin, self.hook, end)

    def _rejection(self, decision: Decision) -> Decision | None:
        return None if self.says_nothing else decision.attributed(self.plugin)


@attrs.frozen(eq=False)
class Later:
    """An answer that must be awaited, and whose it is. It may be awaited once."""

    by: Answerer
    _given: Any

    async def decision(self) -> Decision | None:
        """Wait for the decision. Raises only what ends the wait itself."""
        try:
            return self.by.decision(await self._given)
        except (KeyboardInterrupt, GeneratorExit):
            raise
        except asyncio.CancelledError as error:
            if is_cancelled():
                raise
            return self.by.failed(error)
        except BaseException as error:  # noqa: BLE001 -- whatever it is, it is logged
            return self.by.failed(error)

    async def decision_until(self, deadline: float) -> "Decision | Late | None":
        """Wait for the decision, and say where it came after the deadline: a plugin that holds up
        the event loop is late before anybody could stop waiting for it.

        After the deadline, a hook that only answers is not begun any more.

        :param deadline: by the monotonic clock.
        """
        if not self.by.acts and monotonic() > deadline:
            self.give_up()
            return Late()
        decision = await self.decision()
        return Late(decision) if monotonic() > deadline else decision

    def __await__(self) -> Generator[Any, None, Decision | None]:
        """Wait for the decision: wrappers may do so."""
        return self.decision().__await__()

    def give_up(self) -> None:
        """Give the answer up: what the plugin has not begun, it does not begin any more."""
        try:
            if isinstance(self._given, Coroutine):
                self._given.close()
            elif asyncio.isfuture(self._given) and _runs_here(self._given):
                self._given.cancel()
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 -- whatever it is, it is logged
            self.by.failed(error)

    def __del__(self) -> None:
        # A wrapper may drop an answer, or keep it for an awaitable of its own that is dropped:
        # only here is it known that nobody waits for it, which Python would warn of.
        self.give_up()


@attrs.frozen(eq=False)
class Late:
    """An answer that came after the deadline. It does not count, unless it says what was done."""

    decision: Decision | None = None


Attributed = Decision | Later
"""A plugin's answer, checked and in its name: a decision, or what must be waited for."""


def come_and_awaited(answers: Iterable[object]) -> tuple[list[Decision], list[Later]]:
    """Divide answers into those that have come and those to wait for. Anything else is a fault."""
    come: list[Decision] = []
    awaited: list[Later] = []
    for answer in answers:
        if isinstance(answer, Later):
            awaited.append(answer)
        else:
            come.append(answer if isinstance(answer, Decision) else OUR_FAULT)
    return come, awaited


def is_cancelled() -> bool:
    """Whether this task is to be cancelled, and the plugin has not made the cancellation up."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _runs_here(future: "asyncio.Future[Any]") -> bool:
    """Whether an awaitable runs on this loop. A future of another loop may not be touched."""
    try:
        return future.get_loop() is asyncio.get_running_loop()
    except RuntimeError:  # none runs here
        return False
