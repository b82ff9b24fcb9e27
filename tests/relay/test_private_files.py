"""Nobody but the relay's own user can read what it keeps."""

import json
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from .client import asynchronous, connected
from .process import ROOT, SECONDS, Relay
from .signing import Key
from .test_signed_updates import UpdatableRelay

STORAGES = ["sqlite", "lmdb"]
OPEN_UMASK = 0o022


@pytest.fixture(autouse=True)
def _others_may_read_by_default() -> Iterator[None]:
    """As a shell usually has it, whatever the tests were started with."""
    before = os.umask(OPEN_UMASK)
    yield
    os.umask(before)


def modes(folder: Path) -> dict[str, str]:
    """The mode of the folder and of everything in it, by name."""
    return {
        str(path.relative_to(folder)): oct(stat.S_IMODE(path.lstat().st_mode))
        for path in (folder, *folder.rglob("*"))
        if not path.is_symlink()
    }


def assert_private(data: Path) -> None:
    """Folders are 0700 and files 0600."""
    found = modes(data)
    assert len(found) > 3
    for name, mode in found.items():
        assert mode == ("0o700" if (data / name).is_dir() else "0o600"), (name, mode)


@pytest.mark.parametrize("storage", STORAGES)
@pytest.mark.parametrize("workers", ["1", "2"])
@asynchronous
async def test_what_a_relay_makes_is_private(tmp_path: Path, storage: str, workers: str) -> None:
    """The data folder, the database while it is written, the configuration and the policy."""
    with UpdatableRelay(tmp_path, None, storage, options=("--workers", workers)) as relay:
        async with connected(relay.url) as client:
            await client.publish_all(*(Key().event(1, f"{i}") for i in range(5)))
            assert_private(relay.data)
        assert relay.stderr == ""


@pytest.mark.parametrize("storage", STORAGES)
def test_what_was_open_is_tightened(tmp_path: Path, storage: str) -> None:
    """The folder and the files of a relay of before."""
    with Relay(tmp_path, None, storage) as relay:
        pass
    for path in (relay.data, *relay.data.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    relay.forget_output()
    with relay:
        made = {name: mode for name, mode in modes(relay.data).items() if "policy-" not in name}
        assert set(made.values()) == {"0o700", "0o600"}
        assert modes(relay.data)["."] == "0o700"
        assert relay.stderr == ""


def test_a_folder_with_other_things_is_left_and_told_of(tmp_path: Path) -> None:
    """Others may need it; what the relay makes in it is private."""
    data = tmp_path / "data"
    data.mkdir(mode=0o755)
    (data / "holiday.txt").touch()
    with Relay(tmp_path, None) as relay:
        found = modes(data)
        assert (found.pop("."), found.pop("holiday.txt")) == ("0o755", "0o644")
        assert set(found.values()) <= {"0o600", "0o700"}
        assert relay.stderr.startswith(f"others can list {data}")


def test_what_a_link_leads_to_is_left(tmp_path: Path) -> None:
    """A policy that lies elsewhere may be for others to read."""
    elsewhere = tmp_path / "elsewhere.json"
    elsewhere.write_text("{}")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "policy.json").symlink_to(elsewhere)
    with Relay(tmp_path, None):
        assert stat.S_IMODE(elsewhere.stat().st_mode) == 0o644


@pytest.mark.parametrize("there", [True, False])
def test_the_saved_event_is_private(tmp_path: Path, there: bool) -> None:
    """It may be a private message; one that was open before is tightened."""
    saved = tmp_path / "new" / "event.json"
    if there:
        saved.parent.mkdir(mode=0o700)
        saved.write_text("{}")
    done = subprocess.run(
        [
            *(sys.executable, "-m", "example_relay.say", "--relay", "ws://127.0.0.1:1"),
            *("--save", str(saved), "secret"),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 1  # there is no relay
    assert json.loads(saved.read_text())["content"] == "secret"
    assert modes(saved.parent) == {".": "0o700", "event.json": "0o600"}


def test_what_is_no_file_is_not_changed(tmp_path: Path) -> None:
    """``--save /dev/null`` leaves it to everybody."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe, 0o644)
    tighten = "import sys; from example_relay.private import *; tighten(Path(sys.argv[1]))"
    subprocess.run([sys.executable, "-c", tighten, str(pipe)], cwd=ROOT, check=True)
    assert stat.S_IMODE(pipe.stat().st_mode) == 0o644
