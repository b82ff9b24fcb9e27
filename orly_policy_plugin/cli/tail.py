"""``orly-policy tail``: what is the relay deciding?"""

import contextlib
import selectors
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import click

from orly_policy_hookspecs.printing import printable
from orly_policy_plugin.desk.asking import Line, NobodyThere, connected, folder_of, names_in
from orly_policy_plugin.desk.desk import tail_question
from orly_policy_plugin.desk.wanted import OUTCOMES, Wanted

from .examples import examples
from .inputs import pubkeys_option
from .showing import say, say_json, tell
from .target import POLICY, policy_argument, state_option, target_of, trouble

_LOOK_SECONDS: Final = 1.0
"""Between looks for workers that have started."""


@click.command(
    epilog=examples(
        "orly-policy tail --outcome refused --place rules.1",
        "orly-policy tail policy.json --shadow --json",
        about=POLICY,
    )
)
@policy_argument
@state_option
@click.option(
    "--outcome",
    "outcomes",
    multiple=True,
    type=click.Choice(OUTCOMES),
    help="Only decisions that came to this; refused is all but accept and vouch.",
)
@click.option(
    "--kind", "kinds", multiple=True, type=click.IntRange(0), help="Only events of this kind."
)
@click.option(
    "--place",
    "places",
    multiple=True,
    metavar="PLACE",
    help="Only decisions at this place in the policy or below it, such as rules.1 or "
    "rules.1.size_limit; or by the plugin of this name.",
)
@click.option(
    "--key",
    "keys",
    multiple=True,
    callback=pubkeys_option,
    metavar="PUBKEY",
    help="Only events of this author, or asked by who authenticated so; in hex or as npub1….",
)
@click.option("--shadow", is_flag=True, help="Only decisions on which the shadow policy differs.")
@click.option("--full", is_flag=True, help="Whole keys and ids, tags and contents.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object a line, for programs.")
def tail(
    policy: Path | None,
    state: Path | None,
    outcomes: tuple[str, ...],
    kinds: tuple[int, ...],
    places: tuple[str, ...],
    keys: tuple[str, ...],
    shadow: bool,
    full: bool,
    as_json: bool,
) -> None:
    """Follow a running relay's decisions, until Ctrl-C.

    A line for each: when, what was asked, the outcome, the kind, the author and the event's id,
    then the place in the policy that has refused and what the client was told. Keys and ids are
    shortened, and what authors write is left out, unless --full is given. An option that is
    repeated lets more through. Reads that a policy decides without looking at events are not
    among them.

    The exit status is 2 where no relay answers, or the last worker has ended.
    """
    target = target_of(policy, state)
    wanted = Wanted(
        outcomes=frozenset(outcomes),
        kinds=frozenset(kinds),
        places=frozenset(places),
        keys=frozenset(keys),
    )
    with trouble():
        following = _Following(
            target.file, state, tail_question(wanted, whole=full, of_shadow=shadow)
        )
        for entry in following.entries():
            if as_json:
                say_json(entry, indent=None)
            else:
                say(_line(entry))


class _Following:
    """The decisions of all workers that have a policy, those that start meanwhile included."""

    def __init__(self, policy: Path, state: Path | None, question: object) -> None:
        self._policy = policy
        self._folder = folder_of(policy, state)
        self._question = question
        self._lines: dict[str, Line] = {}
        self._others: set[str] = set()
        self._selector = selectors.DefaultSelector()

    def entries(self) -> Iterator[dict[str, Any]]:
        """Entries as they come.

        :raises NobodyThere: no worker is left.
        """
        while True:
            self._look()
            looked_at = time.monotonic()
            while time.monotonic() < looked_at + _LOOK_SECONDS:
                for key, _ in self._selector.select(_LOOK_SECONDS):
                    yield from self._received(key.data)

    def _look(self) -> None:
        for name in names_in(self._folder):
            if name not in self._lines and name not in self._others:
                with contextlib.suppress(OSError):
                    line = connected(self._folder, name, self._question)
                    if line is not None:
                        self._lines[name] = line
                        self._selector.register(line.connection, selectors.EVENT_READ, line)
        if not self._lines:
            raise NobodyThere(f"{self._policy}: no relay runs with this policy")

    def _received(self, line: Line) -> Iterator[dict[str, Any]]:
        try:
            values = list(line.receive())
        except (OSError, EOFError):
            self._drop(line)
            return
        except ValueError as error:
            tell(f"worker {line.name.partition('-')[0]} cannot be followed: {error}")
            self._others.add(line.name)
            self._drop(line)
            return
        for value in values:
            if "error" in value:
                tell(f"worker {line.name.partition('-')[0]}: {value['error']}")
            elif set(value) != {"path"}:
                yield value
            elif Path(value["path"]) != self._policy.absolute():
                self._others.add(line.name)
                self._drop(line)
                return

    def _drop(self, line: Line) -> None:
        self._selector.unregister(line.connection)
        line.connection.close()
        del self._lines[line.name]


def _of_shadow(entry: dict[str, Any]) -> list[str]:
    """What the shadow policy would have said, where it differs."""
    shadow = entry.get("shadow")
    if shadow is None:
        return []
    return [f"shadow: {shadow['outcome']}", shadow["path"], shadow["message"]]


def _line(entry: dict[str, Any]) -> str:
    moment = entry["timestamp"].partition("T")[2].removesuffix("Z")
    if "dropped" in entry:
        return f"{moment} {entry['dropped']} decisions came too fast to be followed"
    asked, result = entry["input"], entry["result"]
    event = asked["event"]
    where = entry["path"] or (f"plugin {result['plugin']}" if not result["accepted"] else "")
    told = [
        moment,
        f"{asked['access']:5}",
        f"{result['outcome']:6}",
        f"kind {event['kind']}",
        f"{event['pubkey']} {event['id']}",
        where,
        result["message"],
        event.get("content", ""),
        *_of_shadow(entry),
    ]
    return printable("  ".join(each for each in told if each))
