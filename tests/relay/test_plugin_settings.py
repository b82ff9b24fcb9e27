"""Settings of plugins in the policy file, through a running relay."""

import json
import sys
from pathlib import Path

import pytest

from .client import asynchronous, connected
from .process import Relay
from .signing import Key
from .test_plugins import install, python_path

OWNER = Key()
PLUGIN = """
    from orly_policy_hookspecs import Decision, InvalidSettings, hookimpl

    class Longest:
        most = 1000

        @hookimpl
        def configure(self, settings):
            most = settings.get("most", 5)
            if type(most) is not int:
                raise InvalidSettings({"most": f"expected a whole number, found {most!r}"})
            return lambda: setattr(self, "most", most)

        @hookimpl
        def on_write(self, event, context):
            if len(event.content) > self.most:
                return Decision.reject(f"blocked: more than {self.most}")

    longest = Longest()
"""


def relay(folder: Path, policy: object) -> Relay:
    install(folder, "longest = third_party:longest", code=PLUGIN)
    return Relay(
        folder,
        policy,
        environment={"PYTHONPATH": python_path(folder)},
        command=(sys.executable, "-m", "example_relay"),
    )


@asynchronous
@pytest.mark.heavy
async def test_a_saved_file_and_an_owner_change_them(tmp_path: Path) -> None:
    """What the plugin refuses, and a plugin that is not there, change nothing."""
    policy = {"owners": [OWNER.pubkey], "plugins": {"longest": {"most": 3}}}
    with relay(tmp_path, policy) as running:
        async with connected(running.url) as client:

            async def says(length: int) -> str:
                return (await client.publish(Key().event(1, "x" * length)))[1]

            assert await says(4) == "blocked: more than 3"
            running.save_policy(policy | {"plugins": {"longest": {"most": 4}}})
            running.wait_for(lambda: running.stdout.count("policy:  version") == 1)
            assert (await says(4), await says(5)) == ("", "blocked: more than 4")

            running.save_policy(policy | {"plugins": {"longest": {"most": "9"}}})
            running.wait_for(lambda: "plugins.longest.most: expected a whole" in running.stderr)
            running.save_policy(policy | {"plugins": {"longest": {}, "gone": {}}})
            running.wait_for(lambda: "plugins.gone: no plugin 'gone'" in running.stderr)
            assert (await says(4), await says(5)) == ("", "blocked: more than 4")

            running.save_policy(policy | {"plugins": {"longest": False}})
            running.wait_for(lambda: running.stdout.count("policy:  version") == 2)
            assert await says(50) == ""

            wrong = policy | {"plugins": {"longest": {"most": "7"}}}
            sent = OWNER.event(12345, json.dumps(wrong))
            accepted, message = await client.publish(sent)
            assert (accepted, "plugins.longest.most: expected a whole" in message) == (False, True)
            sent = OWNER.event(12345, json.dumps({"owners": [OWNER.pubkey]}))
            assert (await client.publish(sent))[0]
            assert await says(6) == "blocked: more than 5"


def test_a_relay_does_not_start_with_settings_that_are_wrong(tmp_path: Path) -> None:
    """It says which, where, and no traceback."""
    running = relay(tmp_path, {"plugins": {"longest": {"most": []}, "gone": False}})
    running.launch()
    assert running.wait() == 1
    assert "plugins.longest.most: expected a whole number, found []" in running.stderr
    assert "plugins.gone: no plugin 'gone' is installed" in running.stderr
    assert "Traceback" not in running.stderr
