"""Edits of the policy file and of the folders beside it, while the relay runs."""

import json
import logging
import threading
import time
from typing import Any

import pytest
from examples import NOW

from orly_policy_plugin.plugin import PolicyPlugin

from .making import (
    World,
    admin,
    eventually,
    foe,
    follows,
    friend,
    owner,
    policy,
    read_json,
    signed,
    withdrawing,
)

OPEN = policy(default_policy="allow")


def mark_of_owner(world: World) -> dict[str, Any]:
    return dict(world.freshness["owner"])


def test_an_edit_is_in_force_recorded_and_raises_the_mark(world: World) -> None:
    """To the time of loading; so that what an owner signed before does not undo it."""
    with world.running():
        world.now = NOW + 50
        world.save(OPEN)
        eventually(lambda: world.plugin.status.in_force_since == NOW + 50)
        assert world.may_write(friend, 7)
        assert mark_of_owner(world) == {"created_at": NOW + 50, "event_id": ""}
        assert world.history() == [("start", None), ("hand edit", None)]
        assert world.plugin.status.in_force_since == NOW + 50
        for key in (owner, admin):
            assert "is newer" in world.refused(signed(key, policy(), NOW + 49))
        world.applied(signed(owner, policy(), NOW + 50))
    world.restart()
    assert not world.may_write(friend, 7)


def test_an_edit_at_rest_raises_no_mark(world: World) -> None:
    """What an owner signed since it was made may still come."""
    world.applied(signed(owner, OPEN))
    world.now = NOW + 500
    world.save(policy())
    world.restart()
    assert mark_of_owner(world)["created_at"] == NOW
    assert world.history()[-1] == ("hand edit", None)
    world.applied(signed(owner, OPEN, NOW + 1))


def test_an_edit_that_keeps_the_mark_is_a_hand_edit(world: World) -> None:
    """As an editor leaves the comment where it is."""
    event = signed(owner, OPEN)
    world.applied(event)
    with world.running():
        world.now = NOW + 50
        world.save({**read_json(world.file), "kind": {"blacklist": [7]}})
        eventually(lambda: not world.may_write(friend, 7))
        eventually(lambda: world.plugin.status.in_force_since == NOW + 50)
        assert mark_of_owner(world)["created_at"] == NOW + 50
        assert world.history()[1:] == [("event", event.id), ("hand edit", None)]
        assert "is newer" in world.refused(event)


def test_an_older_file_put_back_is_a_hand_edit(world: World) -> None:
    """With its mark, after the newer mark was edited away: neither lowers anything."""
    first, second = signed(owner, OPEN), signed(owner, policy(_n=2), NOW + 1)
    world.applied(first)
    backup = world.file.read_bytes()
    world.applied(second)
    with world.running():
        world.now = NOW + 50
        world.save(policy(kind={"blacklist": [9]}))
        eventually(lambda: world.plugin.status.in_force_since == NOW + 50)
        world.now = NOW + 60
        world.save(backup)
        eventually(lambda: world.plugin.status.in_force_since == NOW + 60)
        assert world.may_write(friend, 7)
        assert mark_of_owner(world)["created_at"] == NOW + 60
        assert [how for how, _ in world.history()[-2:]] == ["hand edit", "hand edit"]
        for event in (first, second):
            assert "is newer" in world.refused(event)


def test_an_edit_while_running_is_recorded_once_by_all_who_run(world: World) -> None:
    """And an event that one of them applied is no hand edit for the others."""
    others = [PolicyPlugin.load(world.file, clock=lambda: NOW + 300) for _ in range(3)]
    for other in others:
        other.start()
    try:
        with world.running():
            world.now = NOW + 300
            world.save(OPEN)
            everybody(
                others, world, lambda plugin: plugin.snapshot.policy.default_policy == "allow"
            )
            event = signed(owner, policy(default_policy="allow", _n=3), NOW + 300)
            world.applied(event)
            final = signed(owner, policy(rules={}), NOW + 301)
            world.applied(final)
            everybody(others, world, lambda plugin: plugin.snapshot.policy.rules == {})
            assert mark_of_owner(world) == {"created_at": NOW + 301, "event_id": final.id}
    finally:
        for other in others:
            other.stop()
    assert world.history() == [
        ("start", None),
        ("hand edit", None),
        ("event", event.id),
        ("event", final.id),
    ]


def everybody(others: list[PolicyPlugin], world: World, holds: Any) -> None:
    eventually(lambda: all(holds(plugin) for plugin in (*others, world.plugin)))


WRONG = {
    "empty": "",
    "half": json.dumps(OPEN)[:-2],
    "a mistake": json.dumps({**OPEN, "owner": []}),
    "a script": json.dumps(policy(rules={"1": {"script": "x.sh"}})),
    "no JSON": "kind: 1",
    "binary": b"\xff\xfe\x00",
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_edit_changes_nothing(
    world: World, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    """It is logged once and shown, also after something else has changed, until it is mended."""
    world.applied(signed(owner, OPEN))
    before = world.version
    mended = world.file.read_bytes()
    with world.running():
        world.save(WRONG[name])
        eventually(lambda: world.plugin.status.problems != ())
        world.follow(follows(admin, friend))
        time.sleep(0.3)
        assert world.plugin.status.problems
        assert (world.version, world.may_write(friend, 7)) == (before, True)
        assert mark_of_owner(world)["created_at"] == NOW
        wrong = [record for record in caplog.records if record.levelno >= logging.ERROR]
        assert len(wrong) == 1
        message = world.refused(signed(owner, policy(), NOW + 5))
        assert message == "error: the policy cannot be changed now"
        assert world.refused(signed(admin, {"kind_blacklist_add": [7]}, NOW + 5)) == message
        world.save(mended)
        eventually(lambda: world.plugin.status.problems == ())
        assert len(world.history()) == 2
        world.applied(signed(owner, policy(), NOW + 5))


def test_a_deleted_file_changes_nothing(world: World) -> None:
    """Not even for a policy event, which would be the only one to know its content."""
    with world.running():
        content = world.file.read_bytes()
        world.file.unlink()
        eventually(lambda: world.plugin.status.problems != ())
        assert world.may_write(owner)
        assert world.refused(signed(owner, OPEN)).startswith("error:")
        world.file.write_bytes(content)
        eventually(lambda: world.plugin.status.problems == ())
        world.applied(signed(owner, OPEN))


# --- an edit and an event at once


def test_an_event_that_comes_before_the_watcher_loads_the_edit_first(world: World) -> None:
    """As if the watcher had been faster: recorded, marked, and what is older is refused."""
    world.now = NOW + 50
    world.save(OPEN)
    answer = world.apply(signed(owner, policy(), NOW + 49))
    assert not answer.accepted
    assert "is newer" in answer.message
    assert world.may_write(friend, 7)
    assert mark_of_owner(world) == {"created_at": NOW + 50, "event_id": ""}
    event = signed(owner, policy(_n=2), NOW + 51)
    world.applied(event)
    assert world.history() == [("start", None), ("hand edit", None), ("event", event.id)]


def test_a_contribution_does_not_hide_an_edit(world: World) -> None:
    """Neither does a withdrawal: the edit is marked and recorded all the same."""
    contribution = signed(admin, {"kind_blacklist_add": [8]}, NOW + 50)
    world.now = NOW + 50
    with world.running():
        world.save(OPEN)
        world.applied(contribution)
        assert world.may_write(friend, 7)
        assert mark_of_owner(world)["created_at"] == NOW + 50
        world.now = NOW + 60
        world.save(policy(_n=2))
        world.applied(withdrawing(admin, contribution))
        assert not world.may_write(friend, 7)
        assert mark_of_owner(world)["created_at"] == NOW + 60
        time.sleep(0.4)
    hows = [how for how, _ in world.history()]
    assert hows == ["start", "hand edit", "contribution", "hand edit", "withdrawal"]


def test_a_late_watcher_does_not_bring_back_an_edit_that_an_event_has_replaced(
    world: World,
) -> None:
    """It has read the edit, the event comes in between, and only then does it tell."""
    edit = json.dumps(OPEN).encode()
    world.save(edit)
    event = signed(owner, policy(_n=2), NOW + 1)
    world.applied(event)
    in_force = world.plugin.snapshot
    assert world.plugin._watching._policy_changed(edit) is False
    assert world.plugin.snapshot is in_force
    assert not world.may_write(friend, 7)
    assert mark_of_owner(world) == {"created_at": NOW + 1, "event_id": event.id}


def test_edits_and_events_at_once_end_in_one_of_them_everywhere(world: World) -> None:
    """Whatever was last in the file is in force, and each acknowledged event is old."""
    other = PolicyPlugin.load(world.file, clock=lambda: world.now)
    other.start()
    accepted = []

    def editing() -> None:
        for n in range(40):
            world.save(policy(kind={"blacklist": [1000 + n]}))
            time.sleep(0.01)

    with world.running():
        thread = threading.Thread(target=editing)
        thread.start()
        n = 0
        while thread.is_alive():
            world.now = NOW + n
            event = signed(owner, policy(kind={"blacklist": [2000 + n]}), NOW + n)
            if world.apply(event).accepted:
                accepted.append(event)
            n += 1
        thread.join()

        def agree() -> bool:
            blacklist = tuple(read_json(world.file)["kind"]["blacklist"])
            both = (world.plugin, other)
            return all(plugin.snapshot.policy.kind.blacklist == blacklist for plugin in both)

        eventually(agree)
        time.sleep(0.4)
        assert agree()
    other.stop()
    assert accepted
    world.restart()
    for event in accepted:
        assert "the policy event is not new" in world.refused(event)


# --- the folders


def test_what_changes_between_loading_and_watching_counts(world: World) -> None:
    late = PolicyPlugin.load(world.file, clock=lambda: NOW)
    world.applied(signed(admin, {"rules_extend": {"1": {"write_allow_add": [friend.pubkey]}}}))
    late.start()
    try:
        eventually(lambda: len(late.snapshot.contributions) == 1)
    finally:
        late.stop()


def test_a_file_taken_out_of_the_folder_counts_no_more(world: World) -> None:
    event = signed(admin, {"rules_extend": {"1": {"write_allow_add": [friend.pubkey]}}})
    world.applied(event)
    with world.running():
        file = world.contributions / f"{event.id}.json"
        kept = file.read_bytes()
        file.unlink()
        eventually(lambda: not world.may_write(friend))
        assert "applied already" in world.refused(event)
        file.write_bytes(kept)
        eventually(lambda: world.may_write(friend))
        file.with_suffix(".withdrawn").write_text("")
        eventually(lambda: not world.may_write(friend))


def test_a_bare_contribution_is_taken_while_running(world: World) -> None:
    bare = {"admin_pubkey": admin.pubkey, "kind_blacklist_add": [1]}
    world.save(OPEN)
    world.restart()
    with world.running():
        world.contributions.mkdir()
        (world.contributions / f"{'ab' * 32}.json").write_text(json.dumps(bare))
        eventually(lambda: not world.may_write(foe))


def test_the_status_keeps_the_time_while_the_version_stays(world: World) -> None:
    """A follow list is no new version."""
    world.now = NOW + 50
    world.follow(follows(admin, friend))
    assert world.plugin.status.in_force_since == NOW
    world.applied(signed(owner, OPEN, NOW + 50))
    assert world.plugin.status.in_force_since == NOW + 50


def test_who_runs_knows_what_the_disk_has_forgotten(world: World) -> None:
    """Both places that hold a mark are lost, and the edit is loaded at an earlier time."""
    event = signed(owner, OPEN, NOW + 100)
    world.applied(event)
    (world.folder / "policy-history" / "freshness.json").unlink()
    with world.running():
        world.save(policy(_edited=True))
        eventually(lambda: not world.may_write(friend, 7))
    assert "applied already" in world.refused(event)
    assert mark_of_owner(world)["created_at"] == NOW + 100


def test_who_runs_knows_what_it_saw_of_another(world: World) -> None:
    """Also where nothing that decides has changed by it."""
    other = World(world.folder)
    event = signed(admin, {"kind_blacklist_add": [7]})
    other.applied(event)
    other.applied(withdrawing(admin, event))
    world.plugin._force.load_others()
    for path in world.contributions.iterdir():
        path.unlink()
    (world.folder / "policy-history" / "freshness.json").unlink()
    world.plugin._force.load_others()
    assert "the policy event is not new" in world.refused(event)
