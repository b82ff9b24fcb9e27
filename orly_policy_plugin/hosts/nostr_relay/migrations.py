"""nostr-relay's database migrations, which it runs for its own storage class alone."""

import concurrent.futures
import contextlib
import fcntl
import io
from collections.abc import Iterator
from pathlib import Path

import nostr_relay
from alembic import command
from alembic.config import Config as AlembicConfig


def migrate(lock_file: Path | None) -> None:
    """Bring the database to nostr-relay's newest schema.

    Alembic starts an event loop of its own, so it gets a thread; processes that start together
    take turns.

    :param lock_file: one for each database, where nobody else can make one; ``None`` where they
        take turns otherwise, or nobody else has the database.
    """
    with _locked(lock_file), concurrent.futures.ThreadPoolExecutor(1) as thread:
        thread.submit(_upgrade).result()


@contextlib.contextmanager
def _locked(file: Path | None) -> Iterator[None]:
    if file is None:
        yield
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _upgrade() -> None:
    config = AlembicConfig()
    location = Path(nostr_relay.__file__).parent / "alembic"
    config.set_main_option("script_location", str(location))
    with contextlib.redirect_stdout(io.StringIO()):  # it prints about old data that is not there
        command.upgrade(config, "head")
