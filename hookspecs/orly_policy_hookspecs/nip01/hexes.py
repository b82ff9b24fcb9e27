"""Ids, pubkeys and signatures as text. Pure."""

import re
from typing import Final, TypeGuard

HEX32: Final = re.compile(r"[0-9a-f]{64}")
"""32 bytes, to be matched against the whole text."""
_HEX64: Final = re.compile(r"[0-9a-f]{128}")


def is_hex32(value: object) -> TypeGuard[str]:
    """Whether a value is 32 bytes as 64 lowercase hex characters: an id or a pubkey."""
    return isinstance(value, str) and HEX32.fullmatch(value) is not None


def is_hex64(value: object) -> TypeGuard[str]:
    """Whether a value is 64 bytes as 128 lowercase hex characters: a signature."""
    return isinstance(value, str) and _HEX64.fullmatch(value) is not None
