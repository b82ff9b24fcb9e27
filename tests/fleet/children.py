"""Nodes that are processes of their own, which can be killed at any moment.

Run as a script, it is what :class:`live.children.Children` forks. As a module it names the tasks.
"""

import json
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent
if __name__ == "__main__":
    sys.path.insert(0, str(HERE.parent))

from examples import AnEvent  # noqa: E402
from live.children import Child, serve  # noqa: E402
from live.making import admin, owner, policy, second_admin, signed, withdrawing  # noqa: E402

from orly_policy_plugin.errors import Unreachable  # noqa: E402

NODES = 3
_RETRY_SECONDS = 0.05


def change(folder: Path, log: Path, first: int) -> None:
    """Be a node that is sent one change after another, until there is a file ``over``; then say
    which version is in force.

    :param folder: the node's, beside which ``fleet.json`` says where the store is.
    :param first: the date of the first change; those of other nodes have other remainders.
    """
    child = _started(folder, log)
    is_over = folder.parent / "over"
    withdrawable = [each.event_id for each in child.plugin.snapshot.contributions]
    at = first
    while not is_over.exists():
        at += NODES
        event = _change(at, withdrawable)
        answer = child.give(event)
        if answer.message.startswith("error:"):
            time.sleep(_RETRY_SECONDS)
        if event.kind == 5:
            withdrawable.clear()
        elif answer.accepted and event.pubkey != owner.pubkey:
            withdrawable.append(event.id)
    while True:
        said = folder / "said"
        said.write_text(child.plugin.snapshot.version)
        said.replace(folder / "version")
        time.sleep(_RETRY_SECONDS)


def _started(folder: Path, log: Path) -> Child:
    """A node, as soon as the database is there if this one has nothing of it yet."""
    where = json.loads((folder.parent / "fleet.json").read_text())
    while True:
        try:
            child = Child(folder, log, time.time, missing_follow_lists="warn", **where)
        except Unreachable:
            time.sleep(_RETRY_SECONDS)
            continue
        child.plugin.start()
        return child


def _change(at: int, withdrawable: list[str]) -> AnEvent:
    """An owner's policy, an admin's contribution, or a withdrawal of contributions."""
    match at // NODES % 4:
        case 0 if withdrawable:
            return withdrawing(owner, *withdrawable, created_at=at)
        case 1:
            return signed(admin, {"kind_blacklist_add": [10_000 + at % 20_000]}, at)
        case 2:
            return signed(second_admin, {"kind_blacklist_add": [40_000 + at % 20_000]}, at)
    return signed(owner, policy(_n=at, kind={"blacklist": [100 + at % 9_000]}), at)


if __name__ == "__main__":
    serve(change)
