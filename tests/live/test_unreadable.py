"""What cannot be read keeps what was known of it: no denial lapses for an error in reading."""

import contextlib
import errno
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from examples import NOW

from orly_policy_plugin.errors import PolicyError, UnreadableNow
from orly_policy_plugin.plugin import PolicyPlugin
from orly_policy_plugin.state.files.contribution_files import ContributionFiles
from orly_policy_plugin.state.files.follow_files import read_follow_lists

from .making import (
    World,
    admin,
    eventually,
    follows,
    friend,
    owner,
    policy,
    second_admin,
    signed,
    withdrawing,
)

DENIAL = {"kind_blacklist_add": [7]}
OPEN = {"default_policy": "allow", "rules": {}, "policy_follow_whitelist_enabled": True}


@contextlib.contextmanager
def no_file_handles() -> Iterator[None]:
    """Every file handle that the process may have is in use."""
    held: list[int] = []
    try:
        while True:
            try:
                held.append(os.open("/dev/null", os.O_RDONLY))
            except OSError as error:
                if error.errno != errno.EMFILE:
                    raise
                break
        yield
    finally:
        for descriptor in held:
            os.close(descriptor)


def test_without_file_handles_what_is_denied_stays_denied(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """While it lasts and afterwards, and the log says so."""
    world.save(policy(**OPEN))
    world.restart()
    world.applied(signed(admin, DENIAL))
    assert not world.may_write(friend, 7)
    with no_file_handles(), contextlib.suppress(PolicyError):
        world.plugin._force.load_others()
        assert not world.may_write(friend, 7)
        assert world.may_write(friend, 8)
    world.plugin._force.load_others()
    assert not world.may_write(friend, 7)
    assert len(world.plugin.snapshot.contributions) == 1


def test_one_file_that_cannot_be_read_keeps_its_denial(world: World) -> None:
    """Whoever took a right away, or the disk that fails: the file is there."""
    world.applied(signed(admin, DENIAL))
    files = ContributionFiles(world.contributions)
    before = files.read()
    with no_file_handles():
        after = files.read()
    assert after.contributions == before.contributions
    assert after.withdrawn == before.withdrawn
    assert "too many open files; what was known of it stays in force" in str(after.problems[0])


def test_where_nothing_was_known_reading_is_an_error(world: World) -> None:
    """Not the same as that there were nothing."""
    world.applied(signed(admin, DENIAL))
    with no_file_handles(), pytest.raises(UnreadableNow, match="too many open files"):
        ContributionFiles(world.contributions).read()


def test_a_folder_that_cannot_be_listed_stops_the_start(world: World) -> None:
    """Who knows what it denied."""
    world.contributions.touch()
    with pytest.raises(PolicyError, match=r"policy-contributions cannot be listed"):
        PolicyPlugin.load(world.file)


def test_what_keeps_an_edit_from_being_loaded_may_pass(world: World) -> None:
    """Then it is in force, without another save."""
    world.save(policy(**OPEN))
    world.restart()
    world.applied(signed(admin, {"kind_blacklist_add": [9]}))
    marks = world.folder / "policy-history" / "freshness.json"
    good = marks.read_bytes()
    with world.running():
        marks.write_bytes(b"{")
        world.save(policy(**OPEN, kind={"blacklist": [8]}))
        eventually(lambda: "freshness.json" in str(world.plugin.status.problems))
        assert world.may_write(friend, 8)
        marks.write_bytes(good)
        eventually(lambda: not world.may_write(friend, 8))
        assert world.plugin.status.problems == ()


def test_a_file_that_was_removed_by_hand_is_gone(world: World) -> None:
    """That it is not there is no error in reading."""
    world.save(policy(**OPEN))
    world.restart()
    event = signed(admin, DENIAL)
    world.applied(event)
    with world.running():
        (world.contributions / f"{event.id}.json").unlink()
        eventually(lambda: world.may_write(friend, 7))


def test_a_follow_list_that_cannot_be_read_still_counts(world: World) -> None:
    """Where it was known; else it grants nobody, and stops nothing."""
    world.save(policy(rules={"1": {"follows_whitelist_admins": [owner.pubkey]}}))
    world.restart()
    world.follow(follows(owner, friend))
    folder = world.folder / "policy-follows"
    before = read_follow_lists(folder)
    os.utime(folder / f"{owner.pubkey}.json", (NOW, NOW))  # so that it would be read again
    assert before.lists
    with no_file_handles():
        assert read_follow_lists(folder, before).lists == before.lists
        unknown = read_follow_lists(folder)
    assert unknown.lists == {}
    assert unknown.problems


def _cut_short(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:100])


def _forged(file: Path) -> None:
    file.write_bytes(file.read_bytes().replace(b"[7]", b"[8]"))


def _emptied(file: Path) -> None:
    file.write_bytes(b"")


def _a_folder_instead(file: Path) -> None:
    file.unlink()
    file.mkdir()


def _a_link_instead(file: Path) -> None:
    file.symlink_to(file.rename(file.with_name("elsewhere")))


def _the_folder_away(file: Path) -> None:
    file.parent.rename(file.parent.with_name("away"))


@pytest.mark.parametrize(
    "spoil",
    [_cut_short, _forged, _emptied, _a_folder_instead, _a_link_instead, _the_folder_away],
)
def test_a_file_that_is_spoiled_while_it_stands_denies_as_before(
    world: World, spoil: Callable[[Path], None]
) -> None:
    """Whatever spoiled it. Only to remove the file is to lift what it denies."""
    world.save(policy(**OPEN))
    world.restart()
    event = signed(admin, DENIAL)
    world.applied(event)
    file = world.contributions / f"{event.id}.json"
    world.plugin._force.load_others()
    spoil(file)
    for _ in range(2):
        with contextlib.suppress(PolicyError):
            world.plugin._force.load_others()
        assert not world.may_write(friend, 7)
        assert world.may_write(friend, 8)


def test_a_difference_that_cannot_be_read_now_is_known_from_the_start(world: World) -> None:
    """Whoever has written it need not have read it."""
    world.save(policy(**OPEN))
    world.restart()
    event = signed(admin, policy(**OPEN, kind={"blacklist": [7]}))
    world.applied(event)
    difference = world.contributions / f".{event.id}.difference"
    kept = difference.read_bytes()
    difference.unlink()
    os.mknod(difference, stat.S_IFSOCK)  # which cannot be opened
    world.plugin._force.load_others()
    assert not world.may_write(friend, 7)
    world.applied(signed(second_admin, DENIAL))
    with pytest.raises(PolicyError, match=r"the difference of .* cannot be read"):
        PolicyPlugin.load(world.file)
    difference.unlink()
    difference.write_bytes(kept)
    world.restart()


def test_a_folder_that_is_away_is_not_made_anew(world: World) -> None:
    """What was in it denies as before, until it is back; then what was refused is taken."""
    world.save(policy(**OPEN))
    world.restart()
    event = signed(admin, DENIAL)
    world.applied(event)
    away = world.contributions.rename(world.contributions.with_name("away"))
    for change in signed(second_admin, {"kind_blacklist_add": [9]}), withdrawing(owner, event):
        assert world.refused(change) == "error: the policy file cannot be written"
        world.plugin._force.load_others()
        assert not world.may_write(friend, 7)
    away.rename(world.contributions)
    world.applied(signed(second_admin, {"kind_blacklist_add": [9]}))
    world.applied(withdrawing(owner, event))
    assert [world.may_write(friend, kind) for kind in (7, 9)] == [True, False]


def test_a_file_that_is_removed_is_gone(world: World) -> None:
    """By its owner's hand."""
    world.save(policy(**OPEN))
    world.restart()
    event = signed(admin, DENIAL)
    world.applied(event)
    (world.contributions / f"{event.id}.json").unlink()
    world.plugin._force.load_others()
    assert world.may_write(friend, 7)


def _gone(file: Path) -> None:
    file.unlink()


def _not_json(file: Path) -> None:
    file.write_bytes(b"{")


def _too_large(file: Path) -> None:
    file.write_bytes(file.read_bytes() + b" " * 3 * 1024 * 1024)


def _of_another(file: Path) -> None:
    file.write_bytes(file.read_bytes().replace(b"[7]", b"[8]"))


@pytest.mark.parametrize(
    "spoil",
    [
        *(_gone, _not_json, _cut_short, _emptied, _too_large, _of_another),
        *(_a_folder_instead, _a_link_instead),
    ],
)
def test_a_difference_that_is_spoiled_while_it_stands_denies_as_before(
    world: World, spoil: Callable[[Path], None]
) -> None:
    """What an admin's full policy denies is lifted as any denial is: the event's file goes."""
    world.save(policy(**OPEN))
    world.restart()
    event = signed(admin, policy(**OPEN, kind={"blacklist": [7]}))
    world.applied(event)
    spoil(world.contributions / f".{event.id}.difference")
    for _ in range(2):
        world.plugin._force.load_others()
        assert not world.may_write(friend, 7)
        assert world.may_write(friend, 8)
    world.applied(withdrawing(owner, event))
    assert world.may_write(friend, 7)
