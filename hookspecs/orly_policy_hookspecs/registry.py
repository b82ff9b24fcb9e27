"""The plugins that are loaded: found, checked for what would silently not work, and named."""

import asyncio
import difflib
import inspect
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pluggy

from . import hooks
from .context import Context
from .decision import Decision
from .errors import PluginError
from .events import Event
from .logs import get_log

HOOKS = ("on_write", "on_read", "on_kind3", "on_policy_event")

_PARAMETERS = frozenset({"event", "context"})
_VARIADIC = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)

OUR_FAULT = Decision.reject("error: a policy plugin failed")

log = get_log(__name__)

Answer = Decision | Awaitable[Decision | None]
"""What a plugin has answered: a decision, or what must be waited for."""
Ask = Callable[[Event, Context], Answer | None]
"""Asks one plugin."""
Answers = list[Answer] | Answer | None
"""What all plugins have answered, without those who abstained at once; where there is but one
plugin, as in most relays, its answer as it is."""
AskAll = Callable[[Event, Context], Answers]
"""Asks all plugins."""


class Registry(pluggy.PluginManager):
    """A plugin manager whose plugins' answers come attributed and whose faults are answers.

    pluggy hands out answers without their plugin's name, and one implementation that raises ends
    the call for all. Here each implementation is wrapped as it is registered: its answer is
    checked, carries the plugin's name, and is a rejection with ``error:`` where it raised.
    """

    def __init__(self) -> None:
        super().__init__(hooks.PROJECT)
        self.add_hookspecs(hooks)
        self._plugins_changed()

    def register(self, plugin: object, name: str | None = None) -> str | None:
        """Add a plugin.

        :raises PluginError: it has a misspelt or unmarked hook, or one with parameters that the
            hook does not have. Nothing of it is registered then.
        """
        self._check(plugin)
        known = self.is_registered(plugin)
        try:
            registered = super().register(plugin, name)
        except (ValueError, pluggy.PluginValidationError) as error:
            if not known and self.is_registered(plugin):
                self.unregister(plugin)
            raise PluginError(str(error)) from error
        for caller in self.get_hookcallers(plugin) or []:
            for implementation in caller.get_hookimpls():
                if implementation.plugin is plugin and not _wraps(implementation):
                    implementation.function = _guarded(  # type: ignore[misc]  # typed as final
                        implementation.function,
                        implementation.argnames,
                        implementation.plugin_name,
                        caller.name,
                    )
                    implementation.argnames = ("event", "context")  # type: ignore[misc]
        self._plugins_changed()
        return registered

    def unregister(self, plugin: object | None = None, name: str | None = None) -> object | None:
        """Remove a plugin. From now on it is asked no more."""
        removed = super().unregister(plugin, name)
        self._plugins_changed()
        return removed

    def _plugins_changed(self) -> None:
        self.ask_write = self._asking(self.hook.on_write)
        """Ask every plugin about a write: all their answers, abstentions left out."""
        self.ask_read = self._asking(self.hook.on_read)
        """The same about a read."""
        self.ask_kind3 = self._asking(self.hook.on_kind3)
        self.ask_policy_event = self._asking(self.hook.on_policy_event)

    def _asking(self, caller: pluggy.HookCaller) -> AskAll:
        """Through pluggy where there are wrappers. Otherwise the plugins are called one after the
        other, as pluggy would, without the price of its generality on each of many events.
        """
        implementations = caller.get_hookimpls()
        if any(map(_wraps, implementations)):
            return _through_pluggy(caller)
        asks: list[Any] = [each.function for each in reversed(implementations)]
        return asks[0] if len(asks) == 1 else _several(asks)

    def _check(self, plugin: object) -> None:
        """Refuse what pluggy would register and then never call, or call wrongly each time."""
        name = getattr(plugin, "__name__", type(plugin).__name__)
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
                    f"{name}.{attribute}: there is no hook {hook!r}{_near(hook)}; "
                    f"the hooks are {', '.join(HOOKS)}"
                )
            _check_parameters(plugin, f"{name}.{attribute}", getattr(plugin, attribute))
        for hook in HOOKS:
            if hook not in marked and callable(getattr(plugin, hook, None)):
                raise PluginError(f"{name}.{hook} is not marked: write @hookimpl above it")
        if implemented.isdisjoint(HOOKS):
            near = ((attribute, _near(attribute)) for attribute in dir(plugin))
            hints = "".join(f" ({attribute}{hint})" for attribute, hint in near if hint)
            raise PluginError(f"{name} has no hook marked with @hookimpl{hints}")


def _wraps(implementation: pluggy.HookImpl) -> bool:
    return implementation.wrapper or implementation.hookwrapper


def _several(asks: Sequence[Ask]) -> AskAll:
    def ask_them(event: Event, context: Context) -> list[Answer]:
        return [answer for ask in asks if (answer := ask(event, context)) is not None]

    return ask_them


def _through_pluggy(caller: pluggy.HookCaller) -> AskAll:
    """For hooks with wrappers, which may raise and answer what they like."""

    def ask_all(event: Event, context: Context) -> list[Answer]:
        try:
            answers = caller(event=event, context=context)
        except Exception:
            log.exception("a policy plugin's wrapper failed")
            return [OUR_FAULT]
        if answers.__class__ is list and all(map(_is_answer, answers)):
            return [
                answer if isinstance(answer, Decision) else _awaited(answer) for answer in answers
            ]
        log.error("a policy plugin's wrapper answered %r, not a list of answers", answers)
        return [OUR_FAULT]

    return ask_all


async def _awaited(answer: Awaitable[Decision | None]) -> Decision | None:
    """A plugin's exceptions are answers already; these are a wrapper's."""
    try:
        decision = await answer
    except Exception:
        log.exception("a policy plugin's wrapper failed")
        return OUR_FAULT
    if decision is None or isinstance(decision, Decision):
        return decision
    log.error("a policy plugin's wrapper answered %r, not a Decision or None", decision)
    return OUR_FAULT


def _is_answer(answer: object) -> bool:
    return answer.__class__ is Decision or inspect.isawaitable(answer)


def _near(found: str) -> str:
    near = difflib.get_close_matches(found, HOOKS, 1)
    return f"; did you mean {near[0]!r}?" if near else ""


def _check_parameters(plugin: object, place: str, function: Callable[..., Any]) -> None:
    parameters = inspect.signature(function).parameters
    if inspect.isclass(plugin) and next(iter(parameters), "") == "self":
        raise PluginError(
            f"{place} needs an instance: register {plugin.__name__}(), not the class"
        )
    for parameter in parameters.values():
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY:
            raise PluginError(
                f"{place}: pluggy never passes the keyword-only "
                f"parameter {parameter.name!r}; remove the '*' before it"
            )
        if parameter.name in _PARAMETERS and parameter.default is not inspect.Parameter.empty:
            raise PluginError(
                f"{place}: pluggy never passes a parameter that has a default; "
                f"write {parameter.name!r} without one"
            )
        if parameter.kind in _VARIADIC and _PARAMETERS.isdisjoint(parameters):
            raise PluginError(
                f"{place}: pluggy passes only parameters that have a name, and nothing to "
                f"{str(parameter).split(':')[0]}; name event and context, "
                "or use functools.wraps in the decorator"
            )


def _guarded(function: Callable[..., Any], named: Sequence[str], plugin: str, hook: str) -> Ask:
    """``function``, which takes the parameters that it names, as one that takes both, with its
    answer attributed to ``plugin`` and its exceptions made answers.
    """
    call = _with_both(function, tuple(named))
    notifies = hook == "on_kind3"

    def settled(answer: object) -> Decision | None:
        if answer is None or notifies:
            return None
        if isinstance(answer, Decision):  # a subclass may lie in its methods
            return Decision(answer.verdict, answer.message, plugin)
        log.error("plugin %s: %s answered %r, not a Decision or None", plugin, hook, answer)
        return OUR_FAULT.attributed(plugin)

    def failed(error: BaseException) -> Decision | None:
        log.error("plugin %s: %s failed", plugin, hook, exc_info=error)
        return None if notifies else OUR_FAULT.attributed(plugin)

    async def awaited(answer: Awaitable[object]) -> Decision | None:
        try:
            return settled(await answer)
        except (Exception, SystemExit) as error:  # noqa: BLE001 -- whatever it is, it is logged
            return failed(error)

    def guarded(event: Event, context: Context) -> Answer | None:
        try:
            answer = call(event, context)
            if answer.__class__ is Decision and not notifies:
                return answer.attributed(plugin)
            return awaited(answer) if inspect.isawaitable(answer) else settled(answer)
        # A cancellation, too: nothing was awaited here that could have been cancelled.
        except (Exception, SystemExit, asyncio.CancelledError) as error:  # noqa: BLE001 -- logged
            return failed(error)

    return guarded


def _with_both(function: Callable[..., Any], named: tuple[str, ...]) -> Callable[..., Any]:
    """A function of some of the parameters as one of event and context."""
    if named == ("event", "context"):
        return function
    places = [("event", "context").index(name) for name in named]
    return lambda *both: function(*(both[place] for place in places))
