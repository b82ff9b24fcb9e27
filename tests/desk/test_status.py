"""What ``orly-policy status`` says of one worker, in this process: through its socket."""

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from examples import ALICE, NOBODY, NOW, AnEvent
from live.making import World, admin, eventually, follows, friend, owner, policy, signed, stranger

from orly_policy_hookspecs import Gate
from orly_policy_plugin.cli.command import orly_policy
from orly_policy_plugin.desk.desk import NAME, Desk
from orly_policy_plugin.desk.server import FOLDER
from orly_policy_plugin.desk.settings import DeskSettings
from orly_policy_plugin.errors import PolicyError
from orly_policy_plugin.plugin import register
from orly_policy_plugin.settings import Settings


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A relay whose policy has everything that a status tells of."""
    (tmp_path / "members.txt").write_text(f"{ALICE}\n")
    script = tmp_path / "script.py"
    script.write_text("#!/bin/sh\nexit 3\n")
    script.chmod(0o755)
    made = policy(
        policy_follow_whitelist_enabled=True,
        lists={"members": {"file": "members.txt"}},
        rules={
            "1": {"write_allow": ["@members"], "size_limit": 1000},
            "7": {"script": "script.py"},
            "9": {"write_allow_follows": True},
        },
    )
    (tmp_path / "policy.json").write_text(json.dumps(made))
    world = World(tmp_path)
    desk = Desk(world.plugin, DeskSettings(), clock=lambda: world.now)
    world.gate.register(desk, NAME)
    world.gate.check()
    desk.on_open()
    world.plugin.start()
    yield world
    world.plugin.stop()
    asyncio.run(desk.on_stop())
    world.gate.blocking.close()


def status(world: World, *options: str) -> Result:
    runner = CliRunner(env={"COLUMNS": "80"})
    called = ["status", str(world.file), *options]
    return runner.invoke(orly_policy, called, catch_exceptions=False)


def told(world: World) -> Any:
    return json.loads(status(world, "--json").stdout)


def test_all_of_it_is_told(world: World) -> None:
    """The event that the policy came from, contributions, lists, plugins, scripts, decisions."""
    world.follow(follows(admin, friend))
    added = signed(admin, {"kind_whitelist_add": [9]}, NOW - 5)
    world.applied(added)
    world.gate.blocking.write(AnEvent(pubkey=stranger.pubkey), NOBODY)
    found = told(world)
    assert found["contributions"] == [
        {"event_id": added.id, "author": admin.pubkey, "created_at": NOW - 5}
    ]
    lists = {each["author"]: (each["created_at"], each["keys"]) for each in found["follow_lists"]}
    assert lists[admin.pubkey] == (NOW, 1)
    assert found["lists"] == [{"name": "members", "keys": 1, "problems": []}]
    assert {each["name"] for each in found["plugins"]} == {"orly-policy", NAME}
    assert [each["path"] for each in found["scripts"]] == [str(world.folder / "script.py")]
    assert [(each["outcome"], each["place"]) for each in found["decisions"]] == [
        ("accept", ""),
        ("reject", "rules.1.write_allow"),
    ]
    words = status(world).stdout
    for line in (
        f"  version {found['version']} in force since",
        "  from the file\n",
        f"  {added.id[:8]}…  of {admin.pubkey[:8]}…",
        f"  {admin.pubkey[:8]}…  1 key",
        "  @members  1 key",
        str(world.folder / "script.py"),
        "rules.1.write_allow",
    ):
        assert line in words
    assert all(len(line) <= 80 for line in words.splitlines() if str(world.folder) not in line)


def test_a_missing_follow_list_is_told(world: World) -> None:
    """It grants nobody."""
    assert f"{admin.pubkey[:8]}…  missing: it grants nobody" in status(world).stdout
    missing = [each for each in told(world)["follow_lists"] if each["created_at"] is None]
    assert admin.pubkey in {each["author"] for each in missing}


def test_a_policy_that_came_in_an_event_is_told_with_it(world: World) -> None:
    """Whose it is, too."""
    event = signed(owner, policy(), NOW)
    world.applied(event)
    found = told(world)
    assert (found["event_id"], found["event_author"]) == (event.id, owner.pubkey)
    assert f"from the event {event.id[:8]}… of {owner.pubkey[:8]}…" in status(world).stdout


def test_a_script_that_fails_is_told(world: World) -> None:
    """Why, and how many questions it has not answered."""
    eventually(lambda: bool(told(world)["scripts"][0]["failures"]))
    world.gate.blocking.write(AnEvent(kind=7), NOBODY)
    eventually(lambda: told(world)["script_failures"] == 1)
    assert "1 question not answered" in status(world).stdout


def test_where_it_is_switched_off_nothing_is_told_and_nothing_costs(tmp_path: Path) -> None:
    """No socket, no thread, and a question is the gate's own."""
    path = tmp_path / "policy.json"
    path.write_text("{}")
    gate = Gate()
    register(gate, Settings(path=path, desk=DeskSettings(is_open=False)))
    gate.check()
    gate.open()
    try:
        assert vars(gate).keys().isdisjoint(("write", "read", "reads", "policy_event"))
        assert not (tmp_path / FOLDER).exists()
        assert not [each for each in threading.enumerate() if "desk" in each.name]
    finally:
        gate.blocking.start()
        gate.blocking.stop()
        gate.blocking.close()


def test_the_policy_may_switch_it_off(world: World) -> None:
    """As any plugin: then nothing is counted."""
    world.save(policy(plugins={NAME: False}))
    eventually(lambda: not told(world)["plugins"][1]["is_on"])
    before = told(world)["decisions"]
    world.gate.blocking.write(AnEvent(), NOBODY)
    assert told(world)["decisions"] == before
    assert "switched off" in status(world).stdout


VARIABLES: list[tuple[dict[str, str], Callable[[DeskSettings], bool]]] = [
    ({}, lambda made: made == DeskSettings()),
    ({"ORLY_POLICY_STATUS": "off"}, lambda made: not made.is_open),
    ({"ORLY_POLICY_DECISION_LOG": "/x/log"}, lambda made: made.log == Path("/x/log")),
    ({"ORLY_POLICY_DECISION_LOG_OF": "All"}, lambda made: made.log_decisions == "all"),
    (
        {"ORLY_POLICY_DECISION_LOG_ERASE": "/input/ip, /requested_by"},
        lambda made: made.log_erases == ("/input/ip", "/requested_by"),
    ),
]


@pytest.mark.parametrize(("variables", "is_right"), VARIABLES)
def test_the_environment_sets_it(
    variables: dict[str, str], is_right: Callable[[DeskSettings], bool]
) -> None:
    """Each variable one setting."""
    assert is_right(DeskSettings.from_environment(variables))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ORLY_POLICY_STATUS", "perhaps"),
        ("ORLY_POLICY_DECISION_LOG_OF", "some"),
        ("ORLY_POLICY_DECISION_LOG_ERASE", "/input/ip,content"),
    ],
)
def test_a_variable_that_cannot_be_used_is_named(name: str, value: str) -> None:
    """With what is wrong with it."""
    with pytest.raises(PolicyError, match=name):
        DeskSettings.from_environment({name: value})
