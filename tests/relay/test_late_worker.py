"""A worker process that opens later than another, which tells it of events meanwhile."""

import sys
from pathlib import Path

import pytest

from .client import asynchronous, connected
from .signing import Key
from .test_plugins import install, python_path
from .test_signed_updates import UpdatableRelay

PLUGIN = """
    import asyncio
    from pathlib import Path

    from orly_policy_hookspecs import hookimpl

    FOLDER = Path({folder!r})

    class Late:
        "Of all workers but the first the start waits for a file."

        @hookimpl
        async def on_start(self):
            try:
                (FOLDER / "first").touch(exist_ok=False)
            except FileExistsError:
                (FOLDER / "waits").touch()
                while not (FOLDER / "go").exists():
                    await asyncio.sleep(0.01)
                (FOLDER / "goes").touch()

    late = Late()
"""


@asynchronous
@pytest.mark.heavy
async def test_what_it_is_told_while_it_opens_waits(tmp_path: Path) -> None:
    """It is no fault, and is in no log."""
    install(tmp_path, "late = third_party:late", code=PLUGIN.format(folder=str(tmp_path)))
    with UpdatableRelay(
        tmp_path,
        {},
        command=(sys.executable, "-m", "example_relay"),
        environment={"PYTHONPATH": python_path(tmp_path)},
        options=("--workers", "2"),
    ) as relay:
        relay.wait_for((tmp_path / "waits").exists)
        async with connected(relay.url) as client:
            events = [Key().event(1, f"{number}") for number in range(20)]
            await client.publish_all(*events)
            assert len(await client.stored({"kinds": [1]})) == len(events)
        (tmp_path / "go").touch()
        relay.wait_for((tmp_path / "goes").exists)
        assert relay.stop() == 0
    assert "Traceback" not in relay.stderr
    assert "is not open" not in relay.stderr
