"""The plugins that are loaded: found, checked for what would silently not work, and named."""

import difflib
import inspect
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import pluggy

from . import hooks
from .decision import Decision
from .errors import PluginError

HOOKS = ("on_write", "on_read", "on_kind3", "on_policy_event")

OUR_FAULT = Decision.reject("error: a policy plugin failed")

log = logging.getLogger(__name__)


class Registry(pluggy.PluginManager):
    """A plugin manager whose plugins' answers come attributed and whose faults are answers.

    pluggy hands out answers without their plugin's name, and one implementation that raises ends
    the call for all. Here each implementation is wrapped as it is registered: its answer is
    checked, carries the plugin's name, and is a rejection with ``error:`` where it raised.
    """

    def __init__(self) -> None:
        super().__init__(hooks.PROJECT)
        self.add_hookspecs(hooks)

    def register(self, plugin: object, name: str | None = None) -> str | None:
        """Add a plugin.

        :raises PluginError: it has a misspelt or unmarked hook, or one with parameters that the
            hook does not have.
        """
        _check_before(plugin)
        try:
            registered = super().register(plugin, name)
        except (ValueError, pluggy.PluginValidationError) as error:
            raise PluginError(str(error)) from error
        for caller in self.get_hookcallers(plugin) or []:
            for implementation in caller.get_hookimpls():
                if implementation.plugin is plugin and not (
                    implementation.wrapper or implementation.hookwrapper
                ):
                    implementation.function = _guarded(
                        implementation.function, implementation.plugin_name, caller.name
                    )
        self._check_misspelt()
        return registered

    def _check_misspelt(self) -> None:
        try:
            self.check_pending()
        except pluggy.PluginValidationError as error:
            self.unregister(error.plugin)
            known = ", ".join(HOOKS)
            raise PluginError(f"{error}; the hooks are {known}") from error


def _check_before(plugin: object) -> None:
    """Refuse what pluggy would register and then never call, or call wrongly each time."""
    name = getattr(plugin, "__name__", type(plugin).__name__)
    marked = [
        function
        for attribute in dir(plugin)
        if not attribute.startswith("__")
        and callable(function := inspect.getattr_static(plugin, attribute, None))
        and hasattr(function, f"{hooks.PROJECT}_impl")
    ]
    for function in marked:
        for parameter in inspect.signature(function).parameters.values():
            if parameter.kind is inspect.Parameter.KEYWORD_ONLY:
                raise PluginError(
                    f"{name}.{function.__name__}: pluggy never passes the keyword-only "
                    f"parameter {parameter.name!r}; remove the '*' before it"
                )
    names = {function.__name__ for function in marked}
    for hook in HOOKS:
        if hook not in names and callable(getattr(plugin, hook, None)):
            raise PluginError(f"{name}.{hook} is not marked: write @hookimpl above it")
    if not marked:
        near = [
            f"{attribute} (did you mean {close[0]}?)"
            for attribute in vars(plugin)
            if (close := difflib.get_close_matches(attribute, HOOKS, 1))
        ]
        raise PluginError(f"{name} has no hook marked with @hookimpl {' '.join(near)}".rstrip())


def _guarded(function: Callable[..., Any], plugin: str, hook: str) -> Callable[..., Any]:
    """``function`` with its answer attributed to ``plugin`` and its exceptions made answers."""
    notifies = hook == "on_kind3"

    def settled(answer: object) -> Decision | None:
        if answer is None or notifies:
            return None
        if isinstance(answer, Decision):
            return answer.attributed(plugin)
        log.error("plugin %s: %s answered %r, not a Decision or None", plugin, hook, answer)
        return OUR_FAULT.attributed(plugin)

    def failed() -> Decision | None:
        log.exception("plugin %s: %s failed", plugin, hook)
        return None if notifies else OUR_FAULT.attributed(plugin)

    async def awaited(answer: Awaitable[object]) -> Decision | None:
        try:
            return settled(await answer)
        except Exception:
            return failed()

    def guarded(*args: object) -> Decision | Awaitable[Decision | None] | None:
        try:
            answer = function(*args)
            if answer.__class__ is Decision:
                return answer if answer.source == plugin else answer.attributed(plugin)
            return awaited(answer) if inspect.isawaitable(answer) else settled(answer)
        except Exception:
            return failed()

    return guarded
