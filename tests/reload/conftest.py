"""Ways of saving a file, and a follower that remembers what it was told."""

import errno
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from watchdog.observers.api import BaseObserver

from orly_policy_plugin.errors import PolicyError
from orly_policy_plugin.policy_file import read_policy_file
from orly_policy_plugin.reload import ContentLook, FileWatcher

Report = bytes | PolicyError


class Follower:
    """A watcher's two callbacks, and waiting for what they are told."""

    def __init__(self) -> None:
        self.reports: list[Report] = []
        self._told = threading.Condition()

    def __call__(self, report: Report) -> None:
        with self._told:
            self.reports.append(report)
            self._told.notify_all()

    def wait_for(self, condition: Callable[[Report], bool], within_seconds: float = 1.0) -> None:
        """Until the last report fulfils a condition; fails when the deadline has passed."""
        with self._told:
            fulfilled = self._told.wait_for(
                lambda: bool(self.reports) and condition(self.reports[-1]), within_seconds
            )
            assert fulfilled, f"not reported within {within_seconds} s; were: {self.reports[-5:]}"

    def hears_nothing(self, for_seconds: float = 0.4) -> bool:
        """Whether no report comes for longer than any should take."""
        with self._told:
            return not self._told.wait(for_seconds)

    def wait_for_content(self, content: bytes, within_seconds: float = 1.0) -> None:
        self.wait_for(lambda report: report == content, within_seconds)

    def wait_for_error(self, part: str, within_seconds: float = 1.0) -> None:
        self.wait_for(
            lambda report: isinstance(report, PolicyError) and part in str(report), within_seconds
        )


@pytest.fixture
def follow() -> Iterator[Callable[..., Follower]]:
    """Follow a file that was loaded as it is now, or with the given content."""
    watchers: list[FileWatcher] = []

    def start(path: Path, content: bytes | None = None) -> Follower:
        follower = Follower()
        loaded = path.read_bytes() if content is None else content
        read = partial(read_policy_file, path)
        watchers.append(FileWatcher((ContentLook(path, loaded, follower, follower, read=read),)))
        watchers[-1].start()
        return follower

    yield start
    for watcher in watchers:
        watcher.stop()


@pytest.fixture
def no_file_events(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where inotify's watches are exhausted."""

    def exhausted(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "inotify watch limit reached")

    monkeypatch.setattr(BaseObserver, "schedule", exhausted)


@pytest.fixture(params=["events", "polling"])
def means(request: pytest.FixtureRequest) -> str:
    """With file events and without."""
    if request.param == "polling":
        request.getfixturevalue("no_file_events")
    return str(request.param)


@pytest.fixture
def until() -> Callable[..., None]:
    """Wait for a condition that nobody tells of."""

    def wait(condition: Callable[[], bool], within_seconds: float = 1.0) -> None:
        deadline = time.monotonic() + within_seconds
        while not condition():
            assert time.monotonic() < deadline, f"not within {within_seconds} s"
            time.sleep(0.005)

    return wait


class Saving:
    """One way of saving: where the file is, how it is laid out, how another content gets there."""

    is_away_meanwhile = False
    """Whether the file is missing for so long that a watcher may say so."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.path = root / "policy.json"
        self.count = 0

    def lay_out(self, content: bytes) -> None:
        self.path.write_bytes(content)

    def save(self, content: bytes) -> None:
        raise NotImplementedError

    def fresh(self, name: str) -> Path:
        """A path that was not used before."""
        self.count += 1
        return self.root / f"{name}-{self.count}"


class InPlace(Saving):
    def save(self, content: bytes) -> None:
        self.path.write_bytes(content)


class InPlaceSameSizeAndTime(Saving):
    """The modification time is put back, as some synchronisers do."""

    def save(self, content: bytes) -> None:
        before = self.path.stat()
        self.path.write_bytes(content)
        os.utime(self.path, ns=(before.st_atime_ns, before.st_mtime_ns))


class InPlaceInPieces(Saving):
    """Truncated, and written in two pieces a bit later."""

    def save(self, content: bytes) -> None:
        with self.path.open("wb", buffering=0) as file:
            for piece in content[:10], content[10:]:
                time.sleep(0.1)
                file.write(piece)


class WriteAndRename(Saving):
    def save(self, content: bytes) -> None:
        new = self.fresh("policy.json.tmp")
        new.write_bytes(content)
        new.replace(self.path)


class BackupAndRename(Saving):
    """As vim does: the old file is moved aside, a new one written, the backup deleted."""

    def save(self, content: bytes) -> None:
        backup = self.path.rename(self.root / "policy.json~")
        self.path.write_bytes(content)
        backup.unlink()


class Mv(Saving):
    def save(self, content: bytes) -> None:
        elsewhere = self.fresh("elsewhere")
        elsewhere.mkdir()
        (elsewhere / "new.json").write_bytes(content)
        subprocess.run(["mv", elsewhere / "new.json", self.path], check=True)


class LinkSwitched(Saving):
    """The file is a symlink; another one, to a file in another folder, is renamed over it."""

    def lay_out(self, content: bytes) -> None:
        self.save(content)

    def save(self, content: bytes) -> None:
        folder = self.fresh("version")
        folder.mkdir()
        (folder / "policy.json").write_bytes(content)
        link = self.fresh("link")
        link.symlink_to(folder / "policy.json")
        link.replace(self.path)


class FolderLinkSwitched(Saving):
    """A symlink in the middle of the path is switched, as in deployments with ``current``."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.path = root / "current" / "etc" / "policy.json"

    def lay_out(self, content: bytes) -> None:
        self.save(content)

    def save(self, content: bytes) -> None:
        release = self.fresh("release")
        (release / "etc").mkdir(parents=True)
        (release / "etc" / "policy.json").write_bytes(content)
        link = self.fresh("link")
        link.symlink_to(release.name)
        link.replace(self.root / "current")


class ConfigMap(Saving):
    """``policy.json -> ..data/policy.json``, ``..data -> ..<time>``, as the kubelet does it."""

    def lay_out(self, content: bytes) -> None:
        self.save(content)
        self.path.symlink_to("..data/policy.json")

    def save(self, content: bytes) -> None:
        data = self.root / "..data"
        old = data.resolve() if data.is_symlink() else None
        new = self.fresh("..2026_01_01")
        new.mkdir()
        (new / "policy.json").write_bytes(content)
        (self.root / "..data_tmp").symlink_to(new.name)
        (self.root / "..data_tmp").replace(data)
        if old:
            shutil.rmtree(old)


class ThroughLink(Saving):
    """The file that the symlink leads to is renamed over, in its own folder."""

    def lay_out(self, content: bytes) -> None:
        (self.root / "real").mkdir()
        self.save(content)
        self.path.symlink_to("real/policy.json")

    def save(self, content: bytes) -> None:
        new = self.root / "real" / "new"
        new.write_bytes(content)
        new.replace(self.root / "real" / "policy.json")


class Burst(Saving):
    """100 writes, each another content; the last one is the content to have."""

    def save(self, content: bytes) -> None:
        for blanks in reversed(range(100)):
            self.path.write_bytes(content + b" " * blanks)


class DeletedAndRestored(Saving):
    is_away_meanwhile = True

    def save(self, content: bytes) -> None:
        self.path.unlink()
        time.sleep(0.1)
        self.path.write_bytes(content)


class FolderRecreated(Saving):
    """The folder is removed with all that is in it, and made again, often with the same inode."""

    is_away_meanwhile = True

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.path = root / "outer" / "etc" / "policy.json"

    def lay_out(self, content: bytes) -> None:
        self.path.parent.mkdir(parents=True)
        super().lay_out(content)

    def save(self, content: bytes) -> None:
        self.remove()
        time.sleep(0.1)
        self.lay_out(content)

    def remove(self) -> None:
        shutil.rmtree(self.path.parent.parent)


class FolderMovedAside(FolderRecreated):
    def remove(self) -> None:
        self.path.parent.rename(self.fresh("old"))


class TargetFolderRecreated(Saving):
    """The folder of the file that the symlink leads to is removed and made again."""

    is_away_meanwhile = True

    def lay_out(self, content: bytes) -> None:
        self.restore(content)
        self.path.symlink_to(self.root / "mount" / "etc" / "policy.json")

    def restore(self, content: bytes) -> None:
        (self.root / "mount" / "etc").mkdir(parents=True)
        (self.root / "mount" / "etc" / "policy.json").write_bytes(content)

    def save(self, content: bytes) -> None:
        shutil.rmtree(self.root / "mount")
        time.sleep(0.1)
        self.restore(content)


WAYS = (
    InPlace,
    InPlaceSameSizeAndTime,
    InPlaceInPieces,
    WriteAndRename,
    BackupAndRename,
    Mv,
    LinkSwitched,
    FolderLinkSwitched,
    ConfigMap,
    ThroughLink,
    Burst,
    DeletedAndRestored,
    FolderRecreated,
    FolderMovedAside,
    TargetFolderRecreated,
)


@pytest.fixture(params=WAYS, ids=lambda way: way.__name__)
def saving(request: pytest.FixtureRequest, tmp_path: Path) -> Saving:
    """Each way of saving, in a folder of its own. Nothing is laid out yet."""
    made: Saving = request.param(tmp_path)
    return made


@pytest.fixture
def ways(tmp_path: Path) -> list[Saving]:
    """All ways of saving, each in a folder of its own."""
    made = []
    for way in WAYS:
        root = tmp_path / way.__name__
        root.mkdir()
        made.append(way(root))
    return made
