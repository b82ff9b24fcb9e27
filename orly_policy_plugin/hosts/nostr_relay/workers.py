"""Live events for the readers of every worker process: over Unix sockets in the data folder.

Each process listens on a socket of its own, mode 0600 in a folder of mode 0700, and sends what it
has stored to all others that are there. No process is another's server, so that none has to be
first, and one that ends takes nothing with it.
"""

import asyncio
import contextlib
import os
import secrets
import struct
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

import orjson

from orly_policy_hookspecs.logs import get_log
from orly_policy_hookspecs.nip01 import FrozenEvent, MalformedEvent, read_event

from ...errors import PolicyError
from ...socket_paths import short_path

_LENGTH: Final = struct.Struct(">I")
_TOO_LONG: Final = 64 * 1024 * 1024
"""Bytes, of one event."""
_MOST_UNREAD_BYTES: Final = 64 * 1024 * 1024
"""Of a process that does not read, until it is taken for dead."""

_TURNS_UNTIL_HEARD: Final = 10
"""Of the event loop, at most, from accepting a connection to hearing of it."""

log = get_log(__name__)

Told = Callable[[FrozenEvent], Awaitable[None]]


class Workers:
    """This process among the others of one relay."""

    def __init__(self, folder: Path, told: Told) -> None:
        """:param folder: that the processes share, and nothing else; made where it is missing.
        :param told: called with each event that another process has stored.
        """
        self._folder = folder
        self._told = told
        self._own = self._folder / f"{os.getpid()}-{secrets.token_hex(4)}.sock"
        self._server: asyncio.Server | None = None
        self._peers: dict[str, asyncio.StreamWriter] = {}
        self._heard: set[asyncio.StreamWriter] = set()
        self._is_quiet = asyncio.Event()
        self._is_quiet.set()

    async def open(self) -> None:
        """Listen from now on.

        :raises PolicyError: the folder cannot be written.
        """
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._folder.chmod(0o700)
            with short_path(self._folder, self._own.name) as path:
                self._server = await asyncio.start_unix_server(self._listen, path)
            self._own.chmod(0o600)
            await self._forget_dead()
        except OSError as error:
            raise PolicyError(
                f"{self._folder}: worker processes cannot tell each other of events there: "
                f"{error.strerror}; the folder must be writable for the relay"
            ) from error

    async def _forget_dead(self) -> None:
        """Remove what killed processes have left."""
        others = [path.name for path in self._folder.iterdir() if path != self._own]
        for name in others:
            await self._peer(name)

    async def close(self) -> None:
        """Listen no more."""
        self._own.unlink(missing_ok=True)
        for peer in self._peers.values():
            await _closed(peer)
        self._peers.clear()
        if self._server is not None:
            for _ in range(_TURNS_UNTIL_HEARD):  # or a connection just accepted is never closed
                await asyncio.sleep(0)
            self._server.close()
        for heard in self._heard:
            heard.close()
        await self._is_quiet.wait()

    # --- telling

    async def announce(self, event: FrozenEvent) -> None:
        """Send every other process an event."""
        names = [path.name for path in self._folder.iterdir() if path != self._own]
        if not names:
            return
        encoded = orjson.dumps(event._asdict())
        frame = _LENGTH.pack(len(encoded)) + encoded
        for name in names:
            if (peer := await self._peer(name)) is not None:
                self._write(name, peer, frame)
        for name in self._peers.keys() - set(names):
            self._peers.pop(name).close()

    async def _peer(self, name: str) -> asyncio.StreamWriter | None:
        """The connection to another process; ``None`` where it is gone."""
        known = self._peers.get(name)
        if known is not None and not known.is_closing():
            return known
        try:
            with short_path(self._folder, name) as path:
                _, writer = await asyncio.open_unix_connection(path)
        except (ConnectionRefusedError, FileNotFoundError):
            (self._folder / name).unlink(missing_ok=True)  # it ended without a word
            self._peers.pop(name, None)
            return None
        self._peers[name] = writer
        return writer

    def _write(self, name: str, peer: asyncio.StreamWriter, frame: bytes) -> None:
        if peer.transport.get_write_buffer_size() > _MOST_UNREAD_BYTES:
            log.error("worker %s does not read what it is told; its readers miss events", name)
            peer.transport.abort()
            return
        peer.write(frame)

    # --- being told

    async def _listen(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._heard.add(writer)
        self._is_quiet.clear()
        try:
            while (size := await _size(reader)) < _TOO_LONG:
                await self._told(read_event(orjson.loads(await reader.readexactly(size))))
            log.error("a worker process sent %d bytes as one event", size)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # that process has ended, or this one does
        except (MalformedEvent, orjson.JSONDecodeError):
            log.exception("a worker process sent what is no event")
        finally:
            await _closed(writer)
            self._heard.discard(writer)
            if not self._heard:
                self._is_quiet.set()


async def _size(reader: asyncio.StreamReader) -> int:
    """The size of the frame that comes, in bytes."""
    (size,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
    return int(size)


async def _closed(writer: asyncio.StreamWriter) -> None:
    """Close a connection, whatever its other end does."""
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
