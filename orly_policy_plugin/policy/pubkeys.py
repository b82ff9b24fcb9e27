"""Public keys as a policy file writes them: 64 hex characters, or ``npub1…`` (NIP-19)."""

import re
from collections.abc import Callable, Sequence

import bech32

from orly_policy_hookspecs.nip01.hexes import HEX32

from .problems import Problem
from .strict_json import found, shortened

Pubkeys = tuple[str, ...]
"""Public keys, each 64 lowercase hex characters."""

_HEX = re.compile(r"[0-9a-fA-F]{64}")
_MOST_PROBLEMS = 20


def parse_pubkey(text: object) -> str:
    """A public key in the engine's form, 64 lowercase hex characters.

    :raises ValueError: the text is not one; the message never repeats a secret key.
    """
    if isinstance(text, str):
        if _HEX.fullmatch(text):
            return text.lower()
        if "nsec1" in text.lower():
            raise ValueError(
                "this is a secret key (nsec1…): remove it from here and stop using it; "
                "a public key begins with npub1"
            )
        if (key := _from_npub(text)) is not None:
            return key
    shown = repr(shortened(text, 80)) if isinstance(text, str) else found(text)
    raise ValueError(f"{shown} is not a public key: 64 hex characters or npub1…{_why_not(text)}")


def parse_pubkeys(
    values: Sequence[object], parse: Callable[[object], str] = parse_pubkey
) -> tuple[Pubkeys, list[Problem]]:
    """All of a list's keys, and a problem for each value that is not one.

    :param parse: takes what is not in the engine's form.

    Made for lists of a million keys: what is in the engine's form already is taken as it is.
    """
    keys = []
    problems = []
    is_key = HEX32.fullmatch
    for i, value in enumerate(values):
        if value.__class__ is str and is_key(value):
            keys.append(value)
            continue
        try:
            keys.append(parse(value))
        except ValueError as error:
            problems.append(Problem(f"[{i}]", str(error)))
            if len(problems) > _MOST_PROBLEMS:
                problems[-1] = Problem("", "more values are not public keys")
                break
    return tuple(keys), problems


def _from_npub(text: str) -> str | None:
    prefix, data = bech32.bech32_decode(text)
    if prefix != "npub" or data is None:
        return None
    key = bech32.convertbits(data, 5, 8, False)
    return bytes(key).hex() if key is not None and len(key) == 32 else None


def _why_not(text: object) -> str:
    if not isinstance(text, str):
        return ""
    bare = text.strip().removeprefix("nostr:").removeprefix("0x")
    if bare != text and (_HEX.fullmatch(bare) or _from_npub(bare)):
        return f"; write {bare!r}"
    if text.startswith("@"):
        return " (only the rules of the policy file name lists)"
    if "@" in text:
        return " (this is a name; take the npub1… of the same person)"
    if text.startswith("npub1"):
        return " (its checksum is wrong: a letter is missing or mistyped)"
    if text.startswith("nprofile1"):
        return " (this is a profile; take the npub1… of the same person)"
    if re.fullmatch(r"[0-9a-fA-F]+", text):
        return f" (it has {len(text)})"
    return ""
