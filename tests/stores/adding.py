"""Adds events to a store and prints the id of each when it is told that it is stored:
``python -m stores.adding FLAVOUR URL FOLDER``. Then it waits to be killed.
"""

import asyncio
import sys
from pathlib import Path

from orly_policy_plugin.session import Known

from .making import Place, event


async def _run(place: Place) -> None:
    async with place.store() as store:

        async def add(number: int) -> None:
            new = event(number, created_at=number + 1, tags=[["t", "x"]])
            assert await store.add(new) is Known.STORED
            sys.stdout.write(f"{new.id}\n")
            sys.stdout.flush()

        await asyncio.gather(*map(add, range(500)))
        sys.stdout.write("all\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_run(Place(sys.argv[1], sys.argv[2], Path(sys.argv[3]))))
