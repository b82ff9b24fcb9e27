"""Nostr between a client and a store, behind the gate: no sockets, no framework, no database.

A relay brings a :class:`Host`, which stores, and makes a :class:`Server` of it and its gate. For
each connection it enters a session, hands it what the client sends, and sends what it is given.
"""

from .deletions import Deletion, Vanishing
from .host import (
    Added,
    Admitting,
    Announcing,
    Counting,
    Deleting,
    Enough,
    Forgetting,
    HandOn,
    Host,
    Known,
    NotStored,
    Recalling,
    Relaying,
    Search,
    Searching,
    StoreUnavailable,
    Streaming,
    Verifying,
)
from .information import MEDIA_TYPE, asks_for_information
from .server import Server
from .session import Session, SessionEnded
from .settings import SessionSettings
from .writing import Ok

__all__ = [
    "MEDIA_TYPE",
    "Added",
    "Admitting",
    "Announcing",
    "Counting",
    "Deleting",
    "Deletion",
    "Enough",
    "Forgetting",
    "HandOn",
    "Host",
    "Known",
    "NotStored",
    "Ok",
    "Recalling",
    "Relaying",
    "Search",
    "Searching",
    "Server",
    "Session",
    "SessionEnded",
    "SessionSettings",
    "StoreUnavailable",
    "Streaming",
    "Vanishing",
    "Verifying",
    "asks_for_information",
]
