"""All of a worker that is for its operator, as a plugin beside the engine."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any, Final

import attrs

from orly_policy_hookspecs import Context, Decision, Event, Gate, StartContext, frozen, hookimpl
from orly_policy_hookspecs.decision import Asked as Access
from orly_policy_hookspecs.logs import get_log

from ..errors import PolicyError
from ..shadow import Compared, Shadow
from ..shadow.following import Asked
from .asking import folder_of, remove_stale
from .counts import Counts
from .decision_log import DecisionLog
from .entries import Decided, OfShadow, dropped_entry, entry_of, shortened
from .erasing import CONTENTS, erase
from .following import Following
from .reports import report_of, shadow_report_of
from .server import SocketServer
from .settings import DeskSettings
from .wanted import Wanted

if TYPE_CHECKING:
    from ..plugin import PolicyPlugin

NAME: Final = "orly-policy-desk"
"""Its name as a plugin."""

MOST_UNTOLD: Final = 10_000
"""Decisions that wait for one who follows them."""
_PACE_SECONDS: Final = 0.1

log = get_log(__name__)


class Desk:
    """Counts decisions, writes them down, and answers ``orly-policy status`` and ``tail``.

    It has no part in any decision.
    """

    changes_no_event: Final = True

    def __init__(
        self,
        engine: "PolicyPlugin",
        settings: DeskSettings,
        *,
        clock: Callable[[], float],
    ) -> None:
        """:param clock: Unix seconds."""
        self._engine = engine
        self._clock = clock
        self._gate: Gate | None = None
        self._counts = Counts()
        self._count = self._counts.add
        self._started_at = clock()
        self._log = DecisionLog(settings.log, settings) if settings.log is not None else None
        self._folder = folder_of(engine.status.path, engine.settings.state_folder)
        self._server = SocketServer(self._folder, self._answer) if settings.is_open else None
        self._shadow = Shadow(engine, self._counts.questions, self._differs, self._shadow_changed)
        self._compared: Collection[int] = frozenset()
        """Kinds on which the shadow policy may differ."""
        self._compares_others = False
        """Whether it may on kinds that no policy names."""
        self._changed: Callable[[], None] = _nobody
        self._followers: tuple[Following, ...] = ()
        self._takes_all = False
        self._takes_refusals = False
        self._look_who_follows()

    # --- the relay's life

    @hookimpl
    def on_registered(self, gate: Gate) -> None:
        """Remember the gate, for its plugins."""
        self._gate = gate

    @hookimpl
    def on_start(self, context: StartContext) -> None:
        """Remember whom to tell that other reads are to be asked about."""
        self._changed = context.changed

    @hookimpl
    def on_open(self) -> None:
        """Open the log and the socket. Without a socket the relay works as well.

        :raises PolicyError: the decision log cannot be written.
        """
        self._started_at = self._clock()
        self._shadow.start()
        if self._log is not None:
            self._log.start()
        if self._server is not None:
            try:
                self._server.start()
                remove_stale(self._folder)
            except PolicyError as error:
                log.warning("orly-policy status cannot ask this worker: %s", error)

    @hookimpl
    async def on_stop(self) -> None:
        """Close them."""
        await asyncio.to_thread(self._stop)

    def _stop(self) -> None:
        self._shadow.stop()
        if self._server is not None:
            self._server.stop()
        if self._log is not None:
            self._log.stop()

    # --- decisions

    @hookimpl
    def on_decided(
        self, event: Event, context: Context, access: Access, decision: Decision, seconds: float
    ) -> None:
        """Count a decision, and hand it to those who follow."""
        accepted = self._count(access, decision, seconds)
        if event.kind in self._compared or self._compares_others:
            self._shadow.note(access, event, context, decision, seconds)
        if self._takes_all or (self._takes_refusals and not accepted):
            self._hand_over(event, context, access, decision, seconds)

    def _hand_over(
        self, event: Event, context: Context, access: Access, decision: Decision, seconds: float
    ) -> None:
        version = self._engine.status.version
        decided = Decided(
            self._clock(), access, frozen(event), context, decision, seconds, version
        )
        if self._log is not None and self._log.wants(accepted=decision.accepted):
            self._log.tell(decided)
        for follower in self._followers:
            follower.tell(decided)

    # --- the shadow policy

    def _differs(self, asked: Asked, compared: Compared, version: str) -> None:
        """Called on the thread of the shadow policy."""
        if not (self._followers or self._log):
            return
        decided = Decided(
            asked.at,
            asked.access,
            frozen(asked.event),
            asked.context,
            asked.decision,
            asked.seconds,
            self._engine.status.version,
            OfShadow(version, compared),
        )
        if self._log is not None:
            self._log.tell(decided)
        for follower in self._followers:
            follower.tell(decided)

    def _shadow_changed(self) -> None:
        pair = self._shadow.pair
        self._compared = frozenset() if pair is None else pair.unlike
        self._compares_others = pair is not None and not all(pair.others_alike.values())
        self._engine.asked_reads = None if pair is None else pair.asked
        self._changed()

    def _look_who_follows(self) -> None:
        log_takes = self._log is not None
        self._takes_refusals = log_takes
        self._takes_all = bool(self._followers) or (
            self._log is not None and self._log.wants(accepted=True)
        )

    # --- questions, on the thread of the socket

    def _answer(self, question: Any) -> AsyncGenerator[object, None]:
        match question:
            case {"ask": "status"}:
                return self._status()
            case {"ask": "tail", **asked}:
                return self._tail(*_read_tail(asked))
        raise PolicyError("nobody knows how to answer this; is the relay of another version?")

    async def _status(self) -> AsyncGenerator[object, None]:
        yield report_of(
            self._engine,
            self._gate,
            started_at=self._started_at,
            decisions=tuple(self._counts.taken()),
            log_dropped=self._log.dropped if self._log else 0,
            shadow=shadow_report_of(self._shadow),
        ).as_json()

    async def _tail(
        self, wanted: Wanted, whole: bool, of_shadow: bool
    ) -> AsyncGenerator[object, None]:
        following = Following(MOST_UNTOLD)
        self._followers = (*self._followers, following)
        self._look_who_follows()
        try:
            yield {"path": str(self._engine.status.path)}
            while True:
                decided, dropped = following.take()
                for each in decided:
                    is_of_shadow = each.shadow is not None
                    if is_of_shadow is of_shadow and wanted.has(
                        each.event, each.context, each.decision
                    ):
                        yield _told(each, whole=whole)
                if dropped:
                    yield dropped_entry(self._clock(), dropped)
                yield None  # a chance to see that nobody follows any more
                await asyncio.sleep(_PACE_SECONDS)
        finally:
            self._followers = tuple(each for each in self._followers if each is not following)
            self._look_who_follows()


def _told(decided: Decided, *, whole: bool) -> object:
    entry = entry_of(decided)
    return entry if whole else shortened(erase(entry, CONTENTS))


def tail_question(wanted: Wanted, *, whole: bool, of_shadow: bool = False) -> object:
    """The question for the decisions that are wanted.

    :param whole: whether whole keys, and contents, are asked for.
    :param of_shadow: whether those are on which the shadow policy differs, and no others.
    """
    filters = {name: sorted(values) for name, values in attrs.asdict(wanted).items()}
    return {"ask": "tail", **filters, "whole": whole, "shadow": of_shadow}


def _nobody() -> None:
    """No relay has started."""


def _read_tail(asked: Mapping[Any, Any]) -> tuple[Wanted, bool, bool]:
    """:raises PolicyError: it is no such question."""
    names = [field.name for field in attrs.fields(Wanted)]
    given = {name: asked.get(name, []) for name in names}
    if not all(isinstance(values, list) for values in given.values()):
        raise PolicyError("tail: each filter is a list")
    wanted = Wanted(**{name: frozenset(values) for name, values in given.items()})
    return wanted, asked.get("whole") is True, asked.get("shadow") is True
