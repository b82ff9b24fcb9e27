"""A program replaces the policy by a call."""

import json
import os
import threading
from typing import Any

import attrs
import pytest
from examples import NOW

from orly_policy_plugin.decisions import Snapshot
from orly_policy_plugin.errors import PolicyError, Unreadable, Unwritable
from orly_policy_plugin.plugin import PolicyPlugin
from orly_policy_plugin.policy import (
    InvalidPolicy,
    Policy,
    Rule,
    policy_version,
    read_policy,
    write_policy,
)

from .making import World, admin, eventually, follows, friend, owner, policy, read_json, signed

OPEN = policy(default_policy="allow")
CONTENT = b'{"_why": "a comment",  "default_policy": "allow"}'


def text(members: Any) -> bytes:
    return json.dumps(members).encode()


def test_it_is_in_force_on_return_and_stands_in_the_file(world: World) -> None:
    """Byte for byte, comments and all, also after a restart."""
    assert not world.may_write(friend)
    snapshot = world.plugin.replace_policy(CONTENT)
    assert snapshot is world.plugin.snapshot
    assert world.may_write(friend)
    assert world.file.read_bytes() == CONTENT
    assert world.plugin.status.version == snapshot.version == policy_version(read_policy(CONTENT))
    world.restart()
    assert world.version == snapshot.version


def test_a_policy_made_by_a_program_is_written_out(world: World) -> None:
    """As the file's own format."""
    made = Policy(rules={1: Rule(content_limit=280)}, owners=(owner.pubkey,))
    world.plugin.replace_policy(made)
    assert world.plugin.snapshot.policy == made
    assert world.file.read_bytes() == write_policy(made)


def test_it_is_recorded_and_raises_the_mark_as_an_edit_does(world: World) -> None:
    """So that what an owner signed before does not undo it, here or after a restart."""
    event = signed(owner, policy(_n=1), NOW + 10)
    world.now = NOW + 50
    world.applied(event)
    world.plugin.replace_policy(text(OPEN))
    assert world.history() == [("start", None), ("event", event.id), ("hand edit", None)]
    assert world.freshness["owner"] == {"created_at": NOW + 50, "event_id": ""}
    for _ in range(2):
        for key in (owner, admin):
            assert "is newer" in world.refused(signed(key, policy(), NOW + 49))
        world.restart()
    world.applied(signed(owner, policy(), NOW + 51))


def test_the_mark_in_the_content_makes_it_no_event(world: World) -> None:
    """As when a program changes what it has read."""
    event = signed(owner, OPEN)
    world.applied(event)
    world.now = NOW + 50
    world.plugin.replace_policy(text({**read_json(world.file), "kind": {"blacklist": [7]}}))
    assert world.history()[-1] == ("hand edit", None)
    assert "is newer" in world.refused(event)


WRONG: list[bytes | Policy] = [
    b"",
    b"{",
    b'{"owner": []}',
    b'{"rules": {"1": {"content_limit": "280"}}}',
    b'{"rules": {"1": {"script": "x.sh"}}}',
    Policy(owners=("nobody",)),
    Policy(rules={1: Rule(script="x.sh")}),
]


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_policy_changes_nothing(world: World, wrong: bytes | Policy) -> None:
    """Neither on the disk nor in force."""
    before, in_force, status = world.on_disk(), world.plugin.snapshot, world.plugin.status
    with pytest.raises(InvalidPolicy):
        world.plugin.replace_policy(wrong)
    assert world.on_disk() == before
    assert world.plugin.snapshot is in_force
    assert world.plugin.status == status


def test_the_policy_that_stands_changes_nothing(world: World) -> None:
    """No entry, no mark, no swap."""
    before, in_force = world.on_disk(), world.plugin.snapshot
    world.now = NOW + 50
    assert world.plugin.replace_policy(world.file.read_bytes()) is in_force
    assert world.on_disk() == before


@pytest.mark.parametrize("after", range(6))
def test_a_disk_that_fills_up_leaves_the_old_or_the_new(
    world: World, after: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error says that it is the old one; and it works again when there is room."""
    before, content = world.version, world.file.read_bytes()
    real, calls = os.replace, [0]

    def failing(*arguments: Any, **more: Any) -> None:
        calls[0] += 1
        if calls[0] > after:
            raise OSError(28, "No space left on device")
        real(*arguments, **more)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", failing)
        try:
            world.plugin.replace_policy(text(OPEN))
            replaced = True
        except Unwritable:
            replaced = False
    assert (world.version != before) is replaced
    assert (world.file.read_bytes() != content) is replaced
    world.plugin.replace_policy(text(policy(_n=2)))
    world.plugin.replace_policy(text(OPEN))
    assert world.may_write(friend, 7)


def test_contributions_stay(world: World) -> None:
    """They are part of the policy in force, whoever wrote the owner's."""
    world.applied(signed(admin, {"kind_blacklist_add": [7]}))
    world.plugin.replace_policy(text(OPEN))
    assert world.may_write(friend, 8)
    assert not world.may_write(friend, 7)


def test_an_edit_that_nobody_has_told_of_is_recorded_first(world: World) -> None:
    """It was in the file, so it is in the history."""
    world.save(policy(_n=1))
    world.plugin.replace_policy(text(OPEN))
    assert [how for how, _ in world.history()] == ["start", "hand edit", "hand edit"]


def test_a_file_that_cannot_be_used_is_kept_aside(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """Also where what was in force before is put back: then nothing is wrong any more."""
    content = world.file.read_bytes()
    with world.running():
        world.save("half a pol")
        eventually(lambda: world.plugin.status.problems != ())
    world.plugin.replace_policy(content)
    assert world.file.read_bytes() == content
    assert world.plugin.status.problems == ()
    (kept,) = (world.folder / "policy-history").glob("unusable-*.json")
    assert kept.read_text() == "half a pol"
    assert str(kept) in caplog.text


def test_the_mark_of_a_file_that_cannot_be_used_counts(world: World) -> None:
    """An event dated ahead, whose mark nothing else knows, does not come back."""
    event = signed(owner, OPEN, NOW + 500)
    world.applied(event)
    broken = world.file.read_bytes().replace(b'"owners"', b'"owner"')
    (world.folder / "policy-history" / "freshness.json").unlink()
    world.save(policy())
    world.restart()
    world.save(broken)
    world.plugin.replace_policy(text(policy(_n=1)))
    assert "applied already" in world.refused(event)


def test_a_file_that_is_gone_is_made(world: World) -> None:
    world.file.unlink()
    world.plugin.replace_policy(text(OPEN))
    assert read_json(world.file) == OPEN


def test_what_is_no_file_is_an_error(world: World) -> None:
    world.file.unlink()
    world.file.mkdir()
    with pytest.raises(Unreadable, match="a directory"):
        world.plugin.replace_policy(text(OPEN))
    assert not world.may_write(friend)


def test_listeners_hear_of_it_once(world: World) -> None:
    """The watcher, which sees the file change, makes no second swap of it."""
    heard: list[tuple[Snapshot, Snapshot]] = []
    with world.running():
        world.plugin.listen(lambda old, new: heard.append((old, new)))
        old = world.plugin.snapshot
        new = world.plugin.replace_policy(text(OPEN))
        last = world.plugin.replace_policy(text(policy(_n=3, kind={"blacklist": [7]})))
        world.save({**policy(), "_seen": "by the watcher"})
        eventually(lambda: len(heard) > 2)
    assert heard[:2] == [(old, new), (new, last)]
    assert len(heard) == 3
    assert [how for how, _ in world.history()] == ["start", *["hand edit"] * 3]


def test_other_processes_take_it_up_and_record_nothing(world: World) -> None:
    """Its writer has."""
    other = PolicyPlugin.load(world.file, clock=lambda: NOW)
    other.start()
    try:
        version = world.plugin.replace_policy(text(OPEN)).version
        eventually(lambda: other.snapshot.version == version)
    finally:
        other.stop()
    assert world.history() == [("start", None), ("hand edit", None)]


def test_many_at_once_end_in_one_of_them(world: World) -> None:
    """In the file and in force alike; every one that was in force is in the history."""
    made = [text(policy(kind={"blacklist": [n]})) for n in range(8)]
    threads = [threading.Thread(target=world.plugin.replace_policy, args=(one,)) for one in made]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert world.plugin.snapshot.policy == read_policy(world.file.read_bytes())
    assert len(world.history()) == 9


def test_a_folder_that_cannot_be_written(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing changes."""
    in_force = world.plugin.snapshot

    def refuse(*_: Any, **__: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(PolicyError):
        world.plugin.replace_policy(text(OPEN))
    monkeypatch.undo()
    assert world.plugin.snapshot is in_force


def test_whom_somebody_follows(world: World) -> None:
    """By the lists that were learned, or those given in their place."""
    assert world.plugin.followed_by([admin.pubkey]) == frozenset()
    world.follow(follows(admin, friend))
    assert world.plugin.followed_by([owner.pubkey, admin.pubkey]) == {friend.pubkey}
    world.plugin.set_follows({owner.pubkey: [admin.pubkey]})
    assert world.plugin.followed_by([owner.pubkey, admin.pubkey]) == {admin.pubkey}
    assert world.plugin.followed_by([]) == frozenset()


def test_a_policy_in_force_can_be_changed_and_put_back(world: World) -> None:
    """What a program would do: evolve what is in force."""
    policy_now = world.plugin.snapshot.policy
    world.plugin.replace_policy(attrs.evolve(policy_now, default_policy="allow"))
    assert world.may_write(friend, 7)
    world.plugin.replace_policy(policy_now)
    assert not world.may_write(friend, 7)
