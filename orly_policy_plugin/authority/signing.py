"""Making signed events (NIP-01, BIP-340)."""

import hashlib
import json
from collections.abc import Sequence
from typing import Any

import coincurve


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
    fields = {
        "pubkey": secret.public_key_xonly.format().hex(),
        "created_at": created_at,
        "kind": kind,
        "tags": [list(tag) for tag in tags],
        "content": content,
    }
    serialised = json.dumps([0, *fields.values()], ensure_ascii=False, separators=(",", ":"))
    digest = hashlib.sha256(serialised.encode()).digest()
    signature = secret.sign_schnorr(digest, aux_randomness=randomness)
    return {"id": digest.hex(), **fields, "sig": signature.hex()}
