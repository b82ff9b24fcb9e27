"""Nobody but the relay's own user can read what it keeps."""

import json
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from forks import completed

from example_relay import private

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
    (relay.data / "policy-contributions").mkdir()
    for path in (relay.data, *relay.data.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    relay.forget_output()
    with relay:
        assert_private(relay.data)
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
        assert relay.stderr.count("\n") == 1


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
    options = ("--relay", "ws://127.0.0.1:1", "--save", str(saved), "secret")
    done = completed("example_relay.say", options, cwd=ROOT, env=os.environ, timeout=SECONDS)
    assert done.returncode == 1  # there is no relay
    assert json.loads(saved.read_text())["content"] == "secret"
    assert modes(saved.parent) == {".": "0o700", "event.json": "0o600"}


def test_what_is_no_file_is_not_changed(tmp_path: Path) -> None:
    """``--save /dev/null`` leaves it to everybody."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe, 0o644)
    private.tighten(pipe)
    assert stat.S_IMODE(pipe.stat().st_mode) == 0o644


# --- where others can write


Keep = Callable[..., tuple[bool, str]]


@pytest.fixture
def keep_private(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Keep:
    """What the relay does first with a data folder: whether it is content, and what it says."""

    def keep_private(data: Path, user: int | None = None) -> tuple[bool, str]:
        """:param user: whom it is to take itself for."""
        if user is not None:
            monkeypatch.setattr(os, "geteuid", lambda: user)
        try:
            private.keep_private(data)
        except private.NotPrivate as error:
            return False, str(error)
        return True, capsys.readouterr().err

    return keep_private


@pytest.mark.parametrize("mode", [0o1777, 0o777, 0o775, 0o722])
@pytest.mark.parametrize("full", [True, False])
def test_a_folder_that_others_can_write_is_refused(tmp_path: Path, mode: int, full: bool) -> None:
    """They could put a policy there, or a database that they can read. Nothing is changed."""
    data = tmp_path / "data"
    data.mkdir()
    if full:
        (data / "events.sqlite3").touch(0o666)
        (data / "nostr-relay.yaml").write_text("mine")
    data.chmod(mode)
    before = modes(data)
    options = ("--port", "0", "--data", str(data))
    done = completed("example_relay", options, cwd=ROOT, env=os.environ, timeout=SECONDS)
    assert done.returncode == 1
    assert done.stderr == (
        "the relay does not start:\n"
        f"others can write {data}: it is no place for a database; name another with --data\n"
    )
    assert modes(data) == before
    assert not full or (data / "nostr-relay.yaml").read_text() == "mine"


def test_the_folder_of_another_is_refused(tmp_path: Path, keep_private: Keep) -> None:
    """And so is a file of another in a folder that is ours."""
    refused = f"{tmp_path} is not this user's; name another with --data"
    assert keep_private(tmp_path, os.geteuid() + 1) == (False, refused)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_the_file_of_another_is_refused(tmp_path: Path, keep_private: Keep) -> None:
    """Its owner could open it to everybody again."""
    database = tmp_path / "events.sqlite3"
    database.touch(0o666)
    os.chown(database, 65534, 65534)
    kept, said = keep_private(tmp_path)
    assert not kept
    assert said.startswith(f"{database} is not this user's; remove it")
    assert stat.S_IMODE(database.stat().st_mode) == 0o644


@pytest.mark.parametrize("names", [[], ["events.sqlite3"], ["nostr-relay.yaml", "letter.txt"]])
def test_only_a_folder_of_the_relays_alone_is_tightened(
    tmp_path: Path, names: list[str], keep_private: Keep
) -> None:
    """An empty one, say a place to mount something, may be for others; it is told of."""
    data = tmp_path / "data"
    data.mkdir(mode=0o755)
    for name in names:
        (data / name).touch()
    told = f"others can list {data}; chmod 700 {data} if only the relay needs it\n"
    assert keep_private(data) == (True, told)
    assert modes(data)["."] == "0o755"
    for name in names:
        (data / name).unlink()
    (data / "nostr-relay.yaml").touch()
    assert keep_private(data) == (True, "")
    assert modes(data)["."] == "0o700"


def test_a_planted_link_is_not_written_through(tmp_path: Path, keep_private: Keep) -> None:
    """The configuration is put in its place; what it led to is as it was."""
    victim = tmp_path / "victim"
    victim.write_text("precious")
    victim.chmod(0o644)
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    (data / "nostr-relay.yaml").symlink_to(victim)
    with Relay(tmp_path, None):
        configuration = data / "nostr-relay.yaml"
        assert (victim.read_text(), stat.S_IMODE(victim.stat().st_mode)) == ("precious", 0o644)
        assert not configuration.is_symlink()
        assert modes(data)["nostr-relay.yaml"] == modes(data)["policy.json"] == "0o600"


@pytest.mark.parametrize("name", ["events.sqlite3", "events.lmdb", "policy-history"])
def test_what_others_can_read_behind_a_link_is_told(
    tmp_path: Path, name: str, keep_private: Keep
) -> None:
    """In one line; its mode is for whoever made the link to change."""
    target = tmp_path / "elsewhere"
    target.mkdir(mode=0o755) if name != "events.sqlite3" else target.touch(0o644)
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    (data / name).symlink_to(target)
    mode = target.stat().st_mode
    told = f"others can read {target}, to which {data / name} leads; chmod go= {target}\n"
    assert keep_private(data) == (True, told)
    assert target.stat().st_mode == mode
    target.chmod(0o700)
    assert keep_private(data) == (True, "")


def test_a_data_folder_behind_a_link_is_told_of(tmp_path: Path, keep_private: Keep) -> None:
    """Its mode is left; where others can write it, it is refused as any."""
    real = tmp_path / "real"
    real.mkdir(mode=0o755)
    (real / "nostr-relay.yaml").touch()
    link = tmp_path / "link"
    link.symlink_to(real)
    assert keep_private(link)[1].startswith(f"others can list {link}")
    assert stat.S_IMODE(real.stat().st_mode) == 0o755
    real.chmod(0o777)
    assert not keep_private(link)[0]


def test_a_script_in_the_folder_can_still_be_run(tmp_path: Path, keep_private: Keep) -> None:
    """Whatever it is called: only what others may do is taken away."""
    script = tmp_path / "policy-script"
    script.touch()
    script.chmod(0o755)
    keep_private(tmp_path)
    assert stat.S_IMODE(script.stat().st_mode) == 0o700
