"""The last good content of named lists: section 14 of the spec."""

from pathlib import Path

import pytest
from examples import ALICE, BOB

from orly_policy_plugin.errors import Unreadable
from orly_policy_plugin.follows import FollowList
from orly_policy_plugin.lists import KnownLists, UnreadableLists
from orly_policy_plugin.policy import ListSource, structure_policy

SOURCE = ListSource(file="members.txt")
NAMING = structure_policy({"lists": {"members": {"file": "members.txt"}}})
WITHOUT = structure_policy({})


@pytest.fixture
def known(tmp_path: Path) -> KnownLists:
    """The policy that names it is in force, and its file says alice."""
    (tmp_path / "members.txt").write_text(f"{ALICE}\n")
    made = KnownLists(tmp_path)
    assert made.resolve(NAMING, {}) == {"members": {ALICE}}
    made.use(NAMING)
    return made


def test_a_list_in_force_is_what_its_watcher_has_told(known: KnownLists, tmp_path: Path) -> None:
    """Compiling reads no file."""
    (tmp_path / "members.txt").unlink()
    before = known.resolve(NAMING, {})["members"]
    assert known.resolve(NAMING, {})["members"] is before
    known.take(SOURCE, f"{BOB}\n".encode())
    assert known.resolve(NAMING, {}) == {"members": {BOB}}


def test_the_same_content_is_not_read_twice(known: KnownLists) -> None:
    before, now = known.take(SOURCE, f"{ALICE}\n".encode())
    assert now.keys is before.keys


def test_what_was_prepared_is_not_read_twice(
    known: KnownLists, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It counts once it is taken, and not where the file says something else by then."""
    read = f"{ALICE}\n{BOB}\n".encode()
    known.prepare(SOURCE, read)
    assert known.resolve(NAMING, {}) == {"members": {ALICE}}
    known.take(SOURCE, f"{BOB}\n".encode())
    assert known.resolve(NAMING, {}) == {"members": {BOB}}
    known.prepare(SOURCE, read)
    monkeypatch.setattr("orly_policy_plugin.lists.known.keys_in", None)
    known.take(SOURCE, read)
    assert known.resolve(NAMING, {}) == {"members": {ALICE, BOB}}


def test_what_is_wrong_with_what_was_prepared_is_told_when_it_is_taken(known: KnownLists) -> None:
    known.prepare(SOURCE, b"xyz")
    assert known.problems(NAMING) == ()
    known.take(SOURCE, b"xyz")
    assert known.problems(NAMING)


OF_ALICE = structure_policy(
    {"lists": {"people": {"author": ALICE, "kind": 10_000, "at_least": 2}}}
)


def test_a_list_of_events_is_what_is_kept_with_keys_enough(tmp_path: Path) -> None:
    """Else it is not known, and nobody's."""
    known = KnownLists(tmp_path)
    for keys, expected in (({BOB}, {}), ({ALICE, BOB}, {"people": {ALICE, BOB}})):
        kept = FollowList(ALICE, 1, "00" * 32, frozenset(keys))
        assert known.resolve(OF_ALICE, {f"10000:{ALICE}:": kept}) == expected
    assert known.resolve(OF_ALICE, {ALICE: kept, f"3:{ALICE}:": kept}) == {}


def test_what_is_wrong_leaves_the_keys(known: KnownLists) -> None:
    for wrong in (b"xyz", Unreadable("members.txt is not there")):
        known.take(SOURCE, wrong)
        assert known.resolve(NAMING, {}) == {"members": {ALICE}}
        [problem] = known.problems(NAMING)
        assert problem.place == "lists.members"
        assert problem.message.startswith("members.txt")
    known.take(SOURCE, f"{ALICE}\n".encode())
    assert known.problems(NAMING) == ()


def test_a_list_that_is_no_longer_named_is_forgotten(known: KnownLists, tmp_path: Path) -> None:
    """It may be a million keys. Named again, it is read again."""
    known.use(WITHOUT)
    assert known.known(SOURCE).keys is None
    (tmp_path / "members.txt").write_text(f"{BOB}\n")
    assert known.resolve(NAMING, {}) == {"members": {BOB}}
    (tmp_path / "members.txt").unlink()
    with pytest.raises(UnreadableLists, match=r"^lists\.members: members\.txt is not there$"):
        known.resolve(NAMING, {})
