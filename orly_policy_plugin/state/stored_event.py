"""An event as it lies in a file."""

import attrs


@attrs.frozen
class StoredEvent:
    """The seven fields of NIP-01; nothing of it is verified by being one of these."""

    id: str
    pubkey: str
    created_at: int
    kind: int
    tags: list[list[str]]
    content: str
    sig: str
