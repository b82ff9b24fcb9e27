"""nostr-relay's SQL databases, SQLite and PostgreSQL, as the store of a relay."""

from .store import SQLStore

__all__ = ["SQLStore"]
