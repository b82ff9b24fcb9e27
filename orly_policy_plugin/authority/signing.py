"""Making signed events (NIP-01, BIP-340)."""

from collections.abc import Sequence
from typing import Any

import coincurve

from orly_policy_hookspecs import FrozenEvent, nip01


def signed_event(
    secret: coincurve.PrivateKey,
    *,
    kind: int,
    tags: Sequence[Sequence[str]],
    content: str,
    created_at: int,
    randomness: bytes,
) -> dict[str, Any]:
    """An event, ready to be published.

    :param created_at: Unix seconds.
    :param randomness: 32 fresh random bytes, for the signature.
    """
    fields: dict[str, Any] = {
        "pubkey": secret.public_key_xonly.format().hex(),
        "created_at": created_at,
        "kind": kind,
        "tags": [list(tag) for tag in tags],
        "content": content,
    }
    event_id = nip01.event_id(FrozenEvent(id="", sig="", **fields))
    signature = secret.sign_schnorr(bytes.fromhex(event_id), aux_randomness=randomness)
    return {"id": event_id, **fields, "sig": signature.hex()}
