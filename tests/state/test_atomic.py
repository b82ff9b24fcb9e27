"""Replacing a file whole."""

import os
import stat
from pathlib import Path

import pytest

from orly_policy_plugin import atomic
from orly_policy_plugin.atomic import (
    Unwritable,
    make_folder,
    remove_durably,
    write_atomically,
)
from orly_policy_plugin.errors import PolicyError

from . import nursery as tasks
from .nursery import Nursery

LEFTOVER = ".orly-policy-0123456789abcdef.tmp"

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_new_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    """Whatever the umask says."""
    write_atomically(tmp_path / "new", b"content")
    assert (tmp_path / "new").read_bytes() == b"content"
    assert mode_of(tmp_path / "new") == 0o600


@pytest.mark.parametrize("content", [b"", b"x", b"y" * 3_000_000])
def test_content_is_replaced_whole(tmp_path: Path, content: bytes) -> None:
    """Whatever its size."""
    (tmp_path / "file").write_bytes(b"before")
    write_atomically(tmp_path / "file", content)
    assert (tmp_path / "file").read_bytes() == content
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664, 0o444])
def test_the_mode_stays(tmp_path: Path, mode: int) -> None:
    """Of a file that is there."""
    path = tmp_path / "file"
    path.write_bytes(b"before")
    path.chmod(mode)
    write_atomically(path, b"after")
    assert mode_of(path) == mode


@needs_root
def test_group_and_owner_stay(tmp_path: Path) -> None:
    """So that what root does by the command line does not lock out the relay."""
    path = tmp_path / "file"
    path.write_bytes(b"before")
    path.chmod(0o640)
    os.chown(path, 1001, 1002)
    write_atomically(path, b"after")
    assert (path.stat().st_uid, path.stat().st_gid, mode_of(path)) == (1001, 1002, 0o640)


@needs_root
def test_what_root_makes_is_the_folders_owners(tmp_path: Path) -> None:
    """New files, and new folders."""
    os.chown(tmp_path, 1001, 1002)
    make_folder(tmp_path / "state" / "deeper")
    write_atomically(tmp_path / "state" / "deeper" / "file", b"")
    for path in tmp_path.rglob("*"):
        assert (path.stat().st_uid, path.stat().st_gid) == (1001, 1002)


@needs_root
@pytest.mark.parametrize(
    ("mode", "left"), [(0o640, 0o600), (0o664, 0o644), (0o660, 0o600), (0o644, 0o644)]
)
def test_a_group_that_cannot_be_kept_opens_nothing(
    nursery: Nursery, open_path: Path, mode: int, left: int
) -> None:
    """The group that the file gets may do no more than everybody may."""
    folder = open_path / "ours"
    folder.mkdir()
    (folder / "report").touch()
    (folder / "policy.json").write_bytes(b"old")
    (folder / "policy.json").chmod(mode)
    for path in folder, folder / "report":
        os.chown(path, tasks.UNPRIVILEGED, tasks.UNPRIVILEGED)
    nursery.run(tasks.write_something, folder, unprivileged=True)
    assert (folder / "report").read_text() == "done"
    found = (folder / "policy.json").stat()
    assert (found.st_uid, found.st_gid) == (tasks.UNPRIVILEGED, tasks.UNPRIVILEGED)
    assert mode_of(folder / "policy.json") == left


def test_a_symlinks_target_is_replaced(tmp_path: Path) -> None:
    """Through two links, in the target's folder; the links stay."""
    real = tmp_path / "real"
    real.mkdir()
    (real / "policy.json").write_bytes(b"before")
    (real / LEFTOVER).touch()
    (tmp_path / "between").symlink_to("real/policy.json")
    (tmp_path / "policy.json").symlink_to(tmp_path / "between")
    write_atomically(tmp_path / "policy.json", b"after")
    assert (tmp_path / "policy.json").readlink() == tmp_path / "between"
    assert not (real / "policy.json").is_symlink()
    assert (real / "policy.json").read_bytes() == b"after"
    assert [path.name for path in real.iterdir()] == ["policy.json"]


def test_a_symlink_to_nothing_yet(tmp_path: Path) -> None:
    """The file that it names is made."""
    (tmp_path / "link").symlink_to("file")
    write_atomically(tmp_path / "link", b"content")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "file").read_bytes() == b"content"


def test_what_is_no_file_is_not_replaced(tmp_path: Path) -> None:
    """A folder, a pipe, a link to itself, a folder that is not there: each in one line."""
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to("loop")
    for name, why in (
        ("folder", "no ordinary file"),
        ("pipe", "no ordinary file"),
        ("loop", "symlink"),
        ("missing/file", "its folder is not there"),
        ("pipe/file", "its folder is not there"),
    ):
        with pytest.raises(Unwritable, match=why) as caught:
            write_atomically(tmp_path / name, b"content")
        assert str(tmp_path / name) in str(caught.value)
        assert "\n" not in str(caught.value)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder", "loop", "pipe"]
    assert (tmp_path / "loop").is_symlink()


def test_a_read_only_folder(nursery: Nursery, open_path: Path) -> None:
    """Nothing changes, and the error says what to do."""
    (open_path / "policy.json").write_bytes(b"old")
    (open_path / "report").touch()
    (open_path / "report").chmod(0o666)
    open_path.chmod(0o555)
    nursery.run(tasks.write_something, open_path, unprivileged=True)
    said = (open_path / "report").read_text()
    assert said.startswith("Unwritable: ")
    assert "this user must be able to write its folder" in said
    nursery.run(tasks.take_the_lock, open_path, unprivileged=True)
    assert "Unwritable: " in (open_path / "report").read_text()
    open_path.chmod(0o755)
    assert (open_path / "policy.json").read_bytes() == b"old"
    assert sorted(path.name for path in open_path.iterdir()) == ["policy.json", "report"]


@pytest.mark.parametrize("room", [0, 1, 5_000])
def test_a_full_disk(nursery: Nursery, tmp_path: Path, room: int) -> None:
    """However much fits: the old file stays, and no temporary one does."""
    (tmp_path / "policy.json").write_bytes(b"old")
    nursery.run(tasks.write_something, tmp_path, file_size=room)
    assert "Unwritable: " in (tmp_path / "report").read_text()
    assert "make room on the disk" in (tmp_path / "report").read_text()
    assert (tmp_path / "policy.json").read_bytes() == b"old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["policy.json", "report"]


def test_only_what_a_crash_left_is_cleaned_up(tmp_path: Path) -> None:
    """Names that are like ours stay, and so does what is no file."""
    others = ["x.tmp", f"{LEFTOVER}~", f"a{LEFTOVER}", ".orly-policy-0123456789ABCDEF.tmp"]
    for name in [*others, LEFTOVER]:
        (tmp_path / name).touch()
    pipe = LEFTOVER.replace("0", "1")
    link = LEFTOVER.replace("0", "2")
    folder = LEFTOVER.replace("0", "3")
    os.mkfifo(tmp_path / pipe)
    (tmp_path / link).symlink_to("x.tmp")
    (tmp_path / folder).mkdir()
    write_atomically(tmp_path / "file", b"")
    left = {path.name for path in tmp_path.iterdir()}
    assert left >= {*others, "file", link, folder}
    assert LEFTOVER not in left


def test_an_error_at_any_call_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until the rename; the temporary file goes, and no descriptor stays open."""
    path = tmp_path / "file"
    path.write_bytes(b"old")
    open_before = open_descriptors()
    for name in "open", "write", "fchmod", "fsync", "replace", "listdir":
        with monkeypatch.context() as patch:
            patch.setattr(os, name, failing)
            with pytest.raises(Unwritable, match="input/output error"):
                write_atomically(path, b"new")
        assert path.read_bytes() == b"old"
        assert [each.name for each in tmp_path.iterdir()] == ["file"]
    assert open_descriptors() == open_before


def open_descriptors() -> int:
    return len(list(Path("/dev/fd").iterdir()))


def failing(*args: object, **kwargs: object) -> None:
    raise OSError(5, "Input/output error")


def test_flushed_before_and_after_the_rename(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The order that a power cut needs: content, rename, folder."""
    done: list[str] = []
    for name in "write", "fchmod", "fsync", "replace":
        monkeypatch.setattr(os, name, noting(done, name))
    write_atomically(tmp_path / "file", b"content")
    assert done == ["write", "fchmod", "fsync file", "replace", "fsync folder"]


def noting(done: list[str], name: str) -> object:
    real = getattr(os, name)

    def call(*args: object, **kwargs: object) -> object:
        what = ""
        if name == "fsync":
            what = " folder" if stat.S_ISDIR(os.fstat(args[0]).st_mode) else " file"  # type: ignore[arg-type]
        done.append(name + what)
        return real(*args, **kwargs)

    return call


def test_writing_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system takes less than it was given."""
    real = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: real(descriptor, bytes(data[:7])))
    write_atomically(tmp_path / "file", b"0123456789" * 10)
    assert (tmp_path / "file").read_bytes() == b"0123456789" * 10


def test_a_folder_that_cannot_be_flushed_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some file systems cannot; that is no fault."""
    real = os.fsync

    def fsync(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(22, "Invalid argument")
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    write_atomically(tmp_path / "file", b"content")
    assert (tmp_path / "file").read_bytes() == b"content"


def test_a_temporary_file_that_was_cleaned_away_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process can come between making it and locking it."""
    real, cleaned = atomic._is_ours, []

    def is_ours(folder: int, name: str, descriptor: int) -> bool:
        if len(cleaned) < 2:
            cleaned.append(name)
            os.unlink(name, dir_fd=folder)
        return real(folder, name, descriptor)

    monkeypatch.setattr(atomic, "_is_ours", is_ours)
    write_atomically(tmp_path / "file", b"content")
    assert (tmp_path / "file").read_bytes() == b"content"
    assert len(set(cleaned)) == 2


def test_folders_are_for_their_owner_alone(tmp_path: Path) -> None:
    """Each that was missing; may be asked for again."""
    for _ in range(2):
        make_folder(tmp_path / "a" / "b")
    assert mode_of(tmp_path / "a") == mode_of(tmp_path / "a" / "b") == 0o700


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    """A file stands in the way."""
    (tmp_path / "file").touch()
    with pytest.raises(Unwritable):
        make_folder(tmp_path / "file" / "folder")
    make_folder(tmp_path)


def test_removing(tmp_path: Path) -> None:
    """A file, one that is gone, and one that cannot be."""
    (tmp_path / "file").touch()
    for _ in range(2):
        remove_durably(tmp_path / "file")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "folder").mkdir()
    with pytest.raises(PolicyError):
        remove_durably(tmp_path / "folder")
