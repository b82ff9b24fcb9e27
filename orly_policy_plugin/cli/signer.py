"""A secret key that signs events as they are needed: dated now, with fresh randomness."""

import secrets
import time
from collections.abc import Sequence
from typing import Any

import attrs
import coincurve

from orly_policy_hookspecs.nip01 import kinds
from orly_policy_plugin.authority.signing import signed_event


@attrs.frozen
class Signer:
    """Signs with one key."""

    secret: coincurve.PrivateKey = attrs.field(repr=False)

    def event(
        self,
        kind: int,
        tags: Sequence[Sequence[str]],
        content: str = "",
        created_at: int | None = None,
    ) -> dict[str, Any]:
        """A signed event.

        :param created_at: Unix seconds; now where ``None``.
        """
        return signed_event(
            self.secret,
            kind=kind,
            tags=tags,
            content=content,
            created_at=int(time.time()) if created_at is None else created_at,
            randomness=secrets.token_bytes(32),
        )

    def auth(self, url: str, challenge: str) -> dict[str, Any]:
        """The answer to a relay's challenge (NIP-42)."""
        return self.event(kinds.AUTHENTICATION, [["relay", url], ["challenge", challenge]])
