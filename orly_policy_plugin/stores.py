"""The store that the settings choose."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from .errors import PolicyError
from .extras import how_to_install
from .rates import SharedRateLimiter
from .scripts import known_scripts
from .settings import Settings
from .state import Store
from .state.address import Address
from .state.files import FileStore

if TYPE_CHECKING:
    from .state.postgres import PostgresStore, RatesExchange

_NEEDS: Final = "psycopg"


def open_store(settings: Settings) -> Store:
    """What a command reads and changes: the fleet's store, or the files beside the policy file.

    :raises PolicyError: it cannot be named so, or needs what is not installed.
    """
    if settings.store is None:
        return FileStore(
            settings.path, settings.state_folder, most_bytes=settings.largest_policy_bytes
        )
    return _fleet_store(settings)


def store_of_node(
    settings: Settings, *, of_file: bytes | None, clock: Callable[[], float]
) -> "PostgresStore":
    """The fleet's store for a relay, which keeps a copy in its state folder.

    :param of_file: see :class:`.PostgresStore`.
    :param clock: Unix seconds.
    :raises PolicyError: see :func:`open_store`.
    """
    return _fleet_store(settings, of_file=of_file, clock=clock, is_node=True)


def _fleet_store(
    settings: Settings,
    *,
    of_file: bytes | None = None,
    clock: Callable[[], float] = time.time,
    is_node: bool = False,
) -> "PostgresStore":
    assert settings.store is not None
    address = Address.parse(settings.store, settings.fleet)
    try:
        from .state.postgres import Asked, Copy, PostgresStore
    except ImportError as error:
        if error.name is not None and error.name.split(".")[0] != _NEEDS:
            raise
        raise PolicyError(
            f"a store in PostgreSQL needs more: {how_to_install('postgres')}"
        ) from error
    folder = settings.path.absolute().parent
    copy, asked = None, Asked()
    if is_node:
        copy = Copy(settings.state_folder or folder, settings.largest_policy_bytes)
        asked = Asked(
            relay_urls=settings.relay_urls,
            require_relay_tag=settings.require_relay_tag,
            known_scripts=lambda policy: known_scripts(policy, folder),
        )
    return PostgresStore(
        address,
        copy=copy,
        owners=settings.owners,
        asked=None if settings.store_is_trusted else asked,
        of_file=of_file,
        most_bytes=settings.largest_policy_bytes,
        clock=clock,
    )


def shared_rates(
    settings: Settings, store: "PostgresStore"
) -> tuple[SharedRateLimiter, "RatesExchange"]:
    """The limiter of a node of a fleet, and what tells the others of it once it is started."""
    from .state.postgres import RatesExchange

    limiter = SharedRateLimiter(settings.rate_keys, time_constant_seconds=settings.rate_seconds)
    return limiter, RatesExchange(store.lent, settings.fleet, limiter)
