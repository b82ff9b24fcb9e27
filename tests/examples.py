"""Events, keys, plugins and a clock that many tests need."""

import hashlib
import re
from collections.abc import Callable
from typing import Any

import attrs

from orly_policy_hookspecs import Context, Decision, hookimpl

NOW = 1_700_000_000

KEYS = tuple(hashlib.sha256(bytes([i])).hexdigest() for i in range(6))
ALICE, BOB, CAROL, DAVE, OWNER, ADMIN = KEYS
STRANGER = "0f" * 32


@attrs.frozen(kw_only=True)
class AnEvent:
    """The seven fields, of whatever types."""

    id: Any = "1d" * 32
    pubkey: Any = ALICE
    created_at: Any = NOW
    kind: Any = 1
    tags: Any = ()
    content: Any = "hello"
    sig: Any = "5a" * 64


NOBODY = Context()


def by(*keys: str) -> Context:
    """The context of those who authenticated."""
    return Context(authenticated=keys)


@attrs.define(eq=False)
class Answering:
    """A plugin that gives one answer to everything, and remembers what it was asked."""

    answer: Any = None
    asked: list[tuple[Any, Context]] = attrs.Factory(list)

    @hookimpl
    def on_write(self, event: Any, context: Context) -> Any:
        return self._answered(event, context)

    @hookimpl
    def on_read(self, event: Any, context: Context) -> Any:
        return self._answered(event, context)

    @hookimpl
    def on_kind3(self, event: Any, context: Context) -> Any:
        return self._answered(event, context)

    @hookimpl
    def on_list_event(self, event: Any, context: Context) -> Any:
        return self._answered(event, context)

    @hookimpl
    def on_policy_event(self, event: Any, context: Context) -> Any:
        return self._answered(event, context)

    def _answered(self, event: Any, context: Context) -> Any:
        self.asked.append((event, context))
        return self.answer() if callable(self.answer) else self.answer


def awaitable(answer: Any) -> Callable[[], Any]:
    """For :class:`Answering`: a coroutine that ends with this answer."""

    async def answered() -> Any:
        return answer

    return answered


def raising(error: BaseException) -> Callable[[], Any]:
    """For :class:`Answering`: an exception instead of an answer."""

    def answered() -> Any:
        raise error

    return answered


def raising_later(error: BaseException) -> Callable[[], Any]:
    """For :class:`Answering`: an awaitable that raises."""

    async def answered() -> Any:
        raise error

    return answered


@attrs.define
class Clock:
    """A clock on which time passes where it is told to. Seconds."""

    now: float = 100.0

    def passing(self, seconds: float, answer: Any = None) -> Callable[[], Any]:
        """For :class:`Answering`: an answer when so many seconds have passed without an await."""

        def answered() -> Any:
            self.now += seconds
            return answer() if callable(answer) else answer

        return answered


def shown(value: object) -> str:
    """A test's name for a value: without its address, which differs in each process."""
    return re.sub(r" at 0x[0-9a-f]+", "", str(value))


NO = Decision.reject("blocked: no")
SHADOW = Decision.shadow_reject()
VOUCH = Decision.vouch()
FALLBACK = Decision.fallback("blocked: closed")
YES = Decision.accept()
