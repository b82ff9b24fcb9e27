"""What can be registered, and what is refused before it could silently do nothing."""

# ruff: noqa: ARG003, ARG004, ARG005 -- hooks take what they do not use

import asyncio
import contextlib
import functools
import types
from collections.abc import Callable, Generator
from typing import Any

import attrs
import pytest
from examples import NO, NOBODY, AnEvent, Answering, awaitable, shown

from orly_policy_hookspecs import (
    Context,
    Decision,
    Event,
    Gate,
    GateSettings,
    PluginError,
    Verdict,
    hookimpl,
)


def denies(gate: Gate) -> bool:
    return not asyncio.run(gate.write(AnEvent(), NOBODY)).accepted


def a_module() -> types.ModuleType:
    module = types.ModuleType("my_plugin")
    exec(
        "from orly_policy_hookspecs import Context, Decision, Event, hookimpl\n"
        "@hookimpl\n"
        "def on_write(event, context):\n"
        "    return Decision.reject('no')\n",
        module.__dict__,
    )
    return module


class AnInstance:
    @hookimpl
    def on_write(self, event: Event, context: Context) -> Decision:
        return NO


class OfStaticMethods:
    @staticmethod
    @hookimpl
    def on_write(event: Event, context: Context) -> Decision:
        return NO


class OfClassMethods:
    @classmethod
    @hookimpl
    def on_write(cls, event: Event, context: Context) -> Decision:
        return NO


class OtherwiseNamed:
    @hookimpl(specname="on_write")
    def check(self, context: Context, event: Event) -> Decision:
        assert isinstance(context, Context)
        return NO


class OfOneParameter:
    @hookimpl
    def on_write(self, event: Event) -> Decision:
        return NO


class OfNoParameter:
    @hookimpl
    def on_write(self) -> Decision:
        return NO


class OfNoParameterAtAll:
    @staticmethod
    @hookimpl
    def on_write() -> Decision:
        return NO


class OfMoreToCome:
    @hookimpl
    def on_write(self, event: Event, context: Context, **_: object) -> Decision:
        return NO


class Empty(AnInstance):
    """Falsy, as a plugin that is a container may be."""

    def __len__(self) -> int:
        return 0


class Heir(AnInstance):
    """Inherits its hook."""


def timed(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def wrapper(*args: object) -> Any:
        return function(*args)

    return wrapper


class Decorated:
    @hookimpl
    @timed
    def on_write(self, event: Event, context: Context) -> Decision:
        return NO


class OfAttribute:
    def __init__(self) -> None:
        self.on_write = hookimpl(lambda event, context: NO)


@pytest.mark.parametrize(
    "plugin",
    [
        a_module(),
        AnInstance(),
        Answering(NO),
        OfStaticMethods(),
        OfStaticMethods,
        OfClassMethods(),
        OtherwiseNamed(),
        OfOneParameter(),
        OfNoParameter(),
        OfNoParameterAtAll,
        OfMoreToCome(),
        Empty(),
        Heir(),
        Decorated(),
    ],
    ids=shown,
)
def test_what_can_be_a_plugin(plugin: object) -> None:
    """A module, an instance, a class of static methods: it is asked and it is listed."""
    gate = Gate()
    name = gate.register(plugin, "mine")
    assert (name, gate.plugins) == ("mine", ("mine",))
    assert denies(gate)


def test_a_module_is_named_after_itself() -> None:
    """Without a name, a module's own is taken."""
    assert Gate().register(a_module()) == "my_plugin"


class Misspelt:
    @hookimpl
    def on_wirte(self, event: Event, context: Context) -> Decision:
        return NO


class HalfMisspelt:
    @hookimpl
    def on_write(self, event: Event, context: Context) -> Decision:
        return NO

    @hookimpl
    def on_raed(self, event: Event, context: Context) -> Decision:
        return NO


class MisspeltByName:
    @hookimpl(specname="on_writes")
    def check(self, event: Event) -> Decision:
        return NO


class MisspeltOptional:
    @hookimpl(optionalhook=True)
    def on_wirte(self, event: Event) -> Decision:
        return NO


class Unmarked:
    @hookimpl
    def on_write(self, event: Event, context: Context) -> Decision:
        return NO

    def on_read(self, event: Event, context: Context) -> Decision:
        return NO


class UnmarkedOverride(AnInstance):
    def on_write(self, event: Event, context: Context) -> Decision:
        return NO


class UnmarkedAndMisspelt:
    def on_wirte(self, event: Event, context: Context) -> Decision:
        return NO

    def on_raed(self, event: Event) -> Decision:
        return NO


@attrs.define(eq=False)
class SlottedWithoutHooks:
    def on_raed(self, event: Event) -> Decision:
        return NO


class KeywordOnly:
    @hookimpl
    def on_write(self, event: Event, *, context: Context) -> Decision:
        return NO


class Defaulted:
    @hookimpl
    def on_write(self, event: Event, context: Context | None = None) -> Decision:
        return NO


class UnknownParameter:
    @hookimpl
    def on_kind3(self, event: Event) -> None:
        """Comes first, and is right."""

    @hookimpl
    def on_write(self, event: Event, ctx: Context) -> Decision:
        return NO


def untimed(function: Callable[..., Any]) -> Callable[..., Any]:
    def on_write(*args: object, **named: object) -> Any:
        return function(*args, **named)

    return on_write


class BadlyDecorated:
    @hookimpl
    @untimed
    def on_write(self, event: Event, context: Context) -> Decision:
        return NO


class WrappingOpen:
    @hookimpl(wrapper=True)
    def on_open(self) -> Generator[None, None, None]:
        yield


class WrappingOpenTheOldWay:
    @hookimpl(hookwrapper=True)
    def on_open(self) -> Generator[None, None, None]:
        yield


class AwaitedByNobody:
    @hookimpl
    async def on_open(self) -> None:
        """Would never be run."""


class Nothing:
    """No hook at all."""


WRONG = [
    (
        Misspelt(),
        "Misspelt.on_wirte: there is no hook 'on_wirte'; did you mean 'on_write'?; the hooks are "
        "on_write, on_read, on_kind3, on_list_event, on_policy_event, on_decided, read_scopes, "
        "relay_limits, needed_lists, configure, criteria, on_registered, on_unregistered, "
        "on_start, on_open, on_stop",
    ),
    (HalfMisspelt(), "did you mean 'on_read'?"),
    (MisspeltByName(), "there is no hook 'on_writes'; did you mean 'on_write'?"),
    (MisspeltOptional(), "did you mean 'on_write'?"),
    (Unmarked(), "Unmarked.on_read is not marked: write @hookimpl above it"),
    (UnmarkedOverride(), "UnmarkedOverride.on_write is not marked"),
    (
        UnmarkedAndMisspelt(),
        "UnmarkedAndMisspelt has no hook marked with @hookimpl (on_raed; did you mean 'on_read'?) "
        "(on_wirte; did you mean 'on_write'?)",
    ),
    (SlottedWithoutHooks(), "did you mean 'on_read'?"),
    (
        KeywordOnly(),
        "KeywordOnly.on_write: pluggy never passes the keyword-only parameter 'context'; remove "
        "the '*' before it",
    ),
    (
        Defaulted(),
        "Defaulted.on_write: pluggy never passes a parameter that has a default; write 'context' "
        "without one",
    ),
    (WrappingOpen(), "WrappingOpen.on_open: on_open is no hook that can be wrapped"),
    (WrappingOpenTheOldWay(), "on_open is no hook that can be wrapped"),
    (
        AwaitedByNobody(),
        "AwaitedByNobody.on_open: nobody awaits on_open; write def, not async def",
    ),
    (UnknownParameter(), "ctx"),
    (
        BadlyDecorated(),
        "BadlyDecorated.on_write: pluggy passes only parameters that have a name, and nothing to "
        "*args; name event and context, or use functools.wraps in the decorator",
    ),
    (AnInstance, "register AnInstance(), not the class"),
    (Nothing(), "Nothing has no hook marked with @hookimpl"),
    (types.ModuleType("empty"), "empty has no hook"),
    (functools.partial(print), "no hook"),
    (None, "no hook"),
    ("members", "no hook"),
]


@pytest.mark.parametrize(("plugin", "message"), WRONG, ids=shown)
def test_what_would_silently_not_work_is_refused(plugin: object, message: str) -> None:
    """At registration, with a message that says what to write, and nothing is half registered."""
    gate = Gate()
    with pytest.raises(PluginError) as caught:
        gate.register(plugin, "mine")
    assert message in str(caught.value)
    assert gate.plugins == ()
    assert not denies(gate)
    gate.register(AnInstance(), "mine")
    assert gate.plugins == ("mine",)
    assert denies(gate)


def test_a_blocked_name_is_refused() -> None:
    """pluggy would say nothing, and not ask."""
    gate = Gate()
    gate._registry.set_blocked("mine")
    with pytest.raises(PluginError, match=r"^the plugin name 'mine' is blocked$"):
        gate.register(AnInstance(), "mine")
    assert gate.plugins == ()


def test_a_name_is_given_once() -> None:
    """The second plugin of a name is refused, the first one stays."""
    gate = Gate()
    gate.register(AnInstance(), "mine")
    with pytest.raises(PluginError) as caught:
        gate.register(Answering(), "mine")
    assert str(caught.value) == (
        "the plugin name 'mine' is taken by AnInstance; give Answering another"
    )
    assert denies(gate)


def test_a_modules_name_is_given_once() -> None:
    """Also where nobody has written it."""
    gate = Gate()
    gate.register(a_module())
    with pytest.raises(PluginError, match=r"^the plugin name 'my_plugin' is taken by my_plugin"):
        gate.register(a_module())


def test_a_plugin_is_registered_once() -> None:
    """Under a second name it is refused and stays registered under the first."""
    gate = Gate()
    plugin = AnInstance()
    gate.register(plugin, "mine")
    for name in ("other", "mine"):
        with pytest.raises(PluginError) as caught:
            gate.register(plugin, name)
        assert str(caught.value) == (
            "AnInstance is registered already, as 'mine'; register it once"
        )
    assert gate.plugins == ("mine",)
    assert denies(gate)


class Equal:
    """A plugin that equals nothing, itself neither, or everything."""

    def __init__(self, answer: Any, *, to_all: bool) -> None:
        self.answer = answer
        self.to_all = to_all

    def __eq__(self, other: object) -> bool:
        return self.to_all

    __hash__ = object.__hash__

    @hookimpl
    def on_write(self, event: Event) -> Any:
        return self.answer() if callable(self.answer) else self.answer


def test_one_that_equals_another_is_refused() -> None:
    """pluggy could not tell them apart, and would ask neither for certain."""
    gate = Gate()
    gate.register(AnInstance(), "mine")
    with pytest.raises(PluginError, match=r"^Equal equals a plugin .* needs eq=False$"):
        gate.register(Equal(NO, to_all=True), "equal")
    assert gate.plugins == ("mine",)


class PassingOn:
    @hookimpl(wrapper=True)
    def on_write(self, event: Event) -> Any:
        return (yield)


@pytest.mark.parametrize("later", [False, True])
@pytest.mark.parametrize("to_all", [False, True])
@pytest.mark.parametrize("wrapped", [False, True])
@pytest.mark.parametrize("alone", [False, True])
def test_what_a_plugin_equals_is_nothing_to_its_answers(
    later: bool, to_all: bool, wrapped: bool, alone: bool
) -> None:
    """It is guarded as any other: its no counts, and nothing is said in another's name."""
    for answer in (NO, Decision(Verdict.VOUCH, "", "members")):
        gate = Gate(GateSettings(may_vouch_write=frozenset({"members"})))
        gate.register(Equal(awaitable(answer) if later else answer, to_all=to_all), "odd")
        if not alone:
            with contextlib.suppress(PluginError) if to_all else contextlib.nullcontext():
                gate.register(Answering(Decision.fallback("blocked: default")), "members")
        if wrapped:
            with contextlib.suppress(PluginError) if to_all else contextlib.nullcontext():
                gate.register(PassingOn(), "wrapper")
        decision = asyncio.run(gate.write(AnEvent(), NOBODY))
        assert decision.verdict is not Verdict.VOUCH
        if answer is NO:
            assert decision == NO.attributed("odd")
