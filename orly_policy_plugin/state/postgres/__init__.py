"""The store in PostgreSQL, which the relays of a fleet share. It needs psycopg, an extra."""

from .copy import Copy
from .link import Patience
from .rates import RatesExchange
from .store import OlderDatabase, PostgresStore

__all__ = ["Copy", "OlderDatabase", "Patience", "PostgresStore", "RatesExchange"]
