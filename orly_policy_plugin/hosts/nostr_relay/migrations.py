"""nostr-relay's database migrations, which it runs for its own storage class alone."""

import concurrent.futures
import contextlib
import fcntl
import hashlib
import io
import os
import tempfile
from pathlib import Path

import nostr_relay
from alembic import command
from alembic.config import Config as AlembicConfig


def migrate(url: str) -> None:
    """Bring the database to nostr-relay's newest schema.

    Alembic starts an event loop of its own, so it gets a thread; processes that start together
    take turns.

    :param url: the SQLAlchemy URL; only for telling databases apart, alembic reads nostr-relay's
        configuration.
    """
    name = hashlib.sha256(url.encode()).hexdigest()[:16]
    lock_file = Path(tempfile.gettempdir()) / f"orly-policy-migrate-{os.getuid()}-{name}.lock"
    with lock_file.open("a") as lock, concurrent.futures.ThreadPoolExecutor(1) as thread:
        fcntl.flock(lock, fcntl.LOCK_EX)
        thread.submit(_upgrade).result()


def _upgrade() -> None:
    config = AlembicConfig()
    location = Path(nostr_relay.__file__).parent / "alembic"
    config.set_main_option("script_location", str(location))
    with contextlib.redirect_stdout(io.StringIO()):  # it prints about old data that is not there
        command.upgrade(config, "head")
