"""Guard a plugin's functions: whatever they do becomes an answer in the plugin's name."""

from collections.abc import Callable, Generator, Iterator, Sequence
from time import monotonic
from typing import Any, Final, Protocol, TypeVar, TypeVarTuple

import attrs
import pluggy

from .answers import Answerer, Attributed
from .context import Context
from .decision import Decision
from .nip01.events import Event


class Ask(Protocol):
    """Asks one plugin."""

    def __call__(
        self, event: Event, context: Context, started: float | None = None, /
    ) -> Attributed | None:
        """:param started: when, by the monotonic clock, where the caller has just looked."""


_WrapperOfAnswers = Generator[None, list[Attributed], list[Attributed]]
Around = Callable[[Event, Context], _WrapperOfAnswers]
"""One plugin's wrapper."""

_SLOW: Final = 1 / 1000
"""A call that takes more than this part of the budget is noted: many of them use up that of
a batch.
"""

_T = TypeVar("_T")
_Ts = TypeVarTuple("_Ts")
_Wrapper = Generator[None, Any, Any]
_OVER: Final = object()
_BOTH: Final = ("event", "context")
"""The parameters that a hook about an event may take."""


def guarded(
    function: Callable[..., Any], named: Sequence[str], by: Answerer, slow: dict[str, float]
) -> Ask:
    """Make of ``function`` one that takes both parameters and never raises.

    :param named: the parameters that ``function`` takes.
    :param slow: where to note when a slow call of the plugin's has ended.
    """
    call = _with_both(function, tuple(named))
    plugin, is_asked, slow_seconds = by.plugin, not by.says_nothing, by.budget_seconds * _SLOW

    def ask(event: Event, context: Context, started: float | None = None, /) -> Attributed | None:
        if started is None:
            started = monotonic()
        try:
            given = call(event, context)
            ended = monotonic()
            if ended - started > slow_seconds:
                slow[plugin] = ended
                if ended - started > by.budget_seconds:
                    return by.late_with(given)
            if type(given) is Decision and is_asked:
                return given.attributed(plugin)
            return by.answer(given)
        except KeyboardInterrupt:
            raise
        # A cancellation, too: nothing was awaited here that could have been cancelled.
        except BaseException as error:  # noqa: BLE001 -- whatever it is, it is logged
            return by.failed(error)

    return ask


def guarded_wrapper(
    implementation: pluggy.HookImpl, by: Answerer, slow: dict[str, float]
) -> Around:
    """Make of a wrapper, of pluggy's old style or new, one of the new style that takes both
    parameters, never raises and returns a list of answers. What it adds has its plugin's name.

    :param slow: as for :func:`guarded`.
    """
    call = _with_both(implementation.function, tuple(implementation.argnames))
    end = _ended_old_style if implementation.hookwrapper else _ended

    def around(
        event: Event, context: Context
    ) -> Generator[None, list[Attributed], list[Attributed]]:
        steps = _Steps(by)
        wrapper = steps.take(_begun, call, event, context)
        inner = yield
        answers = None
        if wrapper is not None:
            answers = steps.take(_in_its_name, by, end, wrapper, inner)
        if steps.seconds > by.budget_seconds * _SLOW:
            slow[by.plugin] = monotonic()
        return [*(inner if answers is None else answers), *steps.faults()]

    return around


@attrs.define
class _Steps:
    """The steps of a wrapper around one question: their time, and their faults."""

    by: Answerer
    seconds: float = 0.0
    _rejections: list[Decision | None] = attrs.Factory(list)

    def take(self, step: Callable[[*_Ts], _T], *args: *_Ts) -> _T | None:
        """Take a step and return its result; ``None`` where it fails."""
        started = monotonic()
        try:
            return step(*args)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 -- whatever it is, it is logged
            self._rejections.append(self.by.failed(error))
            return None
        finally:
            self.seconds += monotonic() - started

    def faults(self) -> Iterator[Decision]:
        if self.seconds > self.by.budget_seconds:
            late = self.by.late()
            self._rejections.append(None if self.by.acts else late)
        return (rejection for rejection in self._rejections if rejection is not None)


def _begun(call: Callable[..., _Wrapper], event: Event, context: Context) -> _Wrapper:
    wrapper = call(event, context)
    if next(wrapper, _OVER) is _OVER:
        raise RuntimeError("the wrapper did not yield")
    return wrapper


def _ended(wrapper: _Wrapper, answers: object) -> object:
    """Send a wrapper the answers, and return those that it makes of them."""
    try:
        wrapper.send(answers)
    except StopIteration as stop:
        return stop.value
    wrapper.close()
    raise RuntimeError("the wrapper yielded twice")


def _ended_old_style(wrapper: _Wrapper, answers: list[Attributed]) -> object:
    result = pluggy.Result(answers, None)
    _ended(wrapper, result)
    return result.get_result()


def _in_its_name(
    by: Answerer, end: Callable[..., object], wrapper: _Wrapper, inner: list[Attributed]
) -> list[Attributed]:
    """The answers that a wrapper returns, each once. Those that it adds have its name."""
    given = end(wrapper, list(inner))
    if given is None and by.says_nothing:
        return inner
    if type(given) is not list:
        raise TypeError(f"the wrapper answered {given!r}, not a list of answers")
    inner_ids = set(map(id, inner))
    each = {id(answer): answer for answer in given}
    answers = [
        answer if identity in inner_ids else _own(by, answer) for identity, answer in each.items()
    ]
    return [answer for answer in answers if answer is not None]


def _own(by: Answerer, given: object) -> Attributed | None:
    if given is None:
        raise TypeError("the wrapper's list of answers has a None in it")
    return by.answer(given)


def _with_both(function: Callable[..., Any], named: tuple[str, ...]) -> Callable[..., Any]:
    """Make of a function of some of the parameters one of event and context."""
    if named == _BOTH:
        return function
    indexes = [_BOTH.index(name) for name in named]
    return lambda *both: function(*(both[index] for index in indexes))
