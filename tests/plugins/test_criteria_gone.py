"""Criteria of a plugin that is unregistered while the relay runs."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest
from examples import ALICE, BOB, NOBODY, AnEvent, by
from live.making import eventually

from orly_policy_hookspecs import Decision, Gate, hookimpl
from orly_policy_plugin.plugin import NAME

from .test_criteria import Criteria, members, shortest
from .test_section import Json, Relayed, started

RULES: Json = {"rules": {"1": {"x_shortest": 1}, "2": {"x_members": [ALICE]}}}
UNKNOWN = "error: the policy could not be evaluated"
FAILED = "error: a policy plugin failed"


@attrs.define
class Asked:
    """The plugin's functions, and how often they were asked."""

    count: int = 0

    def refuses(self, *_: object) -> None:
        self.count += 1

    def lets_in(self, *_: object) -> bool:
        self.count += 1
        return True


@pytest.fixture
def asked() -> Asked:
    return Asked()


@pytest.fixture
def running(tmp_path: Path, asked: Asked) -> Iterator[Relayed]:
    """A relay with the plugin ``it``, which lets all pass."""
    it = Criteria([shortest(asked.refuses), members(asked.lets_in, "write", "read")])
    relayed = started(tmp_path, RULES, it=it)
    yield relayed
    relayed.engine.stop()


def told(gate: Gate, kind: int, *keys: str) -> Decision:
    return gate.blocking.write(AnEvent(kind=kind, content="hello"), by(*keys))


def test_they_deny_at_once(
    running: Relayed, asked: Asked, caplog: pytest.LogCaptureFixture
) -> None:
    """And are not asked, also before the policy is compiled without them; others are."""
    assert all(told(running.gate, kind, ALICE).accepted for kind in (1, 2, 3))
    before = asked.count
    with running.engine._force._lock:  # it cannot change what is in force
        running.gate.unregister("it")
        for kind in (1, 2):
            assert told(running.gate, kind, ALICE).message == FAILED
        assert running.gate.blocking.read(AnEvent(kind=2), by(ALICE)).message == FAILED
        assert told(running.gate, 3).accepted
    assert asked.count == before
    assert "x_shortest of the plugin it is not asked: the plugin was unregistered" in caplog.text


def test_the_engine_hears_of_it(
    running: Relayed, asked: Asked, caplog: pytest.LogCaptureFixture
) -> None:
    """It decides as with a criterion that nobody has, and says so in the log; the policy and its
    version are the same.
    """
    before = running.engine.snapshot
    running.gate.unregister("it")
    eventually(lambda: told(running.gate, 1).message == UNKNOWN)
    assert told(running.gate, 2, ALICE).message == UNKNOWN
    assert told(running.gate, 3).accepted
    assert asked.count == 0
    assert running.engine.snapshot.version == before.version
    assert "rules.1.x_shortest denies: no plugin has this criterion any more" in caplog.text
    assert "rules.2.x_members denies" in caplog.text


def test_one_of_the_same_name_does_not_stand_in_for_it_unseen(running: Relayed) -> None:
    """The policy was compiled with the other's; from then on it is the new one's."""
    running.gate.unregister("it")
    running.gate.register(Criteria([shortest(lambda *_: "invalid: by the new one")]), "it")
    assert not told(running.gate, 1).accepted
    eventually(lambda: told(running.gate, 1).message in (UNKNOWN, "invalid: by the new one"))
    running.save(RULES | {"rules": {"1": {"x_shortest": 2}}})
    running.engine.start()
    eventually(lambda: told(running.gate, 1).message == "invalid: by the new one")


def test_a_change_that_comes_later_does_not_bring_them_back(
    running: Relayed, asked: Asked
) -> None:
    """One of what is beside the policy: the file still names them."""
    running.gate.unregister("it")
    eventually(lambda: told(running.gate, 1).message == UNKNOWN)
    running.engine.set_follows({ALICE: {BOB}})
    assert told(running.gate, 1).message == UNKNOWN
    assert asked.count == 0


def test_what_is_awaited_counts(tmp_path: Path) -> None:
    """What was asked before."""
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def ask(*_: object) -> str:
        begun.set()
        await go_on.wait()
        return "invalid: as it was asked"

    async def written() -> Decision:
        gate = started(tmp_path, RULES, it=Criteria([shortest(ask), members()])).gate
        waiting = asyncio.ensure_future(gate.write(AnEvent(), NOBODY))
        await asyncio.wait_for(begun.wait(), 60)
        gate.unregister("it")
        go_on.set()
        return await waiting

    assert asyncio.run(written()).message == "invalid: as it was asked"


def test_a_plugin_without_criteria_changes_nothing(tmp_path: Path) -> None:
    relayed = started(tmp_path, RULES, it=Criteria([shortest(), members()]), other=Criteria([]))
    relayed.gate.unregister("other")
    assert told(relayed.gate, 1).accepted
    relayed.engine.stop()
    assert told(relayed.gate, 1).accepted
    assert relayed.gate.plugins == ("it", NAME)


def test_that_a_plugin_is_gone_is_told_to_the_others(caplog: pytest.LogCaptureFixture) -> None:
    """What one of them raises is in the log, and the plugin is gone all the same."""
    gone: list[str] = []

    class Hearing:
        @hookimpl
        def on_unregistered(self, name: str) -> None:
            gone.append(name)
            raise OSError("no disk")

    gate = Gate()
    gate.register(Hearing(), "hearing")
    gate.register(Criteria([shortest()]), "it")
    gate.unregister("it")
    assert gone == ["it"]
    assert gate.plugins == ("hearing",)
    assert "plugin hearing: on_unregistered failed: OSError: no disk" in caplog.text
