"""A page walked through: its commands are run one after the other, with its relay beside them."""

import itertools
import json
import os
import re
import shlex
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import attrs
import forks
from click.testing import CliRunner

from orly_policy_plugin.cli.command import orly_policy
from orly_policy_plugin.policy import policy_version, read_policy
from orly_policy_plugin.shadow import shadow_file

DOCS = Path(__file__).parents[2] / "docs"
SECONDS = 60
RELAY = "python -m example_relay"
SAY = "python -m example_relay.say "
RUN = "python3 run.py relay"
"""Installs, and is the relay then."""

_BLOCK = re.compile(r"(?:`([\w./-]+)`:\n\n)?^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_COMMAND = re.compile(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", re.MULTILINE)
_CHANGES = (
    (r"\b[0-9a-f]{64}\b|\b[0-9a-f]{8}…", "<digits>"),
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "<time>"),
    (r"\((?:now|\d+ \w+ ago)\)", "(<ago>)"),
    (r"^  \d+  started (?:now|\d+ \w+ ago)$", "  <process>  started <ago>"),
    (r"(\d+ keys) +(?:now|\d+ \w+ ago)$", r"\1  <ago>"),
    (r"\b\d+ s (?:from now|ago)", "<seconds> from now"),
    (r"ws://127\.0\.0\.1:\d+", "<relay>"),
    (r"(?:/\S*|\.nox/relay/bin)/(python|orly-policy|policy\.json)\b", r"\1"),
    (r"─+", "─"),
    (r" {2,}", "  "),
    (r"(  (?:promote|set|rollback)  )\S+  ", r"\1<user>  "),
    (r" +$", ""),
)


@attrs.frozen
class Shown:
    """A command with its output, an edit of a file, a file, or what the relay says."""

    language: str
    subject: str
    """The command, or the file's name."""
    text: str


def shown_on(page: str) -> list[Shown]:
    """What a page has, in its order. What has no language is not run: it installs."""
    found: list[Shown] = []
    for name, language, text in _BLOCK.findall((DOCS / page).read_text()):
        if language == "console":
            found += [Shown(language, *each) for each in _COMMAND.findall(text)]
        elif language:
            found.append(Shown(language, name, text))
    return found


def steady(text: str) -> list[str]:
    """The lines without what is different each time: ids, times, ports, where programs are."""
    for pattern, instead in _CHANGES:
        text = re.sub(pattern, instead, text, flags=re.MULTILINE)
    return text.strip("\n").splitlines()


class Walk:
    """A folder in which a page's commands run, and the relay that one of them starts."""

    def __init__(self, folder: Path, *, columns: int = 80, colours: bool = False) -> None:
        """:param columns: of the terminal that is written to."""
        self._folder = folder
        self._columns = columns
        self._colours = colours
        self._relay: forks.Fork | None = None
        self._url = ""
        self._said = 0
        """Events, since there is a shadow policy."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._relay is not None:
            self._relay.kill()
            self._relay.wait(SECONDS)

    def run(self, command: str) -> str:
        """What a command prints, once the relay obeys what is in its files."""
        command = command.replace(".nox/relay/bin/", "").replace(RUN, RELAY)
        if self._relay is not None:
            self._until(self._obeys)
        if command.startswith("orly-policy "):
            command, _, reader = command.partition(" | ")
            printed = self._orly_policy(*shlex.split(command)[1:])
            return self._in_shell(reader, printed) if reader else printed
        if command.startswith(SAY):
            return self._say(shlex.split(command)[3:])
        if command.startswith(RELAY):
            return self._start(shlex.split(command)[3:])
        return self._in_shell(command)

    def write(self, name: str, text: str) -> None:
        """Make a file."""
        (self._folder / name).write_text(text)

    def edit(self, diff: str) -> None:
        """Change a file as a diff says, which names it in its first line."""
        (name,) = re.findall(r"^\+\+\+ (.*)$", diff, re.MULTILINE)
        lines = re.findall(r"^([ +-])(.*\n)", diff.partition(f"+++ {name}\n")[2], re.MULTILINE)
        old, new = ("".join(text for sign, text in lines if sign in of) for of in (" -", " +"))
        path = self._folder / name
        text = path.read_text()
        assert text.count(old) == 1, f"{name} has not once\n{old}"
        path.write_text(text.replace(old, new))

    def relay_has_said(self, text: str) -> bool:
        """Whether the relay has printed this, or does so in time."""
        wanted = "\n".join(steady(text))
        self._until(lambda: wanted in "\n".join(steady(self._printed())))
        return True

    def relay_has_logged(self) -> str:
        """What it has written to standard error, which pages do not show."""
        return (self._folder / "relay-logged.txt").read_text()

    def _in_shell(self, command: str, typed: str = "") -> str:
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=self._folder,
            input=typed,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout

    def _orly_policy(self, *arguments: str) -> str:
        forced = {"FORCE_COLOR": "1", "TERM": "xterm-256color"} if self._colours else {}
        runner = CliRunner(
            env={"COLUMNS": str(self._columns), "FORCE_COLOR": None, "NO_COLOR": None, **forced}
        )
        done = runner.invoke(orly_policy, arguments, catch_exceptions=False, color=self._colours)
        return done.output

    def _start(self, options: list[str]) -> str:
        named = dict(itertools.pairwise(options)).get("--policy", "relay-data/policy.json")
        self._policy = self._folder / named
        self._relay = self._fork("example_relay", [*options, "--port", "0"])
        self._until(lambda: "Ctrl-C stops" in self._printed())
        (self._url,) = re.findall(r"^relay: +(\S+)", self._printed(), re.MULTILINE)
        return self._printed()

    def _fork(self, module: str, arguments: list[str]) -> forks.Fork:
        return forks.Fork(
            module,
            arguments,
            cwd=self._folder,
            env={**os.environ, "PYTHONWARNINGS": "ignore"},
            stdout=self._folder / "relay-said.txt",
            stderr=self._folder / "relay-logged.txt",
        )

    def _say(self, arguments: list[str]) -> str:
        self._said += shadow_file(self._policy).exists()
        done = forks.completed(
            "example_relay.say",
            [*arguments, "--relay", self._url],
            cwd=self._folder,
            env=os.environ,
            timeout=SECONDS,
        )
        return done.stdout + done.stderr

    def _printed(self) -> str:
        return (self._folder / "relay-said.txt").read_text()

    def _obeys(self) -> bool:
        """Whether the policy file and its lists are in force."""
        try:
            told = json.loads(self._orly_policy("status", str(self._policy), "--json"))
        except ValueError:
            return False  # it does not answer yet
        policy = read_policy(self._policy.read_bytes())
        if not self._is_compared(told["shadow"]):
            return False
        keys = {name: self._keys_in(source.file) for name, source in policy.lists.items()}
        in_force = {each["name"]: each["keys"] for each in told["lists"]}
        return (told["version"], in_force) == (policy_version(policy), keys)

    def _is_compared(self, told: Any) -> bool:
        """Whether the shadow policy, where there is one, was asked about all that was said."""
        shadow = shadow_file(self._policy)
        if told is None or not shadow.exists():
            return told is None and not shadow.exists()
        version = policy_version(read_policy(shadow.read_bytes()))
        asked = sum(each["count"] for each in told["compared"])
        return (told["version"], asked) == (version, self._said)

    def _keys_in(self, file: str) -> int:
        lines = (self._policy.parent / file).read_text().splitlines()
        return sum(not line.startswith("#") for line in lines)

    def _until(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + SECONDS
        while not condition():
            assert self._relay
            assert self._relay.poll() is None, self.relay_has_logged()
            assert time.monotonic() < deadline, self._printed()
            time.sleep(0.02)
