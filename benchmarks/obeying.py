"""``python -m benchmarks.obeying``: how soon three nodes of a fleet obey a change.

Each way to change a policy is taken 200 times, one change after the other, at the nodes in turn.
The time is that from where the change begins (the file is renamed, the event is sent, the
command is called) to where the last node has it in force, with the commit, the notification, and
what each node reads and verifies. The nodes are processes, on one machine with their database. The
figures of docs/fleet.md.
"""

import argparse
import itertools
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

import attrs
from click.testing import CliRunner

from orly_policy_plugin.cli.command import orly_policy
from orly_policy_plugin.state.address import Address
from orly_policy_plugin.state.postgres.init import init_store

from .admins_child import _key, _pubkey, _signed
from .children import Child, started
from .database import database, url_of

_NODES: Final = 3
_FLEET: Final = "relay"
_CHILD: Final = "benchmarks.obeying_child"
_OWNER, _ADMIN = _key("owner"), _key("admin")
_POLICY_EVENT, _DELETION, _FOLLOW_LIST = 12345, 5, 3

Json = dict[str, Any]


def _policy(number: int) -> Json:
    """One of many policies."""
    return {
        "owners": [_pubkey(_OWNER)],
        "policy_admins": [_pubkey(_ADMIN)],
        "default_policy": "deny",
        "rules": {
            "1": {"follows_whitelist_admins": [_pubkey(_ADMIN)]},
            "7": {"size_limit": 1_000 + number},
        },
    }


@attrs.define(eq=False)
class _Fleet:
    """The nodes, and how their policy changes."""

    folder: Path
    url: str
    nodes: Sequence[Child]
    dates: dict[Any, Iterator[int]] = attrs.Factory(dict)
    """Of the events of each key, and of its follow lists; each is later than that before it."""
    numbers: Iterator[int] = attrs.Factory(lambda: itertools.count(1))
    turns: Iterator[int] = attrs.Factory(lambda: itertools.cycle(range(_NODES)))

    # --- the ways

    def by_file(self) -> None:
        """Save the policy file of a node, as an editor does."""
        path = self.folder / f"{next(self.turns)}" / "policy.json"
        self._written(path.with_name("edited")).replace(path)

    def by_publish(self) -> None:
        """Publish a file."""
        self._command("publish", str(self._written(self.folder / "published.json")))

    def by_rollback(self) -> None:
        """Put back the version before the last."""
        self._command("rollback", self._versions()[1])

    def by_event(self) -> None:
        """Send an owner's policy."""
        self._send(_OWNER, _POLICY_EVENT, json.dumps(_policy(next(self.numbers))))

    def by_withdrawal(self) -> None:
        """Withdraw the one contribution."""
        self._send(_ADMIN, _DELETION, tags=[["e", self.contribution]])

    def by_unfollow(self) -> None:
        """Follow nobody any more."""
        self._send(_ADMIN, _FOLLOW_LIST)

    contribution: str = ""

    def contribute(self) -> None:
        """Add what is withdrawn next."""
        content = json.dumps({"kind_blacklist_add": [10_000 + next(self.numbers) % 10_000]})
        self.contribution = self._send(_ADMIN, _POLICY_EVENT, content)

    def follow(self) -> None:
        """Follow somebody who is unfollowed next."""
        self._send(_ADMIN, _FOLLOW_LIST, tags=[["p", _pubkey(_OWNER)]])

    # --- how

    def _written(self, path: Path) -> Path:
        path.write_text(json.dumps(_policy(next(self.numbers))))
        return path

    def _send(self, key: Any, kind: int, content: str = "", tags: Any = ()) -> str:
        line = (_pubkey(key), kind == _FOLLOW_LIST)
        dates = self.dates.setdefault(line, itertools.count(int(time.time())))
        event: Json = _signed(key, kind, content, list(tags), next(dates))
        self.nodes[next(self.turns)].ask(json.dumps(event))
        return str(event["id"])

    def _command(self, *arguments: str) -> str:
        environment = {"ORLY_POLICY_STORE": self.url, "ORLY_POLICY_FLEET": _FLEET}
        result = CliRunner(env=environment).invoke(orly_policy, arguments)
        if result.exit_code != 0:
            raise ValueError(f"orly-policy {' '.join(arguments)}: {result.output}")
        return result.output

    def _versions(self) -> list[str]:
        return [each["version"] for each in json.loads(self._command("history", "--json"))]

    def after(self, change: Callable[[], None], before: Callable[[], None] | None) -> float:
        """The seconds from a change to where the last node has it in force.

        :param before: another change, in force everywhere by then.
        """
        if before is not None:
            before()
            self._all_told()
        begun = time.time()
        change()
        return max(float(line["at"]) for line in self._all_told()) - begun

    def _all_told(self) -> list[Json]:
        """What each node tells of one change.

        :raises ValueError: they do not agree.
        """
        told = [node.heard("version", 1)[0] for node in self.nodes]
        if len({(line["version"], *line["follows"]) for line in told}) > 1:
            raise ValueError(f"the nodes do not agree: {told}")
        return told


def main() -> None:
    """Measure, and print a line for each way."""
    parser = argparse.ArgumentParser("python -m benchmarks.obeying", description=__doc__)
    parser.add_argument("--changes", type=int, default=200, help="of each way")
    arguments = parser.parse_args()
    with _fleet() as fleet:
        ways = {
            "a withdrawal": (fleet.by_withdrawal, fleet.contribute),
            "an unfollow": (fleet.by_unfollow, fleet.follow),
            "the file of a node": (fleet.by_file, None),
            "publish": (fleet.by_publish, None),
            "rollback": (fleet.by_rollback, None),
            "an owner's event": (fleet.by_event, None),
        }
        for name, (change, before) in ways.items():
            took = sorted(fleet.after(change, before) for _ in range(arguments.changes))
            sys.stdout.write(
                f"{name}: p50 {1000 * statistics.median(took):.0f} ms, "
                f"p99 {1000 * took[int(0.99 * len(took))]:.0f} ms, "
                f"longest {1000 * took[-1]:.0f} ms\n"
            )
            sys.stdout.flush()


@contextmanager
def _fleet() -> Iterator[_Fleet]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = database(str(folder / "database"), 40)
        stack.callback(server.cleanup)
        url = url_of(server)
        init_store(Address.parse(url, _FLEET))
        nodes = []
        for number in range(_NODES):
            (folder / f"{number}").mkdir()
            (folder / f"{number}" / "policy.json").write_text(json.dumps(_policy(0)))
            nodes.append(
                stack.enter_context(started(_CHILD, str(folder / f"{number}"), url, _FLEET))
            )
            nodes[-1].heard("ready", 1)
        yield _Fleet(folder, url, nodes)


if __name__ == "__main__":
    main()
