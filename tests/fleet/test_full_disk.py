"""A disk is full, the database's or a node's: nothing that counts is lost, and room mends it."""

import json
import random
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import attrs
import postgres
import pytest
from examples import AnEvent
from live.making import eventually, owner, policy, signed

pytest.importorskip("psycopg", reason="install orly-policy-plugin[postgres]")

from .nodes import Node, Nodes, same_version

DATABASE_BYTES = 192 * 2**20
WAL_BYTES = 20 * 2**20
"""Room for one of its files, which have 16 MiB, and not for two."""
COPY_BYTES = 2**20
MOST_CHANGES = 500


@attrs.frozen
class Disk:
    """A disk of its own."""

    folder: Path

    @classmethod
    def mounted(cls, folder: Path, size_bytes: int) -> "Disk":
        """Make one, where this machine lets us."""
        folder.mkdir()
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={size_bytes},mode=0755", "tmpfs", folder],
            capture_output=True,
            text=True,
        )
        if done.returncode:
            pytest.skip(f"a small disk cannot be mounted here: {done.stderr.strip()}")
        return cls(folder)

    def fill(self) -> None:
        with (self.folder / "filling").open("wb", buffering=0) as file:
            while True:
                try:
                    file.write(bytes(4096))
                except OSError:
                    return

    def make_room(self) -> None:
        (self.folder / "filling").unlink()

    def grow(self, size_bytes: int) -> None:
        subprocess.run(["mount", "-o", f"remount,size={size_bytes}", self.folder], check=True)

    def unmount(self) -> None:
        subprocess.run(["umount", "--lazy", self.folder], check=True)


@pytest.fixture
def disks() -> Iterator["Disks"]:
    folder = Path(
        tempfile.mkdtemp(prefix="orly-policy-disks-")
    )  # a server's socket has a short path
    folder.chmod(0o755)
    made = Disks(folder)
    yield made
    for disk in made.all:
        disk.unmount()
    shutil.rmtree(folder)


@attrs.define
class Disks:
    folder: Path
    all: list[Disk] = attrs.Factory(list)

    def mounted(self, size_bytes: int) -> Disk:
        if shutil.which("mount") is None:
            pytest.skip("a small disk cannot be mounted here: there is no command mount")
        disk = Disk.mounted(self.folder / str(len(self.all)), size_bytes)
        self.all.append(disk)
        return disk


@attrs.define
class Machine:
    server: postgres.Server
    nodes: Nodes
    accepted: list[str] = attrs.Factory(list)
    at: int = attrs.Factory(lambda: int(time.time()) - 1_000_000)

    def change(self) -> AnEvent:
        """A policy of some 100 KB that cannot be compressed."""
        self.at += 1
        return signed(owner, policy(_n=self.at, _room=random.randbytes(50_000).hex()), self.at)

    def apply(self, node: Node) -> str:
        """The answer to a change."""
        event = self.change()
        answer = node.apply(event)
        if answer.accepted:
            self.accepted.append(event.id)
        return answer.message

    def fill(self, node: Node) -> str:
        """Make changes until there is no room; the answer to the last."""
        for _ in range(MOST_CHANGES):
            if not (answer := self.apply(node)).startswith("policy updated"):
                return answer
        pytest.fail("the disk has not become full")

    def check_all_is_well(self, one: Node, two: Node) -> None:
        """Changes are made again, and all that were answered OK before are there."""
        eventually(lambda: not one.problems and not two.problems, 60)
        assert self.apply(one).startswith("policy updated")
        eventually(lambda: same_version([one, two]))
        rows = self.nodes.run(
            "SELECT event_id FROM orly_policy.history WHERE fleet = %s AND how = 'event' "
            "ORDER BY number",
            self.nodes.fleet,
        )
        assert [event_id for (event_id,) in rows] == self.accepted


@pytest.fixture
def machine(tmp_path: Path, disks: Disks) -> Iterator[Machine]:
    """A fleet on a server that has its files on a small disk."""
    disk = disks.mounted(DATABASE_BYTES)
    server = postgres.Server(disk.folder / "database")
    nodes = Nodes(tmp_path, f"postgresql://postgres@/postgres?host={server.folder}", "full")
    nodes.init()
    yield Machine(server, nodes)
    nodes.stop()
    server.stop()


@pytest.mark.heavy
def test_no_room_for_a_change(machine: Machine, disks: Disks) -> None:
    """It is refused, the policy stays in force, and nodes that read are not disturbed."""
    one, two = machine.nodes.started(2)
    assert machine.apply(one).startswith("policy updated")
    eventually(lambda: same_version([one, two]))
    [disk] = disks.all
    disk.fill()
    before = one.version
    assert machine.fill(one).startswith("error: ")
    assert (one.version == before) == (len(machine.accepted) == 1)
    assert machine.fill(two).startswith("error: ")
    disk.make_room()
    machine.server.start()
    machine.check_all_is_well(one, two)


@pytest.mark.heavy
def test_no_room_for_the_log(machine: Machine, disks: Disks) -> None:
    """Then the server ends. What it had answered OK is there when it has room again."""
    disk = disks.mounted(WAL_BYTES)
    machine.server.move_log(disk.folder / "log")
    one, two = machine.nodes.started(2)
    assert machine.fill(one).startswith("error: ")
    assert machine.accepted
    eventually(lambda: "does not answer" in two.problems)
    disk.grow(10 * WAL_BYTES)
    machine.server.start()
    machine.check_all_is_well(one, two)


def test_no_room_for_a_nodes_copy(nodes: Nodes, disks: Disks) -> None:
    """The node obeys, says that it has kept nothing, and has it all once there is room."""
    one, two = nodes.started(2)
    disk = disks.mounted(COPY_BYTES)
    full = nodes.new(name=str(disk.folder))
    full.start()
    disk.fill()
    at = int(time.time())
    one.applied(signed(owner, policy(_room="x" * 50_000, kind={"blacklist": [7]}), at))
    eventually(lambda: full.plugin.snapshot.policy.kind.blacklist == (7,))
    assert "blacklist" not in (full.copy / "policy.json").read_text()
    disk.make_room()
    two.applied(signed(owner, policy(kind={"blacklist": [8]}), at + 1))
    eventually(lambda: full.plugin.snapshot.policy.kind.blacklist == (8,))
    eventually(
        lambda: json.loads((full.copy / "policy.json").read_text())["kind"] == {"blacklist": [8]}
    )
