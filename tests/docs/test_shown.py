"""What pages show of a terminal and no other test runs; and all that they tell to type."""

import json
import os
import re
import shlex
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import forks
import pytest
from relay.asked import CLI, TwoWorkers, command, write
from relay.client import asynchronous
from relay.process import Relay
from relay.signing import Key, named_key

from orly_policy_plugin.cli.command import orly_policy
from orly_policy_plugin.policy import Policy, read_policy
from orly_policy_plugin.policy.fields import keys_of

from .walking import DOCS, SECONDS, Walk, steady

ROOT = DOCS.parent
PAGES = [*ROOT.glob("*.md"), *DOCS.glob("*.md")]


def consoles(page: Path) -> dict[str, str]:
    """The commands of a page with what they print."""
    return dict(re.findall(r"```console\n\$ (.*)\n((?s:.*?))```", page.read_text()))


@pytest.mark.heavy
def test_what_the_readme_shows_of_a_relay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It starts, refuses, and tells of a change."""
    monkeypatch.chdir(tmp_path)
    shown = consoles(ROOT / "README.md")
    start, say = (next(c for c in shown if word in c) for word in ("run.py relay", ".say "))
    with Walk(tmp_path) as walk:
        relay = walk.run(start)
        assert steady(relay) == steady("relay:" + shown[start].partition("\nrelay:")[2])
        assert steady(walk.run(say)) == steady(shown[say])
        policy = tmp_path / "relay-data" / "policy.json"
        walk.write(
            str(policy), policy.read_text().replace('"content_limit": 1000', '"content_limit": 3')
        )
        (told,) = re.findall(r"```\n(policy: .*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
        assert walk.relay_has_said(told)


def test_what_the_readme_shows_of_explain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of its first policy and a note of 300 bytes."""
    monkeypatch.chdir(tmp_path)
    page = ROOT / "README.md"
    ((command, printed),) = (each for each in consoles(page).items() if " explain " in each[0])
    (policy, *_) = re.findall(r"```json\n(.*?)```", page.read_text(), re.DOTALL)
    (tmp_path / "policy.json").write_text(policy)
    (tmp_path / "event.json").write_text(json.dumps(Key().event(1, "a" * 300)))
    assert steady(Walk(tmp_path).run(command)) == steady(printed)


def test_what_strfrys_page_shows(tmp_path: Path) -> None:
    """An answer to what is no event."""
    ((command, printed),) = consoles(DOCS / "strfry.md").items()
    (tmp_path / "policy.json").write_text("{}")
    question, _, program = command.removeprefix("echo ").partition(" | orly-policy ")
    done = forks.completed(
        CLI,
        program.split(),
        cwd=tmp_path,
        env=os.environ,
        stdin=shlex.split(question)[0] + "\n",
        timeout=SECONDS,
    )
    assert done.stdout == printed


@asynchronous
async def test_what_the_page_about_operating_shows(tmp_path: Path) -> None:
    """Of two workers, a script, a follow list and one that is missing."""
    shown = consoles(DOCS / "operating.md")
    known, missing = named_key("followed"), named_key("not heard of")
    script = tmp_path / "spam.py"
    script.symlink_to(DOCS / "scripts" / "spam-words.py")
    lists = {"follows_whitelist_admins": [known.pubkey, missing.pubkey]}
    rule = {"content_limit": 5, "script": "spam.py", "write_allow": []}
    policy = {"default_policy": "deny", "rules": {"1": rule, "3": {"write_allow": [], **lists}}}
    options = ("--missing-follow-lists", "warn")
    with TwoWorkers(tmp_path, policy, options=options) as relay:
        relay.wait_for(lambda: "runs in 2 of 2 workers" in command(relay, "status").stdout)
        for kind, content, times in (3, "", 1), (1, "hello", 2), (1, "too long!", 2), (7, "", 1):
            await write(relay, known, kind, content, times)
        assert shape(command(relay, "status").stdout) == shape(shown["orly-policy status"])
        tail = next(line for line in shown if line.startswith("orly-policy tail"))
        assert shape(await first_line(relay, tail, known)) == shape(shown[tail])


def shape(text: str) -> list[str]:
    """What is shown, whatever the numbers, versions and paths are."""
    text = re.sub(r"version [0-9a-f]{12}", "version", re.sub(r"/\S*/(\w+\.)", r"\1", text))
    return [re.sub(r"\d[\d,.:]*", "1", line) for line in steady(text)]


async def first_line(relay: Relay, tail: str, key: Key) -> str:
    """What a command that follows decisions prints first. Ctrl-C ends it."""
    printed = relay.folder / "tail.txt"
    _, name, *options = shlex.split(tail)
    process = forks.Fork(
        CLI,
        [name, str(relay.policy), *options],
        cwd=relay.folder,
        env=os.environ,
        stdout=printed,
        stderr=relay.folder / "tail-errors.txt",
    )
    deadline = time.monotonic() + SECONDS
    while "\n" not in printed.read_text():  # it follows from some moment on
        assert time.monotonic() < deadline
        await write(relay, key, 1, "too long!", 1)
    process.send_signal(signal.SIGINT)
    assert process.wait(SECONDS) == 130
    return printed.read_text().partition("\n")[0]


def commands_told() -> Iterator[tuple[str, str]]:
    """Every command of ours that a page tells to type, with the page's name."""
    for page in PAGES:
        text = page.read_text()
        blocks = re.findall(r"^```(?:\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
        lines = [line for block in blocks for line in block.splitlines()]
        inline = re.findall(r"`([^`]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
        for line in [*lines, *(" ".join(each.split()) for each in inline)]:
            for found in re.findall(r"(?:^|[ /])orly-policy ([a-z][\w-]+\b.*)", line):
                yield page.name, found


def test_what_pages_tell_to_type_exists() -> None:
    """Each command, and each of its options."""
    told = set(commands_told())
    assert len(told) > 60
    for page, line in told:
        context: Any = click.Context(orly_policy)
        command: Any = orly_policy
        for word in re.split(r"[ |>]+", line):
            if word.startswith("--"):
                known = {name for param in command.get_params(context) for name in param.opts}
                assert word.partition("=")[0].rstrip("]…") in known, (page, line)
            elif isinstance(command, click.Group):
                command = command.get_command(context, word)
                assert command is not None, (page, line)


RUN_BY = {
    "README.md": ("test_docs.py", "docs/test_shown.py"),
    "host-kit.md": ("hosts/kit/test_documented.py",),
    "incidents.md": ("docs/test_walks.py",),
    "lint.md": ("lint/test_page.py",),
    "operating.md": ("docs/test_shown.py",),
    "plugins.md": ("plugins/test_tutorial.py",),
    "quick-start.md": ("docs/test_walks.py",),
    "recipes.md": ("recipes/test_page.py",),
    "strfry.md": ("docs/test_shown.py",),
    "trying-out.md": ("test_trying_out.py",),
    "tutorial.md": ("docs/test_walks.py",),
    "updates.md": ("test_docs.py",),
}
"""Who runs what a page shows of a terminal."""


def test_all_that_is_shown_of_a_terminal_is_run() -> None:
    """What shows a prompt is a ``console`` block, and its page has its test."""
    for page in PAGES:
        for language, text in re.findall(r"(?ms)^```(\w*)\n(.*?)^```$", page.read_text()):
            assert language == "console" or not text.startswith("$ "), (page.name, text)
    shown = {page.name for page in PAGES if "```console\n" in page.read_text()}
    assert shown == RUN_BY.keys()
    for page, tests in RUN_BY.items():
        assert all(page in (ROOT / "tests" / test).read_text() for test in tests), page


def test_every_policy_on_a_page_can_be_read() -> None:
    """What is shown as JSON is JSON; and a policy, where it has a key of one."""
    keys = set(keys_of(Policy).values())
    policies = 0
    for page in PAGES:
        for block in re.findall(
            r"^```json\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL
        ):
            shown = json.loads(block)
            if shown.keys() & keys:
                read_policy(block.encode())
                policies += 1
    assert policies > 50
