"""Hazards of nostr-relay's configuration, and of the server that runs it."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import Any, Final

from orly_policy_plugin.hazards import hazards_of_place, is_anybody

_WORKER: Final = "orly_policy_plugin.hosts.nostr_relay.worker"
_STOCK_WORKERS: Final = ("uvicorn_worker", "uvicorn.workers")
_FULL: Final = 0.8


def hazards_of_server(modules: Sequence[str], trusted: Sequence[str]) -> Iterator[str]:
    """The hazards of the server that runs the relay.

    :param modules: names of the modules that are loaded.
    :param trusted: whose ``X-Forwarded-For`` is believed.
    """
    if any(map(is_anybody, trusted)):
        yield (
            "X-Forwarded-For is believed from anybody, so that each client says what its address "
            "is; name the web server alone: --forwarded-allow-ips 127.0.0.1"
        )
    if any(name in modules for name in _STOCK_WORKERS) and _WORKER not in modules:
        yield (
            "gunicorn runs another worker class, which takes messages of 16 MiB and believes "
            f"X-Forwarded-For from loopback; start it with -k {_WORKER}.Worker"
        )


def trusted_by_server(frame: FrameType | None) -> list[str]:
    """Whom uvicorn believes: the app is called by its middleware for that, if there is one.

    :param frame: of the call.
    """
    while frame is not None:
        caller: Any = frame.f_locals.get("self")
        if type(caller).__name__ == "ProxyHeadersMiddleware":
            return _hosts(caller.trusted_hosts)
        frame = frame.f_back
    return []


def _hosts(trusted: Any) -> list[str]:
    if trusted.always_trust:
        return ["*"]
    return [*map(str, trusted.trusted_hosts), *map(str, trusted.trusted_networks)]


def hazards_of_sqlite(database: str) -> list[str]:
    """The hazards of a SQLite database.

    :param database: its path, as the URL has it.
    """
    if not database or ":memory:" in database or "mode=memory" in database:
        return [
            "storage.sqlalchemy.url: the events are in memory; all are gone when the relay ends, "
            "and each worker has others; name a file: sqlite+aiosqlite:////var/lib/relay/events.sqlite3"
        ]
    return hazards_of_place(Path(database).absolute().parent, "the database")


def hazards_of_lmdb(path: Path, used_bytes: int, map_bytes: int) -> list[str]:
    """The hazards of an LMDB database.

    :param used_bytes: that it has filled.
    :param map_bytes: its ``map_size``.
    """
    found = hazards_of_place(path.absolute(), "the database")
    if used_bytes > _FULL * map_bytes:
        found.append(
            f"storage.map_size: {path} has {used_bytes:,} of {map_bytes:,} bytes filled, and "
            "takes no more events when all are; set it higher, it is only an upper bound"
        )
    return found


def hazards_of_postgres(settings: dict[str, str]) -> Iterator[str]:
    """The hazards of PostgreSQL's settings.

    :param settings: ``fsync`` and ``synchronous_commit``.
    """
    for name, value in settings.items():
        if value == "off":
            yield (
                f"PostgreSQL has {name} = off: events that clients were told are stored may be "
                "lost when it crashes; set it to on"
            )
