"""What the registry relies on in pluggy beyond its documentation.

The registry replaces what a registered implementation calls, so that each answer carries its
plugin's name and a fault of one plugin is an answer. pluggy has no way for that: a wrapper sees
the answers of all without names, and an exception only once it has ended the call for all.
``HookImpl.function``, ``argnames``, ``wrapper`` and ``hookwrapper`` are annotated as final, and
are written all the same.
Each test here uses pluggy alone, and is the first to fail where a release of it goes another way.
"""

from collections.abc import Generator
from typing import Any

import pluggy
import pytest

hookspec = pluggy.HookspecMarker("pinned")
hookimpl = pluggy.HookimplMarker("pinned")


class Specs:
    @hookspec
    def asked(self, event: object, context: object) -> object:
        """A hook of two parameters, as the contract's are."""


class One:
    @hookimpl
    def asked(self, event: object) -> object:
        return ("one", event)


class Two:
    @hookimpl
    def asked(self, context: object) -> object:
        return ("two", context)


class OldStyle:
    @hookimpl(hookwrapper=True)
    def asked(self) -> Generator[None, Any, None]:
        yield


@pytest.fixture
def manager() -> pluggy.PluginManager:
    manager = pluggy.PluginManager("pinned")
    manager.add_hookspecs(Specs)
    return manager


def ask(manager: pluggy.PluginManager) -> Any:
    return manager.hook.asked(event="e", context="c")


def implementation(manager: pluggy.PluginManager, name: str) -> Any:
    [found] = [each for each in manager.hook.asked.get_hookimpls() if each.plugin_name == name]
    return found


def test_function_and_argnames_are_read_at_each_call(manager: pluggy.PluginManager) -> None:
    """``Registry._guard`` replaces both after pluggy has registered a plugin."""
    manager.register(One(), "one")
    assert ask(manager) == [("one", "e")]
    one = implementation(manager, "one")
    one.function = lambda event, context: (event, context, "guarded")
    one.argnames = ("event", "context")
    assert ask(manager) == [("e", "c", "guarded")]


def test_wrapper_and_hookwrapper_are_read_at_each_call(manager: pluggy.PluginManager) -> None:
    """``Registry._guard`` makes a wrapper of the new style of one of the old, in its place."""
    manager.register(One(), "one")
    manager.register(OldStyle(), "old")

    def new_style(event: object, context: object) -> Generator[None, Any, Any]:
        answers = yield
        return [*answers, "added"]

    old = implementation(manager, "old")
    assert (old.wrapper, old.hookwrapper) == (False, True)
    old.function, old.argnames = new_style, ("event", "context")
    old.wrapper, old.hookwrapper = True, False
    assert ask(manager) == [("one", "e"), "added"]


def test_implementations_are_called_from_the_last_to_the_first(
    manager: pluggy.PluginManager,
) -> None:
    """``Registry._asking`` calls them itself where there is no wrapper, in pluggy's order, which
    is also that of ``tryfirst`` and ``trylast``.
    """

    class First:
        @hookimpl(tryfirst=True)
        def asked(self) -> object:
            return "first"

    for plugin in (First(), One(), Two()):
        manager.register(plugin)
    listed = manager.hook.asked.get_hookimpls()
    given = {"event": "e", "context": "c"}
    by_hand = [each.function(*(given[name] for name in each.argnames)) for each in listed[::-1]]
    assert ask(manager) == by_hand == ["first", ("two", "c"), ("one", "e")]


def test_the_options_of_an_implementation_are_a_mapping(manager: pluggy.PluginManager) -> None:
    """``Registry._check`` looks at these four before pluggy registers anything."""
    options = manager.parse_hookimpl_opts(OldStyle(), "asked")
    assert options is not None
    wanted = {"specname": None, "optionalhook": False, "wrapper": False, "hookwrapper": True}
    assert {name: options[name] for name in wanted} == wanted  # type: ignore[literal-required]
    assert manager.parse_hookimpl_opts(OldStyle(), "__init__") is None


def test_a_result_is_made_of_answers() -> None:
    """``guards`` hands one to a wrapper of the old style, which may force another."""
    result: pluggy.Result[list[int]] = pluggy.Result([1], None)
    result.force_result([2])
    assert result.get_result() == [2]
