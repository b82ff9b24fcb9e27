"""A relay that forgets when it ends: what a host brings, at its smallest.

``python -m example_relay.forgetting`` serves it.
"""

from .store import MemoryStore

__all__ = ["MemoryStore"]
