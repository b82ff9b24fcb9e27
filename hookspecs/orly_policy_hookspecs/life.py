"""The life of the plugins: started before the relay opens, stopped after it has closed."""

import asyncio
import inspect
from time import monotonic

import attrs
import pluggy

from .answers import is_cancelled
from .context import StartContext
from .errors import PluginError
from .logs import get_log
from .registry import Registry

log = get_log(__name__)


class Life:
    """Starts plugins one after the other, and stops together those that have started."""

    def __init__(self, registry: Registry, budget_seconds: float) -> None:
        """:param budget_seconds: for each plugin."""
        self._registry = registry
        self._budget_seconds = budget_seconds
        self._to_stop: list[pluggy.HookImpl] = []
        """Kept from the start: a plugin that is unregistered meanwhile has still to be stopped."""

    async def start(self, context: StartContext) -> None:
        """Call ``on_start`` of every plugin, in the order in which they were registered. Where one
        fails, those that have started are stopped.

        :raises PluginError: one has raised, or has taken too long.
        """
        try:
            for name in self._registry.names:
                for start in self._registry.of_plugin(name, "on_start"):
                    await self._done("on_start", start, context=context)
                self._to_stop += self._registry.of_plugin(name, "on_stop")
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Call ``on_stop`` of every plugin that has started. What fails is in the log, and hinders
        no other.
        """
        stops, self._to_stop = self._to_stop, []
        await asyncio.gather(*map(self._stopped, stops))

    async def _stopped(self, stop: pluggy.HookImpl) -> None:
        try:
            await self._done("on_stop", stop)
        except PluginError as error:
            log.error("%s", error, exc_info=error.__cause__)  # noqa: TRY400 -- the plugin's own

    async def _done(self, hook: str, implementation: pluggy.HookImpl, **given: object) -> None:
        """Call a plugin's function, and wait for what it returns: in a task, as it might not end
        when it is told to. What takes longer than the budget is cancelled, and waited for as long
        again.

        :raises PluginError: in the plugin's name.
        """
        who, budget = f"plugin {implementation.plugin_name}: {hook}", self._budget_seconds
        task = asyncio.ensure_future(_end(implementation, given))
        try:
            await asyncio.wait([task], timeout=budget)
            is_late = not task.done()
        finally:
            if not task.done():
                task.cancel()
                await asyncio.wait([task], timeout=budget)
        if is_late or task.result().seconds > budget:
            raise PluginError(f"{who} took longer than the budget of {budget:g} seconds")
        if (error := task.result().error) is not None:
            raise PluginError(f"{who} failed: {type(error).__name__}: {error}") from error


@attrs.frozen
class _End:
    """What has become of a plugin's function."""

    seconds: float
    error: BaseException | None


async def _end(implementation: pluggy.HookImpl, given: dict[str, object]) -> _End:
    begun = monotonic()  # here: another plugin may hold up the loop before and after it
    error = await _failure(implementation, given)
    return _End(monotonic() - begun, error)


async def _failure(
    implementation: pluggy.HookImpl, given: dict[str, object]
) -> BaseException | None:
    """What a plugin's function has raised, or what was awaited of it: no plugin ends the loop."""
    named = {name: given[name] for name in implementation.argnames}
    try:
        awaited = implementation.function(**named)
        if inspect.isawaitable(awaited):
            await awaited
    except (KeyboardInterrupt, GeneratorExit):
        raise
    except asyncio.CancelledError as error:
        if is_cancelled():
            raise
        return error
    except BaseException as error:  # noqa: BLE001 -- whatever it is, it is told in its name
        return error
    return None
