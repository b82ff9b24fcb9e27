"""The register: a SQLite file that says who has paid, and until when."""

import asyncio
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

TABLE = """
    CREATE TABLE IF NOT EXISTS members (
        pubkey TEXT PRIMARY KEY,     -- 64 lowercase hex characters
        paid_until INTEGER NOT NULL  -- Unix seconds
    )
"""
PAID_UNTIL = "SELECT paid_until FROM members WHERE pubkey = ?"


def opened(file: Path) -> sqlite3.Connection:
    """Open a register for reading, on the thread that will read it.

    :param file: its absolute path.
    :raises sqlite3.Error: it is not there, or no register.
    """
    # Whoever writes holds a reader up, who had better say so than let a client wait for long.
    connection = sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True, timeout=1)
    try:
        connection.execute(PAID_UNTIL, ("",))
    except sqlite3.Error:
        connection.close()
        raise
    return connection


class Register:
    """Reads a register on a thread of its own, so that no event loop waits for a disk."""

    def __init__(self) -> None:
        """Nothing is opened yet."""
        self._thread = ThreadPoolExecutor(1, "members")
        self._file: Path | None = None
        self._connection: sqlite3.Connection | None = None

    async def open(self, file: Path) -> None:
        """Open this one, in place of another.

        :raises sqlite3.Error: it is not there, or no register.
        """
        await asyncio.get_running_loop().run_in_executor(self._thread, self._connected, file)

    async def close(self) -> None:
        """Close it, once what is being looked up has been found."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._disconnect)
        self._thread.shutdown(wait=False)

    async def paid_until(self, file: Path, pubkey: str) -> int:
        """Look a member up.

        :param file: the register; the operator may name another one meanwhile.
        :return: Unix seconds; 0 for one who never paid.
        :raises sqlite3.Error: the register cannot be read.
        """
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._look_up, file, pubkey)

    def _look_up(self, file: Path, pubkey: str) -> int:
        row = self._connected(file).execute(PAID_UNTIL, (pubkey,)).fetchone()
        return 0 if row is None else int(row[0])

    def _connected(self, file: Path) -> sqlite3.Connection:
        if self._connection is None or file != self._file:
            self._disconnect()
            self._connection, self._file = opened(file), file
        return self._connection

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
