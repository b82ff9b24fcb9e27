"""The host's side of the contract: what a relay calls.

A relay makes one :class:`Gate`, registers plugins by hand or by entry point, calls
:meth:`Gate.start` and from then on asks. Whatever goes wrong while asking is a rejection.
"""

import asyncio
import difflib
import os
import threading
from collections.abc import Callable, Collection, Coroutine, Iterable, Iterator, Sequence
from importlib.metadata import EntryPoint, entry_points
from itertools import islice
from time import monotonic
from typing import Any, TypeVar
from weakref import WeakSet

import attrs

from .answers import TOO_SLOW, UNKNOWN, Answer, come_and_awaited
from .combining import combine
from .context import Context
from .decision import Decision, Verdict
from .errors import PluginError, RunningLoopError, SettingsError
from .hooks import PROJECT
from .limits import RelayLimits
from .logs import get_log
from .nip01.events import Event
from .reading import NOTHING_KNOWN, CombinedScopes, ReadScopes, SameForAllKinds, combined
from .registry import Answers, AskAll, Registry
from .waiting import Question, all_ended, is_firm_no, settle

log = get_log(__name__)

_T = TypeVar("_T")

_NOT_TAKEN = Decision.reject("blocked: this relay takes no policy events")
_EVENTS_AT_A_TIME = 128
_MOST_SCOPES = 256
"""Of readers, remembered until something changes."""
_NOTHING_KNOWN = SameForAllKinds(NOTHING_KNOWN)
_VOUCH = Verdict.VOUCH  # an enumeration's attribute is slow to look up


@attrs.frozen
class GateSettings:
    """What a host decides about its plugins."""

    may_vouch_write: frozenset[str] = attrs.field(default=frozenset(), converter=frozenset)
    """Names of the plugins whose vouch for a write counts."""
    may_vouch_read: frozenset[str] = attrs.field(default=frozenset(), converter=frozenset)
    """Names of the plugins whose vouch for a read counts."""
    budget_seconds: float = attrs.field(default=10.0, validator=attrs.validators.gt(0))
    """How long one question (or one batch of reads) may wait for plugins."""


class Gate:
    """Asks every plugin and combines the answers. For relays that run on an event loop.

    Relays that do not: :attr:`blocking`.
    """

    def __init__(self, settings: GateSettings | None = None) -> None:
        self.settings = settings or GateSettings()
        self._registry = Registry(self.settings.budget_seconds)
        self._scopes: dict[tuple[int, ...], CombinedScopes] = {}
        self.blocking = BlockingGate(self)
        """The same questions for plain synchronous code."""

    def register(self, plugin: object, name: str | None = None) -> str:
        """Add a plugin by hand and return its name.

        :raises PluginError: the plugin cannot work as it is written, or the name is taken.
        """
        registered = self._registry.register(plugin, name)
        if registered is None:
            raise PluginError(f"the plugin name {name!r} is blocked")
        return registered

    def load_entry_points(self, names: Collection[str] | None = None) -> int:
        """Add installed plugins: those with an entry point in the group ``orly_policy``.

        :param names: only the entry points of these names; all where not given.
        :return: how many were added. One that was registered before is left as it is.
        :raises PluginError: one cannot be imported or cannot work as it is written, is named and
            not installed, or two that are installed have the same name.
        """
        installed: dict[str, EntryPoint] = {}
        for point in entry_points(group=PROJECT):
            if installed.setdefault(point.name, point).value != point.value:
                raise PluginError(f"two installed plugins have the name {point.name!r}")
        for name in names or ():
            if name not in installed:
                raise PluginError(f"no plugin {name!r} is installed (entry-point group {PROJECT})")
        wanted = installed.keys() if names is None else set(names)
        missing = sorted(wanted - set(self.plugins))
        for name in missing:
            self.register(_loaded(installed[name]), name)
        return len(missing)

    @property
    def plugins(self) -> tuple[str, ...]:
        """The registered plugins' names, sorted."""
        registered = self._registry.list_name_plugin()
        return tuple(sorted(name for name, plugin in registered if plugin is not None))

    def start(self) -> None:
        """Check the whole before the relay opens. Says in the log when nothing will be enforced.

        :raises SettingsError: a plugin that may vouch is not registered.
        """
        for name in sorted(self.settings.may_vouch_write | self.settings.may_vouch_read):
            if name not in self.plugins:
                near = difflib.get_close_matches(name, self.plugins, 1)
                hint = f"; did you mean {near[0]!r}?" if near else ""
                raise SettingsError(f"may_vouch names {name!r}, which is not registered{hint}")
        if not self.plugins:
            log.warning("no policy plugin is registered: no policy is enforced")

    def attach(self, changed: Callable[[], None]) -> None:
        """Tell the plugins that a relay is about to open in this process. Raises what a plugin
        raises.

        :param changed: called, from any thread, when follow lists are needed, or when what is
            known of readers and limits is no longer true.
        """

        def forget_and_tell() -> None:
            self._scopes.clear()
            changed()

        for _ in self._registry.each("on_attach", changed=forget_and_tell):
            pass

    def open(self) -> None:
        """Tell the plugins that the relay opens. Raises what a plugin raises."""
        for _ in self._registry.each("on_open"):
            pass

    def close(self) -> None:
        """Tell the plugins that the relay has closed. They may wait: not for the event loop. What
        one raises is in the log, and the others are told.
        """
        self._registry.tell_all("on_close")

    def needed_follow_lists(self) -> frozenset[str]:
        """The authors whose stored follow lists are to be handed to :meth:`kind3`. Raises what a
        plugin raises.
        """
        return frozenset().union(
            *(needed for _, needed in self._registry.each("needed_follow_lists"))
        )

    def relay_limits(self) -> RelayLimits:
        """What to tell in NIP-11. Raises what a plugin raises."""
        return RelayLimits.of_all(limits for _, limits in self._registry.each("relay_limits"))

    def read_scopes(self, context: Context) -> CombinedScopes:
        """What can be said of this reader before any event is looked at. Never raises: where a
        plugin does not say, every event is to be asked about.
        """
        scopes = self._scopes_given(context)
        known = self._scopes.get(tuple(map(id, scopes)))
        if known is not None:
            return known
        if len(self._scopes) >= _MOST_SCOPES:
            self._scopes.clear()
        made = combined(scopes, fallback_counts=not self.settings.may_vouch_read)
        self._scopes[tuple(map(id, scopes))] = made  # which keeps them, and so their identities
        return made

    def _scopes_given(self, context: Context) -> list[ReadScopes]:
        registry = self._registry
        if registry.wraps_reads:
            return [_NOTHING_KNOWN]
        try:
            given = dict(registry.each("read_scopes", context=context))
        except Exception:
            log.exception("a plugin could not say what can be read")
            return [_NOTHING_KNOWN]
        return [given.get(reader, _NOTHING_KNOWN) for reader in registry.readers]

    async def write(self, event: Event, context: Context) -> Decision:
        """May this event be stored? Never raises; what cannot be answered is rejected."""
        answers = self._registry.ask_write(event, context)
        may_vouch = self.settings.may_vouch_write
        return _at_once(answers, may_vouch) or await self._later(answers, may_vouch)

    async def read(self, event: Event, context: Context) -> Decision:
        """May this event be handed to this reader? Never raises."""
        answers = self._registry.ask_read(event, context)
        may_vouch = self.settings.may_vouch_read
        return _at_once(answers, may_vouch) or await self._later(answers, may_vouch)

    async def reads(self, events: Iterable[Event], context: Context) -> list[Decision]:
        """One decision for each event of a REQ's result, in their order. Never raises.

        Plugins that must be waited for are asked about many events together, but not about all of
        a large result, which would fill their queues; all within one budget. In between the loop
        is let go on.
        """
        may_vouch = self.settings.may_vouch_read
        batch = _Batch(monotonic(), self.settings.budget_seconds)
        decisions: list[Decision] = []
        remaining = iter(events)
        while some := list(islice(remaining, _EVENTS_AT_A_TIME)):
            begin = len(decisions)
            waiting = self._ask_some(some, context, decisions, batch)
            await asyncio.sleep(0)
            questions = {i: Question(answers, batch.ends) for i, answers in waiting.items()}
            if questions:
                await settle(questions.values(), batch.ends)
            for i, question in questions.items():
                decisions[i] = combine(question.decisions, may_vouch)
            if monotonic() >= batch.ends:  # no plugin is asked what nobody would wait for
                unasked = len(some) - (len(decisions) - begin) + await _count(remaining)
                return [*decisions, *self._out_of_time(decisions[begin:], unasked, batch)]
        return decisions

    def _ask_some(
        self, events: Iterable[Event], context: Context, decisions: list[Decision], batch: "_Batch"
    ) -> dict[int, list[Answer]]:
        """Ask about events one after the other until the batch's time ends.

        :param decisions: where to add one for each.
        :return: the answers that must be waited for, by the place of their decision, which is to
            be written yet.
        """
        ask, may_vouch = self._registry.ask_read, self.settings.may_vouch_read
        waiting: dict[int, list[Answer]] = {}
        begun = now = monotonic()
        for event in events:
            if (now := monotonic()) >= batch.ends:
                break
            answers = ask(event, context, now)  # a look at the clock less in many turns
            if type(answers) is Decision and answers.verdict is not _VOUCH:
                decisions.append(answers)  # as _at_once would
                continue
            decision = _at_once(answers, may_vouch)
            if decision is None:
                waiting[len(decisions)] = _as_list(answers)
            decisions.append(decision or TOO_SLOW)
        batch.asking_seconds += monotonic() - begun
        return waiting

    def _out_of_time(
        self, last: Sequence[Decision], unasked: int, batch: "_Batch"
    ) -> list[Decision]:
        """Decisions for the events of a batch that nobody was asked about, in the name of the
        plugin that has most probably used up the budget; of none, where it went by elsewhere.
        """
        if not unasked:
            return []
        late = (each.source for each in last if each.message == TOO_SLOW.message)
        slow = next(late, "")
        if not slow and batch.plugins_used_it_up():
            slow = self._registry.slow_reader(batch.began)
        log.error(
            "the budget of %g seconds for a batch of reads was used up with %d events left; "
            "plugin %s is the likely cause",
            self.settings.budget_seconds,
            unasked,
            slow or "(none)",
        )
        return [TOO_SLOW.attributed(slow)] * unasked

    async def kind3(self, event: Event, context: Context) -> None:
        """Tell the plugins of a stored follow list. What goes wrong is in the log."""
        await self._settled(self._registry.ask_kind3(event, context))

    async def policy_event(self, event: Event, context: Context) -> Decision:
        """Give a policy event (kind 12345) to the plugins. Accepted means that one took it, and
        its message says what happened; the event is not to be stored in any case. Never raises.

        A plugin that takes longer than the budget is cancelled, and the answer is what it has
        come to: it waits for the plugin to end, for as long as the budget again.
        """
        return await self._taken(event, context) or _NOT_TAKEN

    async def withdrawal(self, event: Event, context: Context) -> Decision | None:
        """Give a deletion (kind 5), verified, to the plugins, as :meth:`policy_event` does: it may
        withdraw what a policy event has added. ``None`` where it withdraws nothing. Never raises.
        """
        return await self._taken(event, context)

    async def _taken(self, event: Event, context: Context) -> Decision | None:
        asked = _as_list(self._registry.ask_policy_event(event, context))
        answers = await all_ended(asked, self.settings.budget_seconds)
        taken = [answer for answer in answers if answer.verdict is not Verdict.VOUCH]
        return combine(_true_of_all(taken)) if taken else None

    async def _later(self, answers: Answers, may_vouch: Collection[str]) -> Decision:
        """Wait for answers that were asked for already, and combine them."""
        return combine(await self._settled(answers), may_vouch)

    async def _settled(self, answers: Answers) -> list[Decision]:
        deadline = monotonic() + self.settings.budget_seconds
        question = Question(_as_list(answers), deadline)
        await settle([question], deadline)
        return question.decisions


@attrs.define
class _Batch:
    """The time of a batch of reads, by the monotonic clock."""

    began: float
    budget_seconds: float
    asking_seconds: float = 0.0
    """Spent in plugins' own functions."""

    @property
    def ends(self) -> float:
        return self.began + self.budget_seconds

    def plugins_used_it_up(self) -> bool:
        """Or whatever else the event loop was busy with, and whoever handed out the events."""
        return self.asking_seconds > self.budget_seconds / 2


async def _count(remaining: Iterator[Event]) -> int:
    """How many events there are left, the loop let go on in between."""
    count = 0
    while some := sum(1 for _ in islice(remaining, _EVENTS_AT_A_TIME)):
        count += some
        await asyncio.sleep(0)
    return count


def _loaded(point: EntryPoint) -> object:
    try:
        return point.load()
    except Exception as error:
        raise PluginError(
            f"plugin {point.name} ({point.value}) cannot be loaded: {error}"
        ) from error


def _as_list(answers: Answers) -> list[Answer]:
    if isinstance(answers, list):
        return answers
    return [] if answers is None else [answers]


def _at_once(answers: Answers, may_vouch: Collection[str]) -> Decision | None:
    """The combined decision, or ``None`` where an answer must be waited for."""
    if type(answers) is list and len(answers) == 1:
        (answers,) = answers  # the others have abstained
    if type(answers) is Decision and answers.verdict is not _VOUCH:
        return answers
    decisions, awaited = come_and_awaited(_as_list(answers))
    if awaited and not any(map(is_firm_no, decisions)):
        return None
    for later in awaited:
        later.give_up()
    return combine(decisions, may_vouch)


def _true_of_all(taken: Sequence[Decision]) -> Sequence[Decision]:
    """What plugins say of a policy event. That one has given up says nothing true of the policy
    where another has changed it.
    """
    if not any(answer.accepted for answer in taken):
        return taken
    return [
        UNKNOWN.attributed(answer.source) if answer.message == TOO_SLOW.message else answer
        for answer in taken
    ]


class BlockingGate:
    """A :class:`Gate`'s questions for synchronous code. Safe to use from several threads.

    What must be awaited runs on an event loop of its own in a background thread, which is
    started when it is first needed; after a fork, again in the child.

    Each question raises :class:`.RunningLoopError` on the thread of a running event loop, also
    where nothing would have to be awaited: whether it must is up to the plugins.
    """

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._lock = threading.Lock()
        self._background: _Background | None = None
        _BLOCKING_GATES.add(self)

    def _forget_loop(self) -> None:
        """In a child, where neither the thread is nor whoever holds the lock."""
        _OF_PARENTS.append(self._background)
        self._lock = threading.Lock()
        self._background = None

    def write(self, event: Event, context: Context) -> Decision:
        """See :meth:`Gate.write`."""
        gate = self._gate
        may_vouch = gate.settings.may_vouch_write
        return self._decide(gate._registry.ask_write, event, context, may_vouch)

    def read(self, event: Event, context: Context) -> Decision:
        """See :meth:`Gate.read`."""
        gate = self._gate
        may_vouch = gate.settings.may_vouch_read
        return self._decide(gate._registry.ask_read, event, context, may_vouch)

    def reads(self, events: Iterable[Event], context: Context) -> list[Decision]:
        """See :meth:`Gate.reads`."""
        _check_no_loop_runs()
        return self._run(self._gate.reads(events, context))

    def kind3(self, event: Event, context: Context) -> None:
        """See :meth:`Gate.kind3`."""
        _check_no_loop_runs()
        self._run(self._gate.kind3(event, context))

    def policy_event(self, event: Event, context: Context) -> Decision:
        """See :meth:`Gate.policy_event`."""
        _check_no_loop_runs()
        return self._run(self._gate.policy_event(event, context))

    def close(self) -> None:
        """Stop the background thread, if there is one, once it has answered what was asked."""
        with self._lock:
            background, self._background = self._background, None
        if background is not None:
            background.stop()

    def _decide(
        self, ask: AskAll, event: Event, context: Context, may_vouch: Collection[str]
    ) -> Decision:
        _check_no_loop_runs()
        answers = ask(event, context)
        decision = _at_once(answers, may_vouch)
        return decision or self._run(self._gate._later(answers, may_vouch))

    def _run(self, question: Coroutine[Any, Any, _T]) -> _T:
        with self._lock:  # so that no question comes after the stop
            if self._background is None:
                self._background = _Background(self._gate.settings.budget_seconds)
            future = asyncio.run_coroutine_threadsafe(question, self._background.loop)
        return future.result()


class _Background:
    """An event loop in a thread of its own, which nothing that a plugin does ends."""

    def __init__(self, budget_seconds: float) -> None:
        self.loop = asyncio.new_event_loop()
        self._budget_seconds = budget_seconds
        self._is_stopping = False
        threading.Thread(target=self._run, name="orly-policy-gate", daemon=True).start()

    def stop(self) -> None:
        """End it, once all that was asked of it is answered."""
        self.loop.call_soon_threadsafe(self._stop)

    def _stop(self) -> None:
        self._is_stopping = True
        self.loop.stop()

    def _run(self) -> None:
        try:
            while not self._is_stopping:
                try:
                    self.loop.run_forever()
                except BaseException:  # that of a plugin's callback, such as SystemExit
                    log.exception("a plugin tried to end the gate's event loop, which goes on")
            self.loop.run_until_complete(_all_answered(self._budget_seconds))
        finally:
            self.loop.close()


_BLOCKING_GATES: "WeakSet[BlockingGate]" = WeakSet()
"""All there are, for whoever forks."""
_OF_PARENTS: list[_Background | None] = []
"""Kept: a loop that is closed in a child stops listening in its parent, too."""


def _forget_loops() -> None:
    for blocking in _BLOCKING_GATES:
        blocking._forget_loop()


if hasattr(os, "register_at_fork"):  # not on Windows, which does not fork
    os.register_at_fork(after_in_child=_forget_loops)


def _check_no_loop_runs() -> None:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    raise RunningLoopError(
        "gate.blocking was used on the thread of a running event loop, which would stop until the "
        "answer is there: await the gate's own method there (await gate.write(event, context)), "
        "or call this one in another thread (await asyncio.to_thread(gate.blocking.write, event, "
        "context))"
    )


async def _all_answered(budget_seconds: float) -> None:
    """Until every question that was asked of this loop has its answer, and has handed it over."""
    if questions := asyncio.all_tasks() - {asyncio.current_task()}:
        await asyncio.wait(questions, timeout=2 * budget_seconds + 1)  # as policy_event may take
    await asyncio.sleep(0)
