"""nostr-relay's LMDB database as the store of a relay."""

from .store import LMDBStore

__all__ = ["LMDBStore"]
