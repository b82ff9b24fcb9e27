"""nostr-relay's SQL databases, SQLite and PostgreSQL, as the store of a relay."""

from .databases import alone_at, why_unusable
from .shared import SharedSQLStore
from .store import SQLStore

__all__ = ["SQLStore", "SharedSQLStore", "alone_at", "why_unusable"]
