"""What a client, or bad luck, could do to get around a script."""

import asyncio
import json
import threading
import time
from typing import Any

import pytest
from examples import NOBODY, NOW, AnEvent

from orly_policy_hookspecs import Gate
from orly_policy_plugin.plugin import NAME, PolicyPlugin

pytestmark = pytest.mark.usefixtures("soon_killed")

REJECTS_SLOWLY = """
for event in events():
    time.sleep(0.002)
    answer(event)
"""
DIES = "sys.exit(7)"


def numbered(number: int) -> AnEvent:
    return AnEvent(id=f"{number:064x}")


def enforcing(folder: Any, policy: dict[str, Any], **settings: Any) -> tuple[Gate, PolicyPlugin]:
    path = folder.path / "policy.json"
    path.write_text(json.dumps(policy))
    plugin = PolicyPlugin.load(path, clock=lambda: NOW, **settings)
    folder.made.append(plugin.scripts)
    gate = Gate()
    gate.register(plugin, NAME)
    return gate, plugin


@pytest.mark.parametrize("readers", [1, 4])
@pytest.mark.heavy
def test_a_large_req_is_no_way_past_a_script(folder: Any, readers: int) -> None:
    """It rejects each event in time; that there are many of them lets none through."""
    folder.write(REJECTS_SLOWLY)
    policy = {"rules": {"1": {"script": "script.py"}}}
    gate, _ = enforcing(folder, policy, script_timeout_seconds=1.5)

    async def read(reader: int) -> list[bool]:
        events = [numbered(reader * 10_000 + i) for i in range(900)]
        return [decision.accepted for decision in await gate.reads(events, NOBODY)]

    async def all_readers() -> list[list[bool]]:
        return await asyncio.gather(*map(read, range(readers)))

    for accepted in asyncio.run(all_readers()):
        assert len(accepted) == 900
        assert not any(accepted)


def test_a_script_that_is_not_named_any_more_is_not_started_again(folder: Any) -> None:
    """Though it was to be, when it was dropped."""
    folder.write(DIES)
    scripts = folder.scripts()
    scripts.start()
    folder.until(lambda: len(folder.started) >= 3)
    scripts.use(())
    folder.until(lambda: not scripts.status)
    started = len(folder.started)
    time.sleep(1.0)  # that nothing happens can only be waited for
    assert len(folder.started) == started
    assert not any(map(folder.is_alive, folder.started))


def test_no_swap_hurries_a_script_that_fails(folder: Any) -> None:
    """Whatever else changes the policy: a follow list, a contribution."""
    folder.write(DIES)
    scripts = folder.scripts()
    scripts.start()
    began = time.monotonic()
    while time.monotonic() - began < 1.5:
        scripts.use(("script.py",))
        time.sleep(0.02)
    assert len(folder.started) <= 6


def test_large_questions_and_a_script_that_reads_late(folder: Any) -> None:
    """What was sent together is more than its pipe holds; all of it is answered."""
    folder.write("read = [next(events()) for _ in range(4)]\nfor event in read: answer(event)")
    large = [AnEvent(id=f"{i:064x}", content="x" * 200_000) for i in range(4)]
    told = folder.ask(folder.scripts(timeout_seconds=20.0), *large)
    assert [json.loads(one.reply.message)[0] for one in told] == [f"{i:064x}" for i in range(4)]


def test_starting_twice_is_starting_once(folder: Any) -> None:
    """And stopping once ends all."""
    before = set(threading.enumerate())
    folder.write(REJECTS_SLOWLY)
    _, plugin = enforcing(folder, {"rules": {"1": {"script": "script.py"}}})
    plugin.start()
    plugin.start()
    plugin.stop()
    folder.until(lambda: set(threading.enumerate()) <= before)
