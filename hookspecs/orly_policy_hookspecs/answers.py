"""What plugins answer, in their own names: checked, attributed, their faults made rejections."""

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

_TAKES_NOTE: Final = "on_kind3"
"""The hook that answers nothing."""
_CHANGES: Final = "on_policy_event"
"""The hook after which the policy may be another."""

log = get_log(__name__)


@attrs.frozen
class Answerer:
    """One plugin's part in one hook: what the plugin does is an answer in its name."""

    plugin: str
    hook: str
    budget_seconds: float

    @property
    def says_nothing(self) -> bool:
        """Whether the hook has no answer, so that faults are in the log alone."""
        return self.hook == _TAKES_NOTE

    @property
    def acts(self) -> bool:
        """Whether the hook does something, which an answer that is late does not undo."""
        return self.hook in (_TAKES_NOTE, _CHANGES)

    def answer(self, given: object) -> "Answer | None":
        """What the plugin has given at once, which may be to be awaited."""
        return Later(self, given) if inspect.isawaitable(given) else self.decision(given)

    def decision(self, given: object) -> Decision | None:
        """What the plugin has given in the end."""
        if given is None or self.says_nothing:
            return None
        if isinstance(given, Decision):  # written anew: a subclass may lie in its methods
            return Decision(given.verdict, given.message, self.plugin)
        log.error(
            "plugin %s: %s answered %r, not a Decision or None", self.plugin, self.hook, given
        )
        return OUR_FAULT.attributed(self.plugin)

    def failed(self, error: BaseException) -> Decision | None:
        """The plugin has raised, or was not what a plugin is."""
        log.error("plugin %s: %s failed", self.plugin, self.hook, exc_info=error)
        return self._rejection(OUR_FAULT)

    def late(self, answers: int = 1) -> Decision | None:
        """The plugin has not answered, or only after the budget.

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

    def late_with(self, given: object) -> "Answer | None":
        """The plugin has given this, but only after the budget.

        It does not count, unless it says what was done.
        """
        rejection, answer = self.late(), self.answer(given)
        if self.acts:
            return answer
        if isinstance(answer, Later):
            answer.give_up()
        return rejection

    def unknown(self) -> Decision | None:
        """The plugin was cancelled and has not ended, so that it may act yet."""
        log.error(
            "plugin %s: %s goes on %g seconds after it was cancelled; what it does is not known",
            self.plugin,
            self.hook,
            self.budget_seconds,
        )
        return self._rejection(UNKNOWN)

    def ended_after_all(self, task: "asyncio.Task[Decision | Late | None]") -> None:
        """For the log: what has become of one that was :meth:`unknown`."""
        if task.cancelled():
            log.warning("plugin %s: %s has given up after all", self.plugin, self.hook)
            return
        end: object = task.exception() or task.result()
        said = end.decision if isinstance(end, Late) else end
        log.warning("plugin %s: %s has ended after all: %s", self.plugin, self.hook, said)

    def _rejection(self, decision: Decision) -> Decision | None:
        return None if self.says_nothing else decision.attributed(self.plugin)


@attrs.frozen(eq=False)
class Later:
    """An answer that must be awaited, and whose it is. It may be awaited once."""

    by: Answerer
    _given: Any

    async def decision(self) -> Decision | None:
        """The answer in the end. Raises only what ends the wait itself."""
        try:
            return self.by.decision(await self._given)
        except (KeyboardInterrupt, GeneratorExit):
            raise
        except asyncio.CancelledError as error:
            if _is_cancelled():
                raise
            return self.by.failed(error)
        except BaseException as error:  # noqa: BLE001 -- whatever it is, it is logged
            return self.by.failed(error)

    async def decision_until(self, deadline: float) -> "Decision | Late | None":
        """The same, or that it came too late, by the monotonic clock: a plugin that holds up the
        event loop is late before anybody could have stopped waiting.

        A hook that is to answer only is not begun any more after the deadline.
        """
        if not self.by.acts and monotonic() > deadline:
            self.give_up()
            return Late()
        decision = await self.decision()
        return Late(decision) if monotonic() > deadline else decision

    def __await__(self) -> Generator[Any, None, Decision | None]:
        """For wrappers, which may wait for the answers of others."""
        return self.decision().__await__()

    def give_up(self) -> None:
        """Nobody will wait for it: what was not begun is not begun any more."""
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


Answer = Decision | Later
"""What a plugin has answered: a decision, or what must be waited for."""


def come_and_awaited(answers: Iterable[object]) -> tuple[list[Decision], list[Later]]:
    """The answers that have come, and those to wait for. What is neither is a fault."""
    come: list[Decision] = []
    awaited: list[Later] = []
    for answer in answers:
        if isinstance(answer, Later):
            awaited.append(answer)
        else:
            come.append(answer if isinstance(answer, Decision) else OUR_FAULT)
    return come, awaited


def _is_cancelled() -> bool:
    """Whether a cancellation is asked for, or one that a plugin has made up."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _runs_here(future: "asyncio.Future[Any]") -> bool:
    """A future of another loop is not to be touched from this thread."""
    try:
        return future.get_loop() is asyncio.get_running_loop()
    except RuntimeError:  # none runs here
        return False
