"""Making a store, by a role that may."""

from collections.abc import Iterable

import psycopg
from psycopg import errors, sql

from ...errors import PolicyError
from ..address import Address
from .faults import translated
from .link import Patience
from .schema import grant_rights, make_tables


def init_store(
    address: Address, roles: Iterable[str] = (), patience: Patience | None = None
) -> bool:
    """Make the tables, or bring them to this version, add the fleet, and give roles their rights;
    all of it or nothing. May be repeated.

    :return: whether there was anything to make.
    :raises PolicyError: the database does not answer, or refuses; the message says why.
    """
    patience = patience or Patience()
    try:
        with psycopg.connect(address.url, connect_timeout=patience.connect_seconds) as connection:
            wait = sql.Literal(f"{patience.lock_seconds}s")
            connection.execute(sql.SQL("SET LOCAL lock_timeout = {}").format(wait))
            made = make_tables(connection, address.fleet)
            for role in roles:
                grant_rights(connection, role)
            return made
    except errors.InsufficientPrivilege as error:
        raise PolicyError(
            f"{address}: {error.diag.message_primary}; a role is needed that may create a schema "
            "in this database, or owns the schema orly_policy"
        ) from None
    except errors.UndefinedObject as error:
        raise PolicyError(
            f"{address}: {error.diag.message_primary}; `CREATE ROLE … LOGIN` makes it"
        ) from None
    except psycopg.Error as error:
        raise translated(error, address) from None
