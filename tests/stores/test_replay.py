"""``orly-policy replay`` reads each database as nostr-relay has it."""

import asyncio
import json
import os
from pathlib import Path

import pytest
import yaml
from forks import completed

from .making import Place, event

CLI = "orly_policy_plugin.cli"
EVENTS = [
    event(i, created_at=1_700_000_000 + i // 3, content="x" * (i % 2) * 20) for i in range(1_203)
]


async def _stored(place: Place) -> None:
    async with place.store() as store:
        await asyncio.gather(*map(store.add, EVENTS))


@pytest.mark.heavy
def test_every_event_is_replayed_once(place: Place, tmp_path: Path) -> None:
    """Page by page or row by row, whichever database it is."""
    asyncio.run(_stored(place))
    storage = {"path": place.url} if place.flavour == "lmdb" else {"sqlalchemy.url": place.url}
    (tmp_path / "relay.yaml").write_text(yaml.safe_dump({"storage": storage}))
    (tmp_path / "policy.json").write_text(json.dumps({"rules": {"1": {"content_limit": 10}}}))
    arguments = ("replay", "policy.json", "--relay-config", "relay.yaml", "--json")
    done = completed(CLI, arguments, cwd=tmp_path, env=os.environ, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    made = json.loads(done.stdout)
    assert (made["events"], made["answers"]["write"]["refused"]) == (1_203, 601)


def test_a_database_that_cannot_be_read_is_told(place: Place, tmp_path: Path) -> None:
    """Exit 2. On PostgreSQL the store's own log says so as well."""
    nowhere = {
        "lmdb": {"path": str(tmp_path / "nowhere")},
        "sqlite": {"sqlalchemy.url": f"sqlite+aiosqlite:///{tmp_path / 'nowhere.db'}"},
        "postgres": {"sqlalchemy.url": f"postgresql+asyncpg://x@/x?host={tmp_path}"},
    }
    (tmp_path / "relay.yaml").write_text(yaml.safe_dump({"storage": nowhere[place.flavour]}))
    (tmp_path / "policy.json").write_text("{}")
    arguments = ("replay", "policy.json", "--relay-config", "relay.yaml")
    done = completed(CLI, arguments, cwd=tmp_path, env=os.environ, timeout=60)
    assert (done.returncode, done.stdout) == (2, "")
    assert "(of relay.yaml)" in done.stderr or "that relay.yaml names" in done.stderr
    assert "Traceback" not in done.stderr
