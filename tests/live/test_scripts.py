"""What stands beside the policy, and the scripts that it names."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from .making import World, admin, eventually, foe, follows, friend, owner, policy, signed

NOT_RUNNABLE, RUNNABLE = 0o644, 0o755


@pytest.fixture
def scripted(tmp_path: Path) -> Iterator[World]:
    """A relay whose kind 9 asks a script, while nobody asks about kind 9."""
    script = tmp_path / "script.sh"
    script.write_text("#!/bin/sh\nexec cat\n")
    script.chmod(RUNNABLE)
    rules = {
        "1": {"write_follows_whitelist": [admin.pubkey]},
        "7": {"write_allow": []},
        "9": {"script": "script.sh"},
    }
    (tmp_path / "policy.json").write_text(json.dumps(policy(rules=rules)))
    world = World(tmp_path)
    yield world
    world.plugin.stop()
    world.gate.blocking.close()


def test_an_unfollow_counts_while_a_script_cannot_be_run(scripted: World) -> None:
    """At once, and after a restart with the script in order again."""
    scripted.follow(follows(admin, friend))
    assert scripted.may_write(friend)
    script = scripted.folder / "script.sh"
    script.chmod(NOT_RUNNABLE)
    scripted.follow(follows(admin, created_at=int(scripted.now) + 1))
    assert not scripted.may_write(friend)
    script.chmod(RUNNABLE)
    scripted.restart()
    assert not scripted.may_write(friend)


def test_a_denial_counts_while_a_script_cannot_be_run(scripted: World) -> None:
    """By an event that comes to this process, and by a file that another one has written."""
    assert scripted.may_write(foe, 7)
    assert scripted.may_write(friend, 7)
    denials = [
        signed(admin, {"rules_extend": {"7": {"write_deny_add": [key.pubkey]}}}, created_at)
        for key, created_at in ((foe, int(scripted.now)), (friend, int(scripted.now) + 1))
    ]
    with scripted.running():
        (scripted.folder / "script.sh").chmod(NOT_RUNNABLE)
        scripted.applied(denials[0])
        assert not scripted.may_write(foe, 7)
        text = (scripted.contributions / f"{denials[0].id}.json").read_text()
        assert json.loads(text)["id"] == denials[0].id
        fields = {name: getattr(denials[1], name) for name in json.loads(text)}
        (scripted.contributions / f"{denials[1].id}.json").write_text(json.dumps(fields))
        eventually(lambda: not scripted.may_write(friend, 7))


def test_an_answer_names_no_file_of_the_relays_machine(scripted: World) -> None:
    """Why a script of the folder cannot be run is for the log."""
    folder = scripted.folder / "scripts"
    folder.mkdir()
    (folder / "new.py").write_text("#!/home/operator/secret/python\n")
    (folder / "new.py").chmod(RUNNABLE)
    named = policy(rules={"1": {"script": "scripts/new.py"}})
    assert scripted.refused(signed(owner, named)) == (
        "invalid: rules.1.script: cannot be run; the relay's log says why"
    )
