"""The contract's types, as a plugin's author meets them."""

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

PLUGIN = """
    from orly_policy_hookspecs import (
        Asked, Answer, Context, Decision, Event, StartContext, hookimpl
    )
    from orly_policy_hookspecs.testing import Key, Running, ask, ask_async, by


    class Members:
        @hookimpl
        def on_write(self, event: Event, context: Context) -> Answer:
            return self.looked_up(event) if context.authenticated else None

        @hookimpl
        async def on_read(self, event: Event) -> Decision | None:
            return Decision.reject("blocked: no") if event.kind == 4 else None

        async def looked_up(self, event: Event) -> Decision | None:
            return None


    @hookimpl
    def on_write(event: Event) -> Answer:
        return {answer}


    @hookimpl
    async def on_start(context: StartContext) -> None:
        context.changed()


    @hookimpl
    def on_decided(access: Asked, decision: Decision) -> None:
        assert access == "write" or not decision.accepted


    async def test_it() -> None:
        alice = Key("alice")
        with Running(Members(), settings={{"a": 1}}, may_vouch=False) as gate:
            assert gate.write(alice.event(), by(alice)).accepted
        assert ask(Members(), alice.event(tags=[["t", "a"]]), access="read").accepted
        assert (await ask_async(Members(), alice.event())).accepted
"""


def checked(folder: Path, answer: str) -> str:
    """What mypy says of a plugin that returns this."""
    pytest.importorskip("mypy")
    (folder / "plugin.py").write_text(textwrap.dedent(PLUGIN).format(answer=answer))
    command = ["--strict", "--cache-dir", str(folder / "cache"), "--config-file", ""]
    done = subprocess.run(
        [sys.executable, "-m", "mypy", *command, "plugin.py"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout + done.stderr


@pytest.mark.heavy
def test_answer_is_the_type_of_what_a_hook_returns(tmp_path: Path) -> None:
    """A decision, an awaitable of one or nothing; and nothing else."""
    assert "Success" in checked(tmp_path, 'Decision.reject("blocked: no")')
    assert 'got "str", expected "Decision' in checked(tmp_path, '"no"')
