"""What plugins are given of an event: nothing that they could change for anybody else."""

import asyncio
import pickle
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from examples import ALICE, BOB, NOBODY, YES, AnEvent, Answering, awaitable
from hypothesis import given
from strategies import events, some

from orly_policy_hookspecs import Decision, Event, FrozenEvent, Gate, frozen, hookimpl
from orly_policy_hookspecs.nip01 import FIELDS

ASKS = ("write", "read", "reads", "kind3", "list_event", "policy_event")
ASKED = [f"{where}{ask}" for where in ("", "blocking.") for ask in ASKS]


def ask(gate: Gate, how: str, event: Any) -> Decision | None:
    """Ask in one of the ways in which a question can be asked."""
    name = how.removeprefix("blocking.")
    given = [event] if name == "reads" else event
    method = getattr(gate.blocking if name != how else gate, name)
    answer = method(given, NOBODY) if name != how else asyncio.run(method(given, NOBODY))
    gate.blocking.close()
    return answer[0] if name == "reads" else answer


class Vandal:
    """Tries to make every event one of Bob's, to Bob."""

    def _spoil(self, event: Any) -> Decision:
        for spoil in (
            lambda: setattr(event, "pubkey", BOB),
            lambda: object.__setattr__(event, "pubkey", BOB),
            lambda: event.tags.append(["p", BOB]),
            lambda: event.tags[0].append(BOB),
            lambda: event.tags[0].__setitem__(1, BOB),
            lambda: event.__dict__.update(pubkey=BOB),
        ):
            with pytest.raises((AttributeError, TypeError)):
                spoil()
        return YES

    @hookimpl
    def on_write(self, event: Event) -> Decision:
        return self._spoil(event)

    @hookimpl
    def on_read(self, event: Event) -> Decision:
        return self._spoil(event)

    @hookimpl
    async def on_kind3(self, event: Event) -> None:
        self._spoil(event)

    @hookimpl
    async def on_list_event(self, event: Event) -> None:
        self._spoil(event)

    @hookimpl
    async def on_policy_event(self, event: Event) -> Decision:
        return self._spoil(event)


class Mutable:
    """A relay's own class, with nothing that would keep it from being changed."""

    def __init__(self) -> None:
        vars(self).update({name: getattr(AnEvent(), name) for name in FIELDS})
        self.tags = [["p", ALICE], ["-"]]


@pytest.mark.parametrize("how", ASKED)
def test_no_plugin_changes_an_event(how: str) -> None:
    """Not for those that are asked after it, nor for the host, which stores it afterwards."""
    event = Mutable()
    before, after = Answering(YES), Answering(YES)
    gate = Gate()
    for plugin in (before, Vandal(), after):
        gate.register(plugin)
    decision = ask(gate, how, event)
    assert decision is None or decision.accepted
    assert (event.pubkey, event.tags) == (ALICE, [["p", ALICE], ["-"]])  # type: ignore[attr-defined]
    for plugin in (before, after):
        ((given_event, _),) = plugin.asked
        assert (given_event.pubkey, given_event.tags) == (ALICE, (("p", ALICE), ("-",)))


def test_what_the_host_changes_later_is_not_seen() -> None:
    """A plugin that must be waited for decides about the event that it was asked about."""
    event = Mutable()
    seen = []

    class Late:
        @hookimpl
        async def on_write(self, event: Event) -> Decision:
            await asyncio.sleep(0)
            seen.append(event.tags)
            return YES

    async def question() -> None:
        gate = Gate()
        gate.register(Late())
        asked = asyncio.ensure_future(gate.write(event, NOBODY))  # type: ignore[arg-type]
        await asyncio.sleep(0)
        event.tags[0][1] = BOB
        await asked

    asyncio.run(question())
    assert seen == [(("p", ALICE), ("-",))]


def test_every_plugin_is_given_the_same_record() -> None:
    """It is made once a question, and not made again where the host has made it."""
    plugins = [Answering(YES), Answering(awaitable(YES)), Answering(None)]
    gate = Gate()
    for plugin in plugins:
        gate.register(plugin)
    made = frozen(AnEvent(tags=[["p", ALICE]]))
    for event in (AnEvent(), made):
        assert ask(gate, "write", event)
    records = [[given_event for given_event, _ in plugin.asked] for plugin in plugins]
    for first, *others in zip(*records, strict=True):
        assert type(first) is FrozenEvent
        assert all(other is first for other in others)
    assert records[0][1] is made


@given(events)
@some
def test_the_record_says_what_the_event_says(event: AnEvent) -> None:
    """All seven fields; tags as tuples."""
    made = frozen(event)
    for name in set(FIELDS) - {"tags"}:
        assert getattr(made, name) == getattr(event, name)
    assert [list(tag) for tag in made.tags] == event.tags
    assert frozen(made) is made


def test_a_record_is_immutable_however_it_is_made() -> None:
    """Its constructor, and what a named tuple has besides, make tuples of tags."""
    lists: Any = [["p", ALICE]]
    fields = [getattr(AnEvent(), name) for name in FIELDS]
    fields[FIELDS.index("tags")] = lists
    made = FrozenEvent(*fields)
    for each in (
        made,
        FrozenEvent._make(fields),
        made._replace(tags=lists),
        pickle.loads(pickle.dumps(made)),
    ):
        assert type(each) is FrozenEvent
        assert each.tags == (("p", ALICE),)


class Heir(FrozenEvent):
    """A subclass may have what can be changed."""

    tags = [["p", ALICE]]  # type: ignore[assignment]  # noqa: RUF012


def test_a_subclass_is_no_record() -> None:
    """It is read like any other event."""
    made = frozen(Heir(*(getattr(AnEvent(), name) for name in FIELDS)))
    assert type(made) is FrozenEvent
    assert made.tags == (("p", ALICE),)


def broken() -> Iterator[Any]:
    yield ["p", ALICE]
    raise RuntimeError("half read")


class Unreadable(Mutable):
    """Decoded when it is looked at, and cannot be."""

    @property
    def content(self) -> str:
        raise RuntimeError("not decoded")


UNREADABLE: dict[str, Callable[[], Any]] = {
    "nothing": lambda: None,
    "an object without fields": object,
    "a dict": lambda: {name: getattr(AnEvent(), name) for name in FIELDS},
    "a field that raises": Unreadable,
    "tags are no list": lambda: AnEvent(tags=7),
    "tags are missing": lambda: AnEvent(tags=None),
    "a tag is no list": lambda: AnEvent(tags=[["p"], 7]),
    "tags that raise": lambda: AnEvent(tags=broken()),
}


@pytest.mark.parametrize("how", ASKED)
@pytest.mark.parametrize("event", UNREADABLE)
def test_an_event_that_cannot_be_read_is_a_rejection(
    event: str, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    """With ``error:`` and in the log, never an exception of the gate's; no plugin is asked."""
    plugin = Answering(YES)
    gate = Gate()
    gate.register(plugin)
    decision = ask(gate, how, UNREADABLE[event]())
    assert plugin.asked == []
    assert "cannot be read" in caplog.text
    if not how.endswith(("kind3", "list_event")):
        assert decision == Decision.reject("error: the event cannot be read")


def test_one_event_that_cannot_be_read_spoils_no_others() -> None:
    """The rest of a REQ's result is decided."""
    gate = Gate()
    gate.register(Answering(YES))
    answers = asyncio.run(gate.reads([AnEvent(), AnEvent(tags=7), AnEvent()], NOBODY))
    assert [answer.accepted for answer in answers] == [True, False, True]


def test_plugins_that_all_promise_to_change_nothing_are_given_the_hosts_own() -> None:
    """One that does not promise is enough, and none is."""

    class Promising(Answering):
        changes_no_event = True

    promising = Promising(YES)
    gate, event = Gate(), Mutable()
    gate.register(promising)
    assert ask(gate, "write", event)
    gate.register(Answering(YES))
    assert ask(gate, "write", event)
    (own, _), (copy, _) = promising.asked
    assert own is event
    assert type(copy) is FrozenEvent
