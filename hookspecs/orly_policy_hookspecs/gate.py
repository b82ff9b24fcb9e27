"""The host's side of the contract: what a relay calls.

A relay makes one :class:`Gate`, registers plugins by hand or by entry point, checks the whole, and
where it serves, starts the plugins, asks and stops them. Whatever goes wrong while asking is a
rejection.
"""

import inspect
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial
from importlib.metadata import EntryPoint, entry_points
from time import monotonic
from typing import Any

import attrs

from .answers import TOO_SLOW, UNKNOWN
from .at_once import as_list, at_once
from .batches import Batch
from .blocking import BlockingGate
from .combining import combine
from .context import Context, StartContext
from .criteria import Criterion, Registered, Used
from .decision import Decision, Verdict
from .described import Described
from .errors import OperatorError, PluginError, SettingsError, did_you_mean
from .hooks import PROJECT
from .life import Life
from .limits import RelayLimits
from .logs import get_log
from .nip01.addresses import Address
from .nip01.events import Event
from .observing import Observers
from .reading import NOTHING_KNOWN, CombinedScopes, ReadScopes, SameForAllKinds, combined
from .registry import Answers, Registry
from .waiting import Question, all_ended, wait_for_all
from .wanted import misfit, missing

log = get_log(__name__)

_NOT_TAKEN = Decision.reject("blocked: this relay takes no policy events")
_MOST_SCOPES = 256
"""Combinations of plugins' scopes that are remembered, until something changes."""
_NOTHING_KNOWN = SameForAllKinds(NOTHING_KNOWN)


def _tell_nobody() -> None:
    """No relay has opened that would want to know of a change."""


def _names(names: Iterable[str]) -> frozenset[str]:
    return frozenset(names)


@attrs.frozen
class GateSettings:
    """A host's settings for its plugins."""

    may_vouch_write: frozenset[str] = attrs.field(default=(), converter=_names)
    """Names of the plugins whose vouch for a write counts."""
    may_vouch_read: frozenset[str] = attrs.field(default=(), converter=_names)
    """Names of the plugins whose vouch for a read counts."""
    budget_seconds: float = attrs.field(default=10.0, validator=attrs.validators.gt(0))
    """How long one question (or one batch of reads) may wait for plugins."""


class Gate:
    """Asks every plugin and combines the answers. For relays that run on an event loop.

    Relays that do not: :attr:`blocking`.
    """

    def __init__(self, settings: GateSettings | None = None) -> None:
        self.settings = settings or GateSettings()
        self.blocking = BlockingGate(self)
        """The same questions for plain synchronous code."""
        self._registry = Registry(self.settings.budget_seconds, self._observe)
        self._installed: dict[str, EntryPoint] = {}
        self._life = Life(self._registry, self.settings.budget_seconds)
        self._scopes: dict[tuple[int, ...], CombinedScopes] = {}
        self._changed: Callable[[], None] = _tell_nobody

    def register(self, plugin: object, name: str | None = None) -> str:
        """Add a plugin by hand and return its name.

        :raises PluginError: the plugin cannot work as it is written, or the name is taken.
        """
        registered = self._registry.register(plugin, name)
        if registered is None:
            raise PluginError(f"the plugin name {name!r} is blocked")
        return registered

    def unregister(self, name: str) -> None:
        """Ask a plugin no more, from the next question on; a rule with a criterion of its denies.
        Whether it may vouch stays as it is set, for another of this name. The other plugins and
        the relay are told.

        :raises PluginError: no plugin of this name is registered.
        """
        self._check_is_registered(name)
        self._registry.unregister(name=name)
        self._installed.pop(name, None)
        try:
            for _ in self._registry.each("on_unregistered", name=name):
                pass
        except (PluginError, OperatorError):
            log.exception("that the plugin %s is unregistered could not be told to all", name)
        self._forget_and_tell()

    def load_entry_points(self, names: Collection[str] | None = None) -> int:
        """Add installed plugins: those with an entry point in the group ``orly_policy``.

        :param names: only the entry points of these names; all where not given.
        :return: how many were added. One that was registered before is left as it is.
        :raises PluginError: one cannot be imported or cannot work as it is written, wants another
            contract, is named and not installed, or two that are installed have the same name.
        """
        installed: dict[str, EntryPoint] = {}
        for point in entry_points(group=PROJECT):
            if installed.setdefault(point.name, point).value != point.value:
                raise PluginError(f"two installed plugins have the name {point.name!r}")
        for name in names or ():
            if name not in installed:
                raise PluginError(f"no plugin {name!r} is installed (entry-point group {PROJECT})")
        wanted = installed.keys() if names is None else set(names)
        new = sorted(wanted - set(self.plugins))
        for name in new:
            self.register(_loaded(installed[name]), name)
            self._installed[name] = installed[name]
        return len(new)

    @property
    def plugins(self) -> tuple[str, ...]:
        """The registered plugins' names, sorted."""
        return tuple(sorted(self._registry.names))

    def plugin(self, name: str) -> object:
        """A registered plugin.

        :raises PluginError: there is none of that name.
        """
        self._check_is_registered(name)
        return self._registry.get_plugin(name)

    def described(self) -> list[Described]:
        """All plugins, in the order of their names.

        :raises PluginError: see :meth:`criteria`.
        """
        criteria = self.criteria().items()
        vouching = {
            "write": self.settings.may_vouch_write,
            "read": self.settings.may_vouch_read,
        }
        return [
            Described(
                name=name,
                distribution=_distribution(self._installed.get(name)),
                hooks=self._registry.hooks_of(name),
                criteria=tuple(each for each, found in criteria if found.plugin == name),
                may_vouch=tuple(access for access, names in vouching.items() if name in names),
                is_on=name not in self._registry.switched_off,
            )
            for name in self.plugins
        ]

    def name_of(self, plugin: object) -> str | None:
        """The name of a registered plugin; ``None`` where it is not."""
        return self._registry.get_name(plugin)

    def check(self) -> None:
        """Check the whole before the relay starts. Says in the log when nothing will be enforced.

        :raises SettingsError: a plugin that may vouch is not registered.
        :raises PluginError: one has failed, or cannot work with the others.
        :raises OperatorError: a plugin has found what keeps the relay closed.
        """
        for name in sorted(self.settings.may_vouch_write | self.settings.may_vouch_read):
            if name not in self.plugins:
                hint = did_you_mean(name, self.plugins)
                raise SettingsError(f"may_vouch names {name!r}, which is not registered{hint}")
        if not self.plugins:
            log.warning("no policy plugin is registered: no policy is enforced")
        for _ in self._registry.each("on_registered", gate=self):
            pass
        for described in self.described():
            log.info("%s", described)

    def configure(self, name: str, settings: Mapping[str, Any]) -> Callable[[], None]:
        """Have a plugin check its settings.

        :return: puts them in force.
        :raises InvalidSettings: the plugin cannot use them, or has none.
        :raises PluginError: there is no such plugin.
        """
        self._check_is_registered(name)
        return self._registry.configured(name, settings)

    def criteria(self) -> Mapping[str, Registered]:
        """The fields that plugins add to rules, by their names; also those of plugins that are
        switched off.

        :raises PluginError: a plugin has none that can be used, or two have the same.
        """
        found: dict[str, Registered] = {}
        for plugin, given in self._registry.each("criteria", _list_of):
            for each in _criteria_of(plugin, given):
                if (other := found.get(each.name)) is not None:
                    if other.plugin == plugin:
                        raise PluginError(f"plugin {plugin} registers {each.name} twice")
                    both = " and ".join(sorted((plugin, other.plugin)))
                    raise PluginError(f"the plugins {both} both register {each.name}")
                found[each.name] = Registered(self._registry.registration(plugin), each)
        return found

    def use_criteria(self, used: Iterable[Used]) -> None:
        """Tell these of decisions, of those that :meth:`criteria` has found, and no others. From
        any thread.
        """
        self._registry.use_criteria(used)

    def switch_off(self, names: Collection[str]) -> None:
        """Ask the plugins of these names no more, and all others again. From any thread. They are
        still told of the relay's life, as they may be switched on again.
        """
        if self._registry.switched_off != frozenset(names):
            self._registry.switch_off(names)
            self._scopes.clear()

    async def start(
        self, *, relay_urls: Iterable[str] = (), changed: Callable[[], None] = _tell_nobody
    ) -> None:
        """Start the plugins, on the event loop on which they will be asked: in a server that
        forks, in each worker. Where one fails, none is left started.

        :param relay_urls: under which clients reach the relay, where it knows.
        :param changed: called, from any thread, when other lists are needed, or when what is
            known of readers and limits is no longer true.
        :raises PluginError: one has raised, or has taken longer than the budget.
        """
        self._changed = changed
        await self._life.start(StartContext(tuple(relay_urls), self._forget_and_tell))

    def open(self) -> None:
        """Tell the plugins, which are started, that the stored lists have been handed over
        and the relay opens.

        :raises PluginError: one has failed.
        :raises OperatorError: a plugin has found what keeps the relay closed.
        """
        for _ in self._registry.each("on_open"):
            pass

    async def stop(self) -> None:
        """Stop the plugins that were started: the relay has closed. What fails, or takes longer
        than the budget, is in the log.
        """
        await self._life.stop()

    def _check_is_registered(self, name: str) -> None:
        if name not in self.plugins:
            raise PluginError(
                f"no plugin {name!r} is registered{did_you_mean(name, self.plugins)}"
            )

    def _forget_and_tell(self) -> None:
        """Something has changed that plugins have said. Called from any thread."""
        self._scopes.clear()
        self._changed()

    def _observe(self, observers: Observers) -> None:
        """Have these told of decisions."""
        of_writes, of_reads = observers.of("write"), observers.of("read")
        of_changes = observers.of("policy_event")
        registry, settings = self._registry, self.settings
        write = of_writes.behind_answers(
            registry.ask_write, at_once, self._later, settings.may_vouch_write, "write"
        )
        read = of_reads.behind_answers(
            registry.ask_read, at_once, self._later, settings.may_vouch_read, "read"
        )
        of_writes.replace(self, write=write)
        of_reads.replace(
            self,
            read=read,
            reads=of_reads.behind_reads(partial(Gate.reads, self)),
        )
        of_changes.replace(
            self,
            policy_event=of_changes.behind(partial(Gate.policy_event, self), "policy_event"),
            withdrawal=of_changes.behind(partial(Gate.withdrawal, self), "policy_event"),
        )
        self.blocking._observe(observers)

    def needed_lists(self) -> frozenset[Address]:
        """The stored lists of people that are to be handed to :meth:`kind3` and
        :meth:`list_event`.

        :raises PluginError: one has failed.
        """
        given = self._registry.each("needed_lists", frozenset)
        needed = [lists for _, lists in given if lists]
        return needed[0] if len(needed) == 1 else frozenset().union(*needed)  # a union is a copy

    def relay_limits(self) -> RelayLimits:
        """The limits to tell in NIP-11.

        :raises PluginError: one has failed.
        """
        given = self._registry.each("relay_limits", _relay_limits)
        return RelayLimits.of_all(limits for _, limits in given)

    def read_scopes(self, context: Context) -> CombinedScopes:
        """What this reader may see of each kind, whatever the event. Never raises: where a plugin
        does not say, every event is to be asked about.
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
        except Exception as error:
            log.exception("what can be read is asked of each event: %s", error)  # noqa: TRY401 -- who has failed
            return [_NOTHING_KNOWN]
        return [given.get(reader, _NOTHING_KNOWN) for reader in registry.readers]

    async def write(self, event: Event, context: Context) -> Decision:
        """May this event be stored? Never raises; what cannot be answered is rejected."""
        answers = self._registry.ask_write(event, context)
        may_vouch = self.settings.may_vouch_write
        return at_once(answers, may_vouch) or await self._later(answers, may_vouch)

    async def read(self, event: Event, context: Context) -> Decision:
        """May this event be handed to this reader? Never raises."""
        answers = self._registry.ask_read(event, context)
        may_vouch = self.settings.may_vouch_read
        return at_once(answers, may_vouch) or await self._later(answers, may_vouch)

    async def reads(self, events: Iterable[Event], context: Context) -> list[Decision]:
        """One decision for each event of a REQ's result, in their order, all within one budget.
        Never raises.
        """
        settings = self.settings
        batch = Batch(self._registry, settings.may_vouch_read, settings.budget_seconds)
        return await batch.decide(events, context)

    async def kind3(self, event: Event, context: Context) -> None:
        """Tell the plugins of a stored follow list. What goes wrong is in the log."""
        await self._awaited(self._registry.ask_kind3(event, context))

    async def list_event(self, event: Event, context: Context) -> None:
        """Tell the plugins of another stored list of people (kind 10000 or 30000). What goes wrong
        is in the log.
        """
        await self._awaited(self._registry.ask_list_event(event, context))

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
        asked = as_list(self._registry.ask_policy_event(event, context))
        answers = await all_ended(asked, self.settings.budget_seconds)
        taken = [answer for answer in answers if answer.verdict is not Verdict.VOUCH]
        return combine(_true_of_all(taken)) if taken else None

    async def _later(self, answers: Answers, may_vouch: Collection[str]) -> Decision:
        """Wait for answers that were asked for already, and combine them."""
        return combine(await self._awaited(answers), may_vouch)

    async def _awaited(self, answers: Answers) -> list[Decision]:
        deadline = monotonic() + self.settings.budget_seconds
        question = Question(as_list(answers), deadline)
        await wait_for_all([question], deadline)
        return question.decisions


def _distribution(point: EntryPoint | None) -> str:
    dist = None if point is None else point.dist
    return "" if dist is None else f"{dist.name} {dist.version}"


def _relay_limits(given: object) -> RelayLimits:
    if not isinstance(given, RelayLimits):
        raise TypeError(f"{given!r} is no RelayLimits")
    return given


def _list_of(given: object) -> object:
    """All of an answer that may be made only as it is looked through."""
    return list(given) if isinstance(given, Iterable) else given


def _criteria_of(plugin: str, given: object) -> Iterator[Criterion]:
    if not isinstance(given, Iterable):
        raise PluginError(f"plugin {plugin}: criteria answered {given!r}, not a list of criteria")
    for each in given:
        if not isinstance(each, Criterion):
            raise PluginError(f"plugin {plugin}: {each!r} is no Criterion")
        yield each


def _loaded(point: EntryPoint) -> object:
    """The plugin of an entry point: an object, or what a class or a factory makes."""
    if why := misfit(point):
        raise PluginError(why)
    try:
        loaded = point.load()
        return loaded() if inspect.isclass(loaded) or inspect.isfunction(loaded) else loaded
    except Exception as error:
        why = f"plugin {point.name} ({point.value}) cannot be loaded: {error}"
        raise PluginError(missing(point, error) or why) from error


def _true_of_all(taken: Sequence[Decision]) -> Sequence[Decision]:
    """The answers to a policy event, such that they are true together: where one plugin has
    changed the policy, nobody says that it is unchanged because another has given up.
    """
    if not any(answer.accepted for answer in taken):
        return taken
    return [
        UNKNOWN.attributed(answer.source) if answer.message == TOO_SLOW.message else answer
        for answer in taken
    ]
