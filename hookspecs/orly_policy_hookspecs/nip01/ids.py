"""An event's id: the hash of its canonical form (NIP-01). Pure.

NIP-01 escapes seven characters and takes all others as they are. JSON libraries escape the other
control characters, too, and clients' events have ids of either form.
"""

import hashlib
import json
from collections.abc import Callable, Iterator
from typing import Final

from .events import Event

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_ESCAPED_CONTROL: Final = "\\u00"
"""With which the escape of a control character begins, but for five that have a short one."""
_ESCAPED_BACKSLASH: Final = "\\\\"
_STANDS_FOR_IT: Final = "\ud800"
"""In no text that UTF-8 can hold."""
_CONTROLS: Final = [(f"\\u{code:04x}", chr(code)) for code in range(32)]


def canonical(event: Event) -> bytes:
    """The form that is hashed, to the letter of NIP-01.

    :raises TypeError, ValueError: a field is not what it should be.
    """
    return _rewritten(_encoded(event), _as_it_is).encode()


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
    if _ESCAPED_CONTROL in serialised:
        yield _rewritten(serialised, _as_it_is)
        yield _rewritten(serialised, _in_upper_case)


def _rewritten(serialised: str, how: Callable[[str, str], str]) -> str:
    """With all escapes of control characters in another way. Not by a regex, which would take ten
    times as long for a text of nothing else.
    """
    if _STANDS_FOR_IT in serialised:
        raise ValueError("half a surrogate pair is no text")
    text = serialised.replace(_ESCAPED_BACKSLASH, _STANDS_FOR_IT)
    if _ESCAPED_CONTROL not in text:
        return serialised
    for escape, control in _CONTROLS:
        text = text.replace(escape, how(escape, control))
    return text.replace(_STANDS_FOR_IT, _ESCAPED_BACKSLASH)


def _as_it_is(_: str, control: str) -> str:
    return control


def _in_upper_case(escape: str, _: str) -> str:
    return f"\\u{escape[2:].upper()}"


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
