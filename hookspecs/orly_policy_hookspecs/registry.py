"""The registered plugins: checked for what would silently not work, guarded, and asked."""

import copy
import inspect
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, Protocol

import pluggy

from . import hooks
from .answers import Answerer, Attributed
from .context import Context
from .criteria import Registration, Used
from .decision import Decision
from .errors import InvalidSettings, OperatorError, PluginError, did_you_mean
from .guards import Ask, guarded, guarded_wrapper
from .logs import get_log
from .nip01.events import Event, frozen
from .observing import Observer, Observers

ASKED: Final = ("on_write", "on_read", "on_kind3", "on_list_event", "on_policy_event")
"""The hooks that are about an event."""
_AWAITED: Final = (*ASKED, "on_start", "on_stop")
"""The hooks that may be ``async def``."""
HOOKS: Final = (
    *ASKED,
    *("on_decided", "read_scopes", "relay_limits", "needed_lists"),
    *("configure", "criteria", "on_registered", "on_unregistered"),
    *("on_start", "on_open", "on_stop"),
)
"""All hooks."""
OF_ITS_LIFE: Final = frozenset(
    {
        *("configure", "criteria", "on_registered", "on_unregistered"),
        *("on_start", "on_open", "on_stop"),
    }
)
"""Hooks of which a plugin is told that is switched off: it may be switched on again."""

CHANGES_NO_EVENT = "changes_no_event"
"""A plugin with this attribute, if it is true, promises not to change an event that it is given.
Where all do, they are given the host's own, which saves a copy of each event that is read.
"""

log = get_log(__name__)

_UNREADABLE = Decision.reject("error: the event cannot be read")
_PARAMETERS = frozenset(
    {"event", "context", "access", "decision", "seconds", "settings", "gate", "name"}
)
_VARIADIC = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)

Answers = list[Attributed] | Attributed | None
"""The answers of all plugins, without those who abstained at once. Where there is one plugin, as
in most relays, it is that answer alone."""


class AskAll(Protocol):
    """Asks all plugins."""

    def __call__(self, event: Event, context: Context, started: float | None = None, /) -> Answers:
        """See :class:`.guards.Ask`."""


def _as_it_is(given: object) -> object:
    return given


class Registry(pluggy.PluginManager):
    """A plugin manager whose plugins' answers come attributed and whose faults are answers.

    pluggy hands out answers without their plugin's name, and one implementation that raises ends
    the call for all. Here each implementation, and each wrapper, is guarded as it is registered:
    what it answers is checked, carries the plugin's name, and is a rejection with ``error:`` where
    it raised or took longer than the budget.
    """

    def __init__(self, budget_seconds: float, observe: Callable[[Observers], None]) -> None:
        """:param budget_seconds: how long an ordinary function may take.
        :param observe: called with those who are to be told of decisions, whenever plugins have
            changed.
        """
        super().__init__(hooks.PROJECT)
        self.add_hookspecs(hooks)
        self._budget_seconds = budget_seconds
        self._observe = observe
        self._slow: dict[str, dict[str, float]] = defaultdict(dict)
        self._off: frozenset[str] = frozenset()
        self._registrations: dict[str, Registration] = {}
        self._used: tuple[Used, ...] = ()
        self._ask_all()

    def register(self, plugin: object, name: str | None = None) -> str | None:
        """Add a plugin.

        :raises PluginError: it has a misspelt or unmarked hook, or one with parameters that the
            hook does not have; it or its name is registered already. Nothing of it is registered
            then.
        """
        self._check(plugin)
        self._check_is_new(plugin, name or self.get_canonical_name(plugin))
        try:
            registered = super().register(plugin, name)
        except ValueError as error:  # pluggy looks for it by ==
            raise PluginError(
                f"{_called(plugin)} equals a plugin that is registered, and pluggy cannot tell "
                "them apart; an attrs class needs eq=False"
            ) from error
        except pluggy.PluginValidationError as error:
            if self.is_registered(plugin):
                self.unregister(plugin)
            raise PluginError(str(error)) from error
        for hook in ASKED:
            for implementation in getattr(self.hook, hook).get_hookimpls():
                if implementation.plugin is plugin:
                    self._guard(implementation, hook)
        if registered is not None:
            self._registrations[registered] = Registration(registered)
        self._plugins_changed()
        return registered

    def registration(self, name: str) -> Registration:
        """The registration of a plugin."""
        return self._registrations[name]

    def get_name(self, plugin: object) -> str | None:
        """The name of a plugin, which need not be equal to itself, or be equal to others."""
        named = self.list_name_plugin()
        return next((name for name, each in named if each is plugin), None)

    def is_registered(self, plugin: object) -> bool:
        """Whether it is this very plugin that is registered."""
        return self.get_name(plugin) is not None

    def unregister(self, plugin: object | None = None, name: str | None = None) -> object | None:
        """Remove a plugin. From now on it is asked no more."""
        over = self._registrations.pop(name or self.get_name(plugin) or "", None)
        if over is not None:
            over.is_over = True
        removed = super().unregister(plugin, name)
        for slow in self._slow.values():
            slow.clear()
        self._plugins_changed()
        return removed

    def switch_off(self, names: Collection[str]) -> None:
        """Ask the plugins of these names no more, and all others."""
        self._off = frozenset(names)
        self._plugins_changed()

    def use_criteria(self, used: Iterable[Used]) -> None:
        """See :meth:`.gate.Gate.use_criteria`."""
        given = tuple(used)
        if given or self._used:
            self._used = given
            self._tell_observers()

    def hooks_of(self, name: str) -> tuple[str, ...]:
        """The hooks that a plugin implements, in the order of :data:`HOOKS`."""
        return tuple(
            hook
            for hook in HOOKS
            if any(each.plugin_name == name for each in getattr(self.hook, hook).get_hookimpls())
        )

    @property
    def switched_off(self) -> frozenset[str]:
        """The names that :meth:`switch_off` was given last."""
        return self._off

    def configured(self, name: str, settings: Mapping[str, Any]) -> Callable[[], None]:
        """See :meth:`.gate.Gate.configure`."""
        for implementation in self.of_plugin(name, "configure"):
            return _configured(implementation, copy.deepcopy(dict(settings)))
        if settings:
            raise InvalidSettings({"": f"the plugin {name} has no settings"})
        return _nothing

    def _asked(self, hook: str) -> Sequence[pluggy.HookImpl]:
        """The implementations of a hook, in the order of their registration."""
        off = frozenset() if hook in OF_ITS_LIFE else self._off
        implementations = getattr(self.hook, hook).get_hookimpls()
        return [each for each in implementations if each.plugin_name not in off]

    def each(
        self, hook: str, read: Callable[[Any], Any] = _as_it_is, **arguments: object
    ) -> Iterator[tuple[str, Any]]:
        """What each plugin answers to a hook that is not about an event, with the plugin's name;
        abstentions left out.

        :param read: makes of an answer what is wanted; raises where it cannot.
        :raises PluginError: one has failed, or has answered what cannot be read.
        :raises OperatorError: a plugin has.
        """
        for implementation in reversed(self._asked(hook)):
            named = {name: arguments[name] for name in implementation.argnames}
            try:
                given = implementation.function(**named)
                given = None if given is None else read(given)
            except OperatorError:
                raise
            except Exception as error:
                raise _failed(implementation.plugin_name, hook, error) from error
            if given is not None:
                yield implementation.plugin_name, given

    @property
    def names(self) -> list[str]:
        """The registered plugins' names, in the order in which they were registered."""
        return [name for name, plugin in self.list_name_plugin() if plugin is not None]

    def of_plugin(self, name: str, hook: str) -> list[pluggy.HookImpl]:
        """A plugin's implementations of a hook: one, as a rule, or none."""
        implementations = getattr(self.hook, hook).get_hookimpls()
        return [each for each in implementations if each.plugin_name == name]

    @property
    def readers(self) -> frozenset[str]:
        """The names of the plugins that are asked about reads."""
        return frozenset(each.plugin_name for each in self._asked("on_read"))

    @property
    def wraps_reads(self) -> bool:
        """Whether a plugin wraps the reads, and so may change the others' answers."""
        return any(map(_wraps, self._asked("on_read")))

    def slow_reader(self, since: float) -> str:
        """The name of the plugin that has most probably used up a batch's time: the only one that
        is asked about reads, or of several the one that was slow last; ``""`` where none was slow.

        :param since: when the batch began, by the monotonic clock.
        """
        if len(readers := self.readers) == 1:
            return next(iter(readers))
        noted = self._slow["on_read"].copy()  # other threads add to it
        slow = {plugin: ended for plugin, ended in noted.items() if ended >= since}
        return max(slow, key=slow.__getitem__, default="")

    def _guard(self, implementation: pluggy.HookImpl, hook: str) -> None:
        # pluggy annotates these attributes as final, and reads them anew at each call; there is no
        # other place to put a guard. tests/contract/test_pluggy_internals.py holds it to that.
        by = Answerer(implementation.plugin_name, hook, self._budget_seconds)
        made: Callable[..., Any]
        if _wraps(implementation):
            made = guarded_wrapper(implementation, by, self._slow[hook])
            implementation.wrapper, implementation.hookwrapper = True, False  # type: ignore[misc]
        else:
            names = implementation.argnames
            made = guarded(implementation.function, names, by, self._slow[hook])
        implementation.function = made  # type: ignore[misc]
        implementation.argnames = ("event", "context")  # type: ignore[misc]

    def _plugins_changed(self) -> None:
        self._ask_all()
        self._tell_observers()

    def _ask_all(self) -> None:
        self.ask_write = self._asking("on_write")
        """Ask every plugin about a write: all their answers, abstentions left out."""
        self.ask_read = self._asking("on_read")
        """The same about a read."""
        self.ask_kind3 = self._asking("on_kind3")
        self.ask_list_event = self._asking("on_list_event")
        self.ask_policy_event = self._asking("on_policy_event")

    def _tell_observers(self) -> None:
        observers = [
            *map(Observer.hook, self._asked("on_decided")),
            *map(Observer.criterion, (used for used in self._used if self._is_told(used))),
        ]
        self._observe(Observers(observers, self._budget_seconds))

    def _is_told(self, used: Used) -> bool:
        registered = used.registered
        is_asked = registered.plugin not in self._off and not registered.registration.is_over
        return is_asked and registered.criterion.decided is not None

    def _asking(self, hook: str) -> AskAll:
        """Through pluggy where there are wrappers. Otherwise the plugins are called one after the
        other, as pluggy would, without the price of its generality on each of many events.
        """
        implementations = self._asked(hook)
        if any(map(_wraps, implementations)):
            off = [plugin for name, plugin in self.list_name_plugin() if name in self._off]
            return _given_frozen(_through_pluggy(self.subset_hook_caller(hook, off)))
        asks: list[Any] = [each.function for each in reversed(implementations)]
        ask = asks[0] if len(asks) == 1 else _several(asks)
        changes_none = all(
            getattr(each.plugin, CHANGES_NO_EVENT, False) for each in implementations
        )
        return ask if changes_none else _given_frozen(ask)

    def _check_is_new(self, plugin: object, name: str) -> None:
        """Refuse a name and a plugin that are there. pluggy would, with a list of all plugins."""
        for known_name, known in self.list_name_plugin():
            if known is None:
                continue  # the name is blocked
            if known is plugin:
                raise PluginError(
                    f"{_called(plugin)} is registered already, as {known_name!r}; register it once"
                )
            if known_name == name:
                raise PluginError(
                    f"the plugin name {name!r} is taken by {_called(known)}; "
                    f"give {_called(plugin)} another"
                )

    def _check(self, plugin: object) -> None:
        """Refuse what pluggy would register and then never call, or call wrongly each time."""
        name = _called(plugin)
        marked = {
            attribute: options
            for attribute in dir(plugin)
            if (options := self.parse_hookimpl_opts(plugin, attribute)) is not None
        }
        implemented = {options["specname"] or attribute for attribute, options in marked.items()}
        for attribute, options in marked.items():
            hook = options["specname"] or attribute
            if hook not in HOOKS and not options["optionalhook"]:
                raise PluginError(
                    f"{name}.{attribute}: there is no hook {hook!r}{did_you_mean(hook, HOOKS)}; "
                    f"the hooks are {', '.join(HOOKS)}"
                )
            if hook not in ASKED and (options["wrapper"] or options["hookwrapper"]):
                raise PluginError(f"{name}.{attribute}: {hook} is no hook that can be wrapped")
            if hook not in _AWAITED and inspect.iscoroutinefunction(getattr(plugin, attribute)):
                raise PluginError(
                    f"{name}.{attribute}: nobody awaits {hook}; write def, not async def"
                )
            _check_parameters(plugin, f"{name}.{attribute}", getattr(plugin, attribute))
        for hook in HOOKS:
            if hook not in marked and callable(getattr(plugin, hook, None)):
                raise PluginError(f"{name}.{hook} is not marked: write @hookimpl above it")
        if implemented.isdisjoint(HOOKS):
            near = ((attribute, did_you_mean(attribute, HOOKS)) for attribute in dir(plugin))
            hints = "".join(f" ({attribute}{hint})" for attribute, hint in near if hint)
            raise PluginError(f"{name} has no hook marked with @hookimpl{hints}")


def _configured(implementation: pluggy.HookImpl, settings: dict[str, Any]) -> Callable[[], None]:
    name = implementation.plugin_name
    try:
        apply = implementation.function(*(settings for _ in implementation.argnames))
    except InvalidSettings:
        raise
    except Exception as error:
        log.exception("plugin %s: configure failed", name)
        why = f"the plugin {name} failed to read its settings: {error!r}"
        raise InvalidSettings({"": why}) from error
    if apply is None:
        return _nothing
    if not callable(apply):
        why = f"the plugin {name} answered {apply!r} to its settings, not a function or None"
        raise InvalidSettings({"": why})

    def put_in_force() -> None:
        try:
            apply()
        except Exception:
            log.exception("plugin %s: its settings could not be put in force", name)

    return put_in_force


def _failed(plugin: str, hook: str, error: BaseException) -> PluginError:
    """The fault of a plugin, in its name."""
    return PluginError(f"plugin {plugin}: {hook} failed: {type(error).__name__}: {error}")


def _nothing() -> None:
    """What puts no settings in force."""


def _called(plugin: object) -> str:
    """How a plugin is called where it has no registered name: by its module or class."""
    return str(getattr(plugin, "__name__", type(plugin).__name__))


def _given_frozen(ask: AskAll) -> AskAll:
    """Make of the event a record that no plugin can change, and ask about that."""

    def ask_frozen(event: Event, context: Context, started: float | None = None, /) -> Answers:
        try:
            given = frozen(event)
        except Exception:
            log.exception("an event that the host asks about cannot be read")
            return _UNREADABLE
        return ask(given, context, started)

    return ask_frozen


def _wraps(implementation: pluggy.HookImpl) -> bool:
    return implementation.wrapper or implementation.hookwrapper


def _several(asks: Sequence[Ask]) -> AskAll:
    def ask_them(event: Event, context: Context, _: float | None = None, /) -> list[Attributed]:
        return [answer for ask in asks if (answer := ask(event, context)) is not None]

    return ask_them


def _through_pluggy(caller: pluggy.HookCaller) -> AskAll:
    """Ask through pluggy, for hooks with wrappers, which may change the answers."""

    def ask_all(event: Event, context: Context, _: float | None = None, /) -> list[Attributed]:
        answers: list[Attributed] = caller(event=event, context=context)
        return answers

    return ask_all


def _check_parameters(plugin: object, where: str, function: Callable[..., Any]) -> None:
    parameters = inspect.signature(function).parameters
    if inspect.isclass(plugin) and [*parameters][:1] == ["self"]:
        raise PluginError(
            f"{where} needs an instance: register {plugin.__name__}(), not the class"
        )
    for parameter in parameters.values():
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY:
            raise PluginError(
                f"{where}: pluggy never passes the keyword-only "
                f"parameter {parameter.name!r}; remove the '*' before it"
            )
        if parameter.name in _PARAMETERS and parameter.default is not inspect.Parameter.empty:
            raise PluginError(
                f"{where}: pluggy never passes a parameter that has a default; "
                f"write {parameter.name!r} without one"
            )
        if parameter.kind in _VARIADIC and _PARAMETERS.isdisjoint(parameters):
            raise PluginError(
                f"{where}: pluggy passes only parameters that have a name, and nothing to "
                f"{str(parameter).split(':')[0]}; name event and context, "
                "or use functools.wraps in the decorator"
            )
