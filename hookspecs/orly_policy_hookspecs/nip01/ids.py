"""An event's id: the hash of its canonical form (NIP-01). Pure.

NIP-01 escapes seven characters and takes all others as they are. JSON libraries escape the other
control characters, too, and clients' events have ids of either form.
"""

import hashlib
import json
import re
from collections.abc import Iterator
from typing import Final

from .events import Event

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_ESCAPED_CONTROL: Final = re.compile(r"(?<!\\)((?:\\\\)*)\\u00([01][0-9a-f])")


def canonical(event: Event) -> bytes:
    """The form that is hashed, to the letter of NIP-01.

    :raises TypeError, ValueError: a field is not what it should be.
    """
    return _ESCAPED_CONTROL.sub(_as_it_is, _encoded(event)).encode()


def event_id(event: Event) -> str:
    """The id that the other fields come to. Raises like :func:`canonical`."""
    return hashlib.sha256(canonical(event)).hexdigest()


def has_right_id(event: Event) -> bool:
    """Whether the id is the hash of the other fields, in any form that is in use. None can be had
    from other fields. Never raises.
    """
    try:
        return any(_sha256(form) == event.id for form in _forms(_encoded(event)))
    except (TypeError, ValueError, RecursionError, AttributeError):
        return False


def _encoded(event: Event) -> str:
    return _encode([0, event.pubkey, event.created_at, event.kind, event.tags, event.content])


def _forms(serialised: str) -> Iterator[str]:
    yield serialised
    if _ESCAPED_CONTROL.search(serialised) is not None:
        yield _ESCAPED_CONTROL.sub(_as_it_is, serialised)
        yield _ESCAPED_CONTROL.sub(_in_upper_case, serialised)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _as_it_is(match: re.Match[str]) -> str:
    return match[1] + chr(int(match[2], 16))


def _in_upper_case(match: re.Match[str]) -> str:
    return f"{match[1]}\\u00{match[2].upper()}"
