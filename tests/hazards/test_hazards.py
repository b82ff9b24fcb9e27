"""What is allowed on a machine, and loses events or trusts what it should not, is told."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from orly_policy_plugin.hazards import hazards_of_files, is_anybody, read_mounts
from orly_policy_plugin.hazards.mounts import mount_of
from orly_policy_plugin.hosts.nostr_relay.hazards import (
    hazards_of_lmdb,
    hazards_of_postgres,
    hazards_of_server,
    hazards_of_sqlite,
)

MOUNTINFO = r"""21 1 8:1 / / rw - ext4 /dev/sda1 rw
22 21 0:20 / /srv/my\040relay rw,nosuid shared:1 - nfs4 server:/relay rw
23 21 0:21 / /run rw - tmpfs tmpfs rw
24 23 0:22 / /run rw - ext4 /dev/sdb1 rw
nonsense
"""
SHARED_MEMORY = Path("/dev/shm")


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/var/lib/relay", "ext4"),
        ("/srv/my relay/state", "nfs4"),
        ("/srv/my relays", "ext4"),
        ("/run/relay", "ext4"),
    ],
)
def test_the_mount_of_a_path(path: str, kind: str) -> None:
    """The innermost, and of one folder the last."""
    mount = mount_of(Path(path), read_mounts(MOUNTINFO))
    assert mount is not None
    assert mount.kind == kind
    assert mount.is_on_the_network == (kind == "nfs4")


@pytest.mark.parametrize(
    ("network", "expected"),
    [
        ("*", True),
        ("0.0.0.0/0", True),
        ("::/0", True),
        ("127.0.0.1", False),
        ("10.0.0.0/8", False),
        ("unix", False),
    ],
)
def test_who_is_anybody(network: str, *, expected: bool) -> None:
    """Every address of its sort."""
    assert is_anybody(network) == expected


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    """A file of its owner alone, in such a folder."""
    folder = tmp_path / "relay"
    folder.mkdir(mode=0o700)
    made = folder / "policy.json"
    made.write_text("{}")
    made.chmod(0o600)
    return made


@pytest.mark.parametrize(("mode", "told"), [(0o600, 0), (0o664, 0), (0o606, 1), (0o666, 1)])
def test_a_policy_that_every_user_can_write(policy: Path, mode: int, told: int) -> None:
    """Its group may be the operators'."""
    policy.chmod(mode)
    found = [each for each in hazards_of_files(policy, policy.parent) if "every user" in each]
    assert len(found) == told
    assert all(f"chmod o-w {policy}" in each for each in found)


@pytest.mark.parametrize(("mode", "told"), [(0o755, 0), (0o777, 1), (0o1777, 0)])
def test_a_folder_that_every_user_can_write(policy: Path, mode: int, told: int) -> None:
    """Nobody can replace another's file in a sticky one."""
    policy.parent.chmod(mode)
    found = [each for each in hazards_of_files(policy, policy.parent) if "every user" in each]
    assert len(found) == told


@pytest.mark.skipif(os.geteuid() == 0, reason="root can write everywhere")
def test_a_state_folder_that_cannot_be_written(policy: Path) -> None:
    policy.parent.chmod(0o500)
    assert "cannot be written" in " ".join(hazards_of_files(policy, policy.parent))


@pytest.fixture
def in_memory() -> Iterator[Path]:
    if not SHARED_MEMORY.is_dir():
        pytest.skip("this system has no /dev/shm")
    folder = Path(tempfile.mkdtemp(dir=SHARED_MEMORY))
    yield folder
    shutil.rmtree(folder)


def test_a_state_folder_in_memory(policy: Path, in_memory: Path) -> None:
    (told,) = hazards_of_files(policy, in_memory)
    assert f"{in_memory}: the policy's state is on tmpfs, in memory" in told
    (told,) = hazards_of_sqlite(str(in_memory / "events.sqlite3"))
    assert "the database is on tmpfs" in told
    assert "is on tmpfs" in hazards_of_lmdb(in_memory, 1, 100)[0]


@pytest.mark.parametrize("database", ["", ":memory:", "file:x?mode=memory"])
def test_sqlite_in_memory(database: str) -> None:
    assert "all are gone when the relay ends" in hazards_of_sqlite(database)[0]


@pytest.mark.parametrize(("used", "told"), [(80, 0), (81, 1)])
def test_lmdb_nearly_full(used: int, told: int) -> None:
    found = [each for each in hazards_of_lmdb(Path("/var"), used, 100) if "map_size" in each]
    assert len(found) == told


def test_postgresql_that_forgets() -> None:
    found = list(hazards_of_postgres({"fsync": "on", "synchronous_commit": "off"}))
    assert len(found) == 1
    assert found[0].startswith("PostgreSQL has synchronous_commit = off")


def test_another_worker_class() -> None:
    ours = "orly_policy_plugin.hosts.nostr_relay.worker"
    assert not list(hazards_of_server(["uvicorn"], ["127.0.0.1"]))
    assert not list(hazards_of_server(["uvicorn_worker", ours], []))
    (told,) = hazards_of_server(["uvicorn_worker"], ["127.0.0.1"])
    assert f"-k {ours}.Worker" in told
