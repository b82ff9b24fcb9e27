"""Keys and signed events, valid ones and ones that lie.

Nothing here is the package's own reading of NIP-01, so that the two check each other.
"""

import hashlib
import json
import time
from collections.abc import Sequence
from typing import Any

from coincurve import PrivateKey

Event = dict[str, Any]


class Key:
    """A secret key with its pubkey."""

    def __init__(self, name: str | None = None) -> None:
        """Make the key of this name, the same each time; a new one without a name."""
        secret = hashlib.sha256(name.encode()).digest() if name else None
        self._secret = PrivateKey(secret)
        self.pubkey: str = self._secret.public_key_xonly.format().hex()
        """64 characters of lowercase hex."""

    def sign(self, event_id: str) -> str:
        """Sign an id; 128 characters of hex."""
        return self._secret.sign_schnorr(bytes.fromhex(event_id)).hex()

    def event(
        self,
        kind: int = 1,
        content: str = "",
        tags: Sequence[Sequence[str]] | None = None,
        created_at: int | None = None,
    ) -> Event:
        """Make a signed event.

        :param created_at: Unix seconds; now where not given.
        """
        return self.finish(
            {
                "pubkey": self.pubkey,
                "created_at": int(time.time()) if created_at is None else created_at,
                "kind": kind,
                "tags": [list(tag) for tag in tags or ()],
                "content": content,
            }
        )

    def finish(self, fields: Event) -> Event:
        """Add the id and the signature to whatever the fields are."""
        event_id = hash_of(fields)
        return {**fields, "id": event_id, "sig": self.sign(event_id)}


def hash_of(fields: Event) -> str:
    """Compute the id that NIP-01 gives to these fields."""
    names = ("pubkey", "created_at", "kind", "tags", "content")
    serialised = json.dumps(
        [0, *(fields.get(name) for name in names)], ensure_ascii=False, separators=(",", ":")
    )
    return hashlib.sha256(serialised.encode("utf-8", "surrogatepass")).hexdigest()


def auth_event(
    key: Key, relay: str, challenge: str, *, kind: int = 22242, seconds_off: int = 0
) -> Event:
    """Make an event for AUTH (NIP-42)."""
    tags = [["relay", relay], ["challenge", challenge]]
    return key.event(kind, tags=tags, created_at=int(time.time()) + seconds_off)
