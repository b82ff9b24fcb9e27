"""A worker's Unix socket: whoever may read the state folder asks here. On a thread of its own.

A question is one line of JSON, ``{"ask": "status"}`` or ``{"ask": "tail", …}``; the answer is one
line, or for ``tail`` a line for each decision until either side closes.
"""

import asyncio
import contextlib
import json
import os
import secrets
import socket
import stat
import threading
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import Any, Final

from orly_policy_hookspecs.logs import get_log

from ..atomic import make_folder
from ..errors import PolicyError, Unwritable
from ..socket_paths import short_path

log = get_log(__name__)

FOLDER: Final = "policy-workers"
"""In the state folder."""
ENDING: Final = ".sock"
_NOT_YET: Final = ".new"
THREAD_NAME: Final = "orly-policy-desk"

MOST_CONNECTIONS: Final = 32
MOST_QUESTION_BYTES: Final = 65_536
PATIENCE_SECONDS: Final = 30.0
"""With one that sends no question, or does not read what it has asked for."""

Answer = Callable[[Any], AsyncGenerator[object, None]]
"""From a question, a JSON value, to the JSON values that answer it; ``None`` is none, and a chance
to see that nobody waits any more. Raises :class:`.PolicyError` where there is no such question."""


class SocketServer:
    """Answers questions about this process. Someone who hangs hinders nobody."""

    def __init__(self, folder: Path, answer: Answer) -> None:
        """:param folder: of the sockets of all workers."""
        self._folder = folder
        self._answer = answer
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._talking: set[asyncio.Task[None]] = set()
        self._is_over = asyncio.Event()

    def start(self) -> None:
        """Listen from now on.

        :raises PolicyError: there can be no socket in the folder.
        """
        listening, name = _listening(self._folder)
        runner = asyncio.Runner(loop_factory=asyncio.SelectorEventLoop)
        self._loop = runner.get_loop()
        self._thread = threading.Thread(
            target=self._run, args=(runner, listening, name), name=THREAD_NAME, daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Listen no more; no thread and no socket is left on return."""
        thread, loop = self._thread, self._loop
        self._thread = self._loop = None
        if thread is not None and loop is not None:
            with contextlib.suppress(RuntimeError):  # it has failed, and is closed
                loop.call_soon_threadsafe(self._is_over.set)
            thread.join()

    def _run(self, runner: asyncio.Runner, listening: socket.socket, name: str) -> None:
        try:
            with runner:
                runner.run(self._serve(listening))
        except Exception:
            log.exception("nobody can ask this worker any more")
        finally:
            listening.close()
            with contextlib.suppress(OSError):
                (self._folder / name).unlink()

    async def _serve(self, listening: socket.socket) -> None:
        server = await asyncio.start_unix_server(
            self._begin_to_talk, sock=listening, limit=MOST_QUESTION_BYTES
        )
        await self._is_over.wait()
        # Whoever is just being let in has to be let in, so that it can be closed: asyncio forgets
        # the sockets of those that a closed server lets in.
        asyncio.get_running_loop().remove_reader(listening)
        for task in self._talking:
            task.cancel()
        while others := asyncio.all_tasks() - {asyncio.current_task()}:
            await asyncio.wait(others)
        server.close()
        await asyncio.sleep(0)

    def _begin_to_talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._is_over.is_set():
            writer.transport.abort()
            return
        task = asyncio.get_running_loop().create_task(self._talk(reader, writer))
        self._talking.add(task)

        def end(task: asyncio.Task[None]) -> None:  # also of one that was ended before it began
            self._talking.discard(task)
            writer.transport.abort()

        task.add_done_callback(end)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if len(self._talking) > MOST_CONNECTIONS:
                await _send(writer, {"error": "too many ask already"})
            else:
                line = await asyncio.wait_for(reader.readline(), PATIENCE_SECONDS)
                await self._send_answers(json.loads(line), reader, writer)
            writer.close()
            await asyncio.wait_for(writer.wait_closed(), PATIENCE_SECONDS)
        except (OSError, ValueError, TimeoutError, RecursionError):
            pass  # it is gone, sends no line of JSON, or does not read

    async def _send_answers(
        self, question: object, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        # Whoever has asked sends nothing more: what comes is its end.
        gone = asyncio.ensure_future(_end_of(reader))
        try:
            async with contextlib.aclosing(self._answer(question)) as answers:
                async for answer in answers:
                    if gone.done():
                        return
                    if answer is not None:
                        await _send(writer, answer)
        except PolicyError as error:
            await _send(writer, {"error": str(error)})
        except (OSError, TimeoutError):
            raise
        except Exception as error:
            log.exception("a question about this worker could not be answered")
            await _send(writer, {"error": f"the worker failed to answer: {error!r}"})
        finally:
            gone.cancel()


async def _end_of(reader: asyncio.StreamReader) -> None:
    with contextlib.suppress(OSError):
        await reader.read(1)


async def _send(writer: asyncio.StreamWriter, value: object) -> None:
    """:raises TimeoutError: the other side does not read."""
    writer.write(json.dumps(value).encode() + b"\n")
    await asyncio.wait_for(writer.drain(), PATIENCE_SECONDS)


def _listening(folder: Path) -> tuple[socket.socket, str]:
    """A socket that listens, and its name in the folder."""
    name = f"{os.getpid()}-{secrets.token_hex(4)}{ENDING}"
    try:
        _make_private(folder)
        listening = socket.socket(socket.AF_UNIX)
        try:
            with short_path(folder, f"{name}{_NOT_YET}") as path:
                listening.bind(path)
            unfinished = folder / f"{name}{_NOT_YET}"
            unfinished.chmod(0o600)
            listening.listen()
            listening.setblocking(False)
            unfinished.rename(folder / name)  # a socket at which nobody listens is removed
        except BaseException:
            listening.close()
            raise
    except (OSError, Unwritable) as error:
        raise PolicyError(f"{folder}: no socket can be made there: {error}") from error
    return listening, name


def _make_private(folder: Path) -> None:
    make_folder(folder)
    mode = stat.S_IMODE(folder.stat().st_mode)
    if mode != 0o700:
        folder.chmod(0o700)
