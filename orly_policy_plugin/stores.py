"""The store that the settings choose."""

from typing import TYPE_CHECKING, Final

from .errors import PolicyError
from .rates import SharedRateLimiter
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
    return fleet_store(settings, of_file=None, keeps_copy=False)


def fleet_store(settings: Settings, *, of_file: bytes | None, keeps_copy: bool) -> "PostgresStore":
    """The store that the settings name.

    :param of_file: see :class:`.PostgresStore`.
    :param keeps_copy: whether a copy is kept in the state folder, as a node does.
    :raises PolicyError: see :func:`open_store`.
    """
    assert settings.store is not None
    address = Address.parse(settings.store, settings.fleet)
    try:
        from .state.postgres import Copy, PostgresStore
    except ImportError as error:
        if error.name is not None and error.name.split(".")[0] != _NEEDS:
            raise
        raise PolicyError(
            "a store in PostgreSQL needs more: install orly-policy-plugin[postgres]"
        ) from error
    state_folder = settings.state_folder or settings.path.absolute().parent
    return PostgresStore(
        address,
        copy=Copy(state_folder, settings.largest_policy_bytes) if keeps_copy else None,
        owners=settings.owners,
        is_trusted=settings.store_is_trusted,
        of_file=of_file,
        most_bytes=settings.largest_policy_bytes,
    )


def shared_rates(
    settings: Settings, store: "PostgresStore"
) -> tuple[SharedRateLimiter, "RatesExchange"]:
    """The limiter of a node of a fleet, and what tells the others of it once it is started."""
    from .state.postgres import RatesExchange

    limiter = SharedRateLimiter(settings.rate_keys)
    exchange = RatesExchange(
        store.lent, settings.fleet, limiter, time_constant_seconds=settings.rate_seconds
    )
    return limiter, exchange
