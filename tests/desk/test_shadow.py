"""A shadow policy beside the one in force: asked, counted, told of, and never obeyed."""

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from examples import NOBODY, NOW, AnEvent, by
from live.making import World, admin, eventually, owner, policy, signed

from orly_policy_hookspecs import Gate
from orly_policy_plugin.cli.command import orly_policy
from orly_policy_plugin.desk.desk import NAME, Desk
from orly_policy_plugin.desk.settings import DeskSettings
from orly_policy_plugin.shadow import ShadowCounted

POLICY = policy(default_policy="allow", rules={"7": {"content_limit": 9}})
STRICTER = policy(
    default_policy="allow", rules={"1": {"content_limit": 3}, "7": {"content_limit": 9}}
)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A relay with a desk, which writes all down."""
    (tmp_path / "policy.json").write_text(json.dumps(POLICY))
    made = World(tmp_path)
    desk = Desk(made.plugin, DeskSettings(log=tmp_path / "log.jsonl"), clock=lambda: made.now)
    made.gate.register(desk, NAME)
    made.gate.check()
    asyncio.run(made.gate.start())
    desk.on_open()
    made.plugin.start()
    yield made
    asyncio.run(made.gate.stop())
    made.gate.blocking.close()


def run(world: World, *arguments: str) -> Result:
    first, *others = arguments
    runner = CliRunner(env={"COLUMNS": "80"})
    return runner.invoke(orly_policy, [first, str(world.file), *others], catch_exceptions=False)


def told(world: World) -> Any:
    """What the status says of it."""
    return json.loads(run(world, "status", "--json").stdout)["shadow"]


def put(world: World, content: Any) -> None:
    path = world.folder / "policy.shadow.json"
    beside = path.with_name("edited")
    beside.write_text(content if isinstance(content, str) else json.dumps(content))
    beside.replace(path)


def compared(world: World) -> dict[tuple[str, str, str], int]:
    found = (ShadowCounted(**each) for each in told(world)["compared"])
    return {each.key: each.count for each in found}


def write(world: World, content: str, kind: int = 1) -> bool:
    event = AnEvent(kind=kind, content=content)
    return world.gate.blocking.write(event, NOBODY).accepted


def followed(world: World, content: Any) -> None:
    """Have it asked from now on."""
    put(world, content)
    eventually(lambda: (told(world) or {"version": None})["version"])


def test_without_a_file_there_is_none(world: World) -> None:
    assert write(world, "hello")
    assert told(world) is None
    assert "shadow" not in run(world, "status").stdout


def test_it_is_asked_and_not_obeyed(world: World) -> None:
    """What both decide alike is counted, too."""
    followed(world, STRICTER)
    assert write(world, "hello")
    assert write(world, "hi")
    assert write(world, "hello", kind=7)
    assert not write(world, "hello everybody", kind=7)
    expected = {
        ("write", "newly refused", "rules.1.content_limit"): 1,
        ("write", "alike", ""): 3,
    }
    eventually(lambda: compared(world) == expected)
    words = run(world, "status").stdout
    assert "  version " in words
    assert "asked, and not obeyed, since" in words
    assert "1  write  newly refused  rules.1.content_limit" in words


def test_kinds_that_no_policy_names_are_asked_about(world: World) -> None:
    """Where the second policy decides otherwise on these alone."""
    followed(world, {**POLICY, "default_policy": "deny"})
    assert write(world, "hello")
    assert write(world, "hello", kind=9)
    expected = {("write", "newly refused", "default_policy"): 2}
    eventually(lambda: compared(world) == expected)


def test_on_writes_both_decide_alike_where_only_reads_differ(world: World) -> None:
    followed(world, policy(default_policy="allow", rules={"1": {"read_allow": [owner.pubkey]}}))
    assert write(world, "hello")
    assert world.gate.blocking.read(AnEvent(), NOBODY).accepted
    expected = {
        ("write", "alike", ""): 1,
        ("read", "newly refused", "rules.1.read_allow"): 1,
    }
    eventually(lambda: compared(world) == expected)


def test_what_was_decided_before_is_not_counted(world: World) -> None:
    """Neither before there was one, nor of an earlier version of it."""
    assert write(world, "hello", kind=9)
    followed(world, STRICTER)
    version = told(world)["version"]
    assert write(world, "hello", kind=9)
    eventually(lambda: compared(world) == {("write", "alike", ""): 1})
    put(world, {**STRICTER, "kind": {"blacklist": [8]}})
    eventually(lambda: told(world)["version"] != version)
    assert compared(world) == {}
    assert write(world, "hello", kind=9)
    eventually(lambda: compared(world) == {("write", "alike", ""): 1})


def test_policy_events_are_not_compared(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """Not even where the policies may differ on every kind."""
    followed(world, {**POLICY, "default_policy": "deny"})
    event = AnEvent(kind=12345)
    assert not asyncio.run(world.gate.policy_event(event, NOBODY)).accepted
    assert world.gate.blocking.write(AnEvent(), NOBODY).accepted
    eventually(lambda: compared(world) == {("write", "newly refused", "default_policy"): 1})
    assert "on_decided" not in caplog.text


def test_reads_that_would_be_granted_unasked_are_asked_about(world: World) -> None:
    """As the session does: it asks where the scopes do not say."""
    before = world.gate.read_scopes(NOBODY).of_kind(1)
    assert before.grants_rest
    followed(world, STRICTER)
    eventually(lambda: not world.gate.read_scopes(NOBODY).of_kind(1).grants_rest)
    assert world.gate.read_scopes(NOBODY).of_kind(9).grants_rest
    assert world.gate.blocking.read(AnEvent(content="hello"), NOBODY).accepted
    eventually(lambda: compared(world) == {("read", "newly refused", "rules.1.content_limit"): 1})
    (world.folder / "policy.shadow.json").unlink()
    eventually(lambda: world.gate.read_scopes(NOBODY).of_kind(1).grants_rest)


def test_what_differs_is_in_the_decision_log_and_counts_once_in_a_replay(world: World) -> None:
    """Though the policy in force has accepted it."""
    followed(world, STRICTER)
    write(world, "hello")
    log = world.folder / "log.jsonl"
    eventually(lambda: log.read_text().count("\n") == 1)
    (entry,) = map(json.loads, log.read_text().splitlines())
    assert entry["result"]["accepted"] is True
    assert entry["shadow"] == {
        "revision": told(world)["version"],
        "outcome": "newly refused",
        "path": "rules.1.content_limit",
        "message": "blocked: content is 5 bytes, the limit for kind 1 is 3",
    }
    write(world, "hello everybody", kind=7)
    eventually(lambda: log.read_text().count("\n") == 2)
    replayed = run(world, "replay", str(log), "--json")
    assert json.loads(replayed.stdout)["events"] == 1


def test_a_file_that_cannot_be_used_is_told_and_the_policy_obeyed(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    put(world, {"rulez": {}})
    eventually(lambda: told(world) is not None)
    assert told(world)["version"] is None
    assert told(world)["problems"][0].startswith("rulez: unknown key")
    assert "is not asked: rulez: unknown key" in caplog.text
    assert "cannot be used: rulez: unknown key" in run(world, "status").stdout
    assert run(world, "status").exit_code == 0
    assert write(world, "hello")
    put(world, STRICTER)
    eventually(lambda: told(world)["version"])
    (world.folder / "policy.shadow.json").unlink()
    eventually(lambda: told(world) is None)


def test_it_has_what_admins_contribute_and_follows_every_change(world: World) -> None:
    """A contribution that the second policy lets in, and another policy in force."""
    followed(world, STRICTER)
    version = told(world)["version"]
    world.applied(signed(admin, {"kind_blacklist_add": [9]}, NOW))
    eventually(lambda: told(world)["version"] != version)
    assert not write(world, "hello", kind=9)
    eventually(lambda: compared(world) == {("write", "alike", ""): 1})
    world.applied(signed(owner, policy(default_policy="allow"), NOW))
    expected = ("write", "newly refused", "rules.7.content_limit")

    def is_compared_with_the_new_one() -> bool:
        """Within milliseconds: it is made out on another thread."""
        return write(world, "hello everybody", kind=7) and expected in compared(world)

    eventually(is_compared_with_the_new_one)


def test_its_owners_are_its_own(world: World) -> None:
    """And not those of the policy in force, whom nothing denies that admins contribute."""
    world.applied(signed(admin, {"kind_blacklist_add": [9]}, NOW))
    followed(world, policy(owners=[], default_policy="allow", rules={"7": {"content_limit": 9}}))
    event = AnEvent(**owner.event(9, "hello"))
    assert world.gate.blocking.write(event, by(owner.pubkey)).accepted
    eventually(lambda: any(outcome == "newly refused" for _, outcome, _ in compared(world)))


def test_promoted_it_is_no_events_policy(world: World) -> None:
    """Though it was made of one that was."""
    world.applied(signed(owner, POLICY, NOW))
    assert "_policy_event" in world.file.read_text()
    put(world, {**json.loads(world.file.read_text()), "default_policy": "deny"})
    assert run(world, "promote").exit_code == 0
    assert "_policy_event" not in world.file.read_text()


def test_promoted_it_is_the_policy(world: World) -> None:
    """With what changes; its file is gone, and the history names who did it."""
    followed(world, STRICTER)
    done = run(world, "promote")
    assert done.exit_code == 0, done.output
    assert "newly refused: writing kind 1" in done.stdout
    assert not (world.folder / "policy.shadow.json").exists()
    assert json.loads(world.file.read_text()) == STRICTER
    eventually(lambda: not write(world, "hello"))
    eventually(lambda: told(world) is None)
    assert json.loads(run(world, "history", "--json").stdout)[0]["how"] == "promote"


Change = Callable[[World], None]


@pytest.mark.parametrize(
    ("make", "status", "says"),
    [
        (lambda _: None, 2, "policy.shadow.json is not there; write the next policy there\n"),
        (lambda world: put(world, "{"), 1, "policy.shadow.json: this is not JSON"),
        (lambda world: put(world, {"rules": {"1": {"script": "gone"}}}), 1, "gone"),
        (lambda world: put(world, {"lists": {"a": {"file": "gone"}}}), 1, "gone"),
    ],
)
def test_what_cannot_be_promoted_stays_where_it_is(
    make: Change, status: int, says: str, world: World
) -> None:
    make(world)
    before = sorted((path.name, path.read_bytes()) for path in world.folder.glob("*.json"))
    done = run(world, "promote")
    assert done.exit_code == status, done.output
    assert says in done.stderr
    assert sorted((path.name, path.read_bytes()) for path in world.folder.glob("*.json")) == before


def test_the_shadow_policy_has_no_shadow(world: World) -> None:
    """Who names it is told what to name."""
    put(world, STRICTER)
    shadow = world.folder / "policy.shadow.json"
    done = CliRunner().invoke(orly_policy, ["promote", str(shadow)])
    assert done.exit_code == 2
    assert done.stderr == f"{shadow} is the shadow policy; name the policy: {world.file}\n"


def test_a_dry_run_promotes_nothing(world: World) -> None:
    put(world, STRICTER)
    done = run(world, "promote", "--dry-run")
    assert done.exit_code == 0
    assert "nothing has changed" in done.stdout
    assert (world.folder / "policy.shadow.json").exists()
    assert json.loads(world.file.read_text()) == POLICY


def test_the_questions_of_a_gate_without_a_desk_are_asked_as_ever(tmp_path: Path) -> None:
    """Nothing of it is there where the desk is switched off."""
    (tmp_path / "policy.json").write_text(json.dumps(POLICY))
    (tmp_path / "policy.shadow.json").write_text(json.dumps(STRICTER))
    made = World(tmp_path)
    with made.running():
        assert made.gate.blocking.write(AnEvent(content="hello"), NOBODY).accepted
        assert made.plugin.asked_reads is None
    assert isinstance(made.gate, Gate)
