"""What the policy has to say is heard, whatever nostr-relay's ``logging`` says of others."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from orly_policy_plugin.hosts.nostr_relay.logs import OURS, seen

from .client import asynchronous
from .documented import Started, started

CONSOLE = {"console": {"class": "logging.StreamHandler", "stream": "ext://sys.stdout"}}
SILENT: dict[str, Any] = {
    "default": {},
    "others switched off": {"logging": {"version": 1, "disable_existing_loggers": True}},
    "warnings alone": {
        "logging": {
            "version": 1,
            "disable_existing_loggers": True,
            "handlers": CONSOLE,
            "loggers": {"": {"level": "WARNING", "handlers": ["console"]}},
        }
    },
    "nothing": {"logging": None},
}


async def said(relay: Started, words: str) -> list[str]:
    """The workers that have said it, as soon as both have."""
    line = re.compile(rf"worker (\d+): {words}")
    await relay.until(lambda: len(set(line.findall(relay.log()))) == 2)
    return line.findall(relay.log())


@pytest.mark.parametrize("name", SILENT)
@asynchronous
@pytest.mark.heavy
async def test_each_worker_says_what_is_in_force(tmp_path: Path, name: str) -> None:
    """At start, at each change, when the file is broken and when it is well again; once each."""
    policy = tmp_path / "policy.json"
    async with started(tmp_path, "gunicorn", **SILENT[name]) as relay:
        version = r"policy version [0-9a-f]{12} is in force"
        workers = set(await said(relay, rf"{version}, of {re.escape(str(policy))}"))
        assert len(workers) == 2
        policy.write_text(json.dumps({"rules": {"7": {"content_limit": 6}}}))
        assert sorted(await said(relay, rf"{version} \(before: ")) == sorted(workers)
        policy.write_text('{"rulez": {}}')
        broken = await said(relay, "the stored policy cannot be used, version .* rulez: ")
        policy.write_text(json.dumps({"rules": {"7": {"content_limit": 6}}}))
        well = await said(relay, "the stored policy can be used again")
        assert sorted(broken) == sorted(well) == sorted(workers)


def test_a_level_that_is_set_for_our_loggers_counts() -> None:
    """And theirs alone is left as it is."""
    given = {
        "version": 1,
        "loggers": {"orly_policy_plugin.live": {"level": "ERROR"}, "x": {"level": "DEBUG"}},
        "root": {"handlers": ["console"]},
        "handlers": CONSOLE,
    }
    made = seen(given)
    assert made["loggers"] == {**given["loggers"], OURS[1]: {"level": "INFO"}}  # type: ignore[dict-item]
    assert made["handlers"] == CONSOLE
    assert made["disable_existing_loggers"] is False
