"""Reading a secret key from a file that nobody else can read. No message repeats any of it."""

import os
import re
import stat
from pathlib import Path

import bech32
import coincurve

from .showing import UnusableInput

_MOST_BYTES = 4096
_HEX = re.compile(r"[0-9a-fA-F]{64}")
_BYTES = 32


def load_secret(path: Path) -> coincurve.PrivateKey:
    """The secret key in a file: 64 hex characters or ``nsec1…``.

    :raises UnusableInput: in one line, without the key.
    """
    text = _read(path)
    try:
        return coincurve.PrivateKey(_secret_in(text.strip()))
    except ValueError as error:
        message = str(error) if isinstance(error, _NoKey) else "is no secret key: out of range"
        raise UnusableInput([f"{path}: {message}"]) from None


class _NoKey(ValueError):
    """The text says what is wrong, in words that are safe to show."""


def _read(path: Path) -> str:
    """The file's content, if nobody else can read the file."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise UnusableInput([f"{path}: {(error.strerror or 'cannot be read').lower()}"]) from None
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise UnusableInput([f"{path}: is no ordinary file; name one that holds the key"])
        if found.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise UnusableInput(
                [f"{path}: others can read or write this secret key; chmod 600 {path}"]
            )
        content = os.read(descriptor, _MOST_BYTES + 1)
    except OSError as error:
        raise UnusableInput([f"{path}: {(error.strerror or 'cannot be read').lower()}"]) from None
    finally:
        os.close(descriptor)
    try:
        return content.decode("ascii")
    except UnicodeDecodeError:
        raise UnusableInput([f"{path}: {_WHAT}"]) from None


_WHAT = "is no secret key: 64 hex characters or nsec1… are needed, and nothing else"


def _secret_in(text: str) -> bytes:
    if _HEX.fullmatch(text):
        return bytes.fromhex(text)
    if text.lower().startswith("npub1"):
        raise _NoKey("is a public key (npub1…); the secret one (nsec1…) is needed")
    prefix, data = bech32.bech32_decode(text)
    key = bech32.convertbits(data, 5, 8, False) if prefix == "nsec" and data else None
    if key is None or len(key) != _BYTES:
        wrong = " (the checksum of nsec1… is wrong)" if text.lower().startswith("nsec1") else ""
        raise _NoKey(f"{_WHAT}{wrong}")
    return bytes(key)
