"""What the next start would refuse is said while there is somebody to mend it."""

import json
import logging
import threading
from pathlib import Path

import pytest

from orly_policy_plugin.errors import PolicyError
from orly_policy_plugin.live import next_start
from orly_policy_plugin.plugin import PolicyPlugin

from .making import World, admin, eventually, follows, friend, owner, policy, signed


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """No host feeds follow lists here."""
    monkeypatch.setattr(next_start, "GRACE_SECONDS", 0.05)
    monkeypatch.setattr(next_start, "AGAIN_SECONDS", 0.1)


def needing(*authors: str) -> dict[str, object]:
    return policy(rules={"1": {"follows_whitelist_admins": list(authors)}})


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [each.message for each in caplog.records if each.message.startswith("the next")]


def test_a_missing_follow_list(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """It is said once, in the log and in the status; and that it is there, then, as loudly."""
    caplog.set_level(logging.WARNING, "orly_policy_plugin")
    with world.running():
        world.save(needing(friend.pubkey))
        eventually(lambda: len(world.plugin.status.next_start) == 1)
        assert friend.pubkey in world.plugin.status.next_start[0].message
        with pytest.raises(PolicyError, match="nobody has"):
            PolicyPlugin.load(world.file).check_follow_lists()
        world.save({**needing(friend.pubkey), "_n": 1, "kind": {"blacklist": [7]}})
        eventually(lambda: not world.may_write(owner, 7))
        world.follow(follows(friend, owner))
        eventually(lambda: world.plugin.status.next_start == ())
    assert [text.partition(":")[0] for text in said(caplog)] == [
        "the next start would be refused",
        "the next start would not be refused now",
    ]


def test_a_script_that_is_gone(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """A contribution brings it to light: what is in force is not undone by it."""
    script = world.folder / "script.sh"
    script.write_text("#!/bin/sh\nexec cat\n")
    script.chmod(0o755)
    world.save(policy(rules={"9": {"script": "script.sh"}}))
    world.restart()
    with world.running():
        script.unlink()
        world.applied(signed(admin, {"kind_blacklist_add": [7]}))
        eventually(lambda: bool(world.plugin.status.next_start))
        assert str(world.plugin.status.next_start[0]) == "rules.9.script: 'script.sh' is not there"
        with pytest.raises(PolicyError, match="is not there"):
            PolicyPlugin.load(world.file)
        assert len(said(caplog)) == 1
        script.write_text("#!/bin/sh\nexec cat\n")
        script.chmod(0o755)
        eventually(lambda: not world.plugin.status.next_start)  # mended without a change


def test_changes_without_end_put_no_look_off(world: World) -> None:
    """It is looked a while after the first of them."""
    with world.running():
        world.save(needing(friend.pubkey))
        number = 0

        def found() -> bool:
            nonlocal number
            number += 1
            world.plugin.replace_policy(
                json.dumps({**needing(friend.pubkey), "kind": {"blacklist": [number]}}).encode()
            )
            return bool(world.plugin.status.next_start)

        eventually(found)


def test_what_is_only_a_warning_stops_no_start(world: World) -> None:
    """Neither where the settings say so, nor where an event has brought the policy."""
    world.settings["missing_follow_lists"] = "warn"
    world.restart()
    world.save(needing(friend.pubkey))
    world.restart()
    world.plugin._next_start.look()
    assert world.plugin.status.next_start == ()
    world.settings["missing_follow_lists"] = "stop"
    world.restart()
    world.plugin._next_start.look()
    assert world.plugin.status.next_start
    world.applied(signed(owner, needing(friend.pubkey), int(world.now) + 1))
    world.plugin._next_start.look()
    assert world.plugin.status.next_start == ()


def test_a_repaired_file_is_said_to_be(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """Whether it says what is in force, or something else."""
    caplog.set_level(logging.WARNING, "orly_policy_plugin")
    good = world.file.read_bytes()
    with world.running():
        for repaired in (good, good.replace(b"1000", b"1001")):
            world.save("{")
            eventually(lambda: bool(world.plugin.status.problems))
            world.save(repaired)
            eventually(lambda: not world.plugin.status.problems)
    again = [each.message for each in caplog.records if "can be used again" in each.message]
    assert len(again) == 2
    assert again[1].endswith(f"version {world.version} is in force")


def test_nothing_is_left_when_it_stops(world: World, tmp_path: Path) -> None:
    """No thread that looks later."""
    with world.running():
        world.save(policy(kind={"blacklist": [7]}))
        eventually(lambda: not world.may_write(owner, 7))
    names = [thread.name for thread in threading.enumerate()]
    assert next_start.THREAD_NAME not in names
