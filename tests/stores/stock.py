"""Stock nostr-relay on a database, in a process of its own as its configuration is one for the
process: ``python stock.py (sql|lmdb) PATH (schema|write|read)``.

``write`` stores the events of standard input, a JSON array, with its own classes; ``read`` answers
the filters there, a JSON array, with a JSON array of events for each.
"""

import asyncio
import contextlib
import json
import sys
from pathlib import Path
from typing import Any

import nostr_relay
import yaml
from alembic import command
from alembic.config import Config as AlembicConfig
from nostr_relay.config import Config


def _configure(flavour: str, path: str) -> None:
    if flavour == "lmdb":
        storage = {
            "class": "nostr_relay.storage.kv.LMDBStorage",
            "path": path,
            "map_size": 1 << 28,
            "validators": [],
        }
    else:
        storage = {"sqlalchemy.url": path, "validators": []}
    folder = Path(sys.argv[4])
    config = folder / "stock.yaml"
    config.write_text(yaml.safe_dump({"storage": storage}))
    Config.load(str(config))


def _migrate() -> None:
    config = AlembicConfig()
    config.set_main_option("script_location", str(Path(nostr_relay.__file__).parent / "alembic"))
    with contextlib.redirect_stdout(sys.stderr):  # it prints about old data that is not there
        command.upgrade(config, "head")


async def _run(action: str) -> None:
    from nostr_relay.storage import get_storage

    given: list[Any] = json.load(sys.stdin)
    async with get_storage() as storage:
        if action == "write":
            for event in given:
                await storage.add_event(event)
        if action == "write" and hasattr(storage, "wait_for_writer"):
            await storage.wait_for_writer()
        found = []
        if action == "read":
            for wanted in given:
                events = storage.run_single_query([wanted])
                found.append([event.to_json_object() async for event in events])
        json.dump(found, sys.stdout)


def main() -> None:
    flavour, path, action = sys.argv[1:4]
    _configure(flavour, path)
    if action == "schema":
        _migrate()
        return
    asyncio.run(_run(action))


if __name__ == "__main__":
    main()
