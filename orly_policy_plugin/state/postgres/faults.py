"""What psycopg raises, as the engine's errors."""

from urllib.parse import parse_qsl, unquote, urlsplit

import psycopg
from psycopg import errors

from ...errors import Busy, PolicyError, Unreachable, Unreadable, Unwritable
from ..address import Address


def translated(error: psycopg.Error, address: Address) -> PolicyError:
    """The engine's error for one of psycopg's. A URL's password is in none of them."""
    told = _without_password(_told(error), address)
    match error:
        case errors.LockNotAvailable():
            return Busy(f"somebody else has been changing {address} for too long; try again")
        case errors.InsufficientPrivilege():
            return Forbidden(
                f"{address}: {told}; `orly-policy store init URL --role ROLE`, called by the "
                "owner of the schema orly_policy, gives a relay's role its rights"
            )
        case errors.InvalidSchemaName() | errors.UndefinedTable() | errors.UndefinedColumn():
            return Unreadable(f"{address}: {told}; `orly-policy store init URL` makes the tables")
        case errors.ReadOnlySqlTransaction():
            return Unwritable(f"{address} can be read only, as a standby can: {told}")
        case errors.DiskFull() | errors.OutOfMemory():
            return Unwritable(f"{address}: {told}; make room on the database's machine")
        case errors.InvalidCatalogName() | errors.InvalidAuthorizationSpecification():
            return Unreachable(f"{address}: {told}")
        case psycopg.OperationalError() | psycopg.InterfaceError():
            return Unreachable(f"{address} does not answer: {told}")
        case _:
            return Unwritable(f"{address}: {told}")


class Forbidden(Unreadable, Unwritable):
    """The role has not the rights that a relay needs."""


def _without_password(text: str, address: Address) -> str:
    """libpq repeats parts of a URL that it cannot read."""
    parts = urlsplit(address.url)
    given = [parts.password, dict(parse_qsl(parts.query)).get("password")]
    for secret in (each for each in given if each):
        text = text.replace(secret, "…").replace(unquote(secret), "…")
    return text


def _told(error: psycopg.Error) -> str:
    """Its first line: more is for who writes SQL."""
    primary = error.diag.message_primary
    lines = (primary or str(error)).strip().splitlines()
    return lines[0] if lines else type(error).__name__
