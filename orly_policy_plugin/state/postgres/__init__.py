"""The store in PostgreSQL, which the relays of a fleet share. It needs psycopg, an extra."""

from .copy import Copy
from .link import Patience
from .rates import RatesExchange
from .store import OlderDatabase, PostgresStore
from .trust import Asked

__all__ = ["Asked", "Copy", "OlderDatabase", "Patience", "PostgresStore", "RatesExchange"]
