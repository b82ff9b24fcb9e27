"""A question to a script and its answer, a line of JSON each (section 5 of the spec). Pure."""

import json
from typing import Any, Final, Literal

import orjson

from orly_policy_hookspecs import Event, Origin
from orly_policy_hookspecs.nip01 import FIELDS

from ..decisions.replies import ACCEPTED, Action, Reply
from ..policy.strict_json import found

LONGEST_LINE_BYTES: Final = 1_048_576
"""Of an answer, without its end."""

_ACTIONS: Final = {
    action.value: action for action in (Action.ACCEPT, Action.REJECT, Action.SHADOW_REJECT)
}
_OTHER_SOURCES: Final = {Origin.IMPORT: "Import", Origin.SYNC: "Sync"}
_MOST_SHOWN: Final = 60

_encode_slowly = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, separators=(",", ":")
).encode


class NotAnAnswer(ValueError):
    """A line answers no question. The text says what is wrong with it."""


_LINE_ENDS_OF_SOME: Final = ((b"\xe2\x80\xa8", b"\\u2028"), (b"\xe2\x80\xa9", b"\\u2029"))
"""At which some that read lines, Node's among them, would cut one in two."""


def logged_in(event: Event, authenticated: tuple[str, ...]) -> str | None:
    """The pubkey that a script is told: the author's if the author has authenticated, else the
    first that has.
    """
    if event.pubkey in authenticated:
        return event.pubkey
    return authenticated[0] if authenticated else None


def question(
    event: Event,
    access: Literal["read", "write"],
    *,
    logged_in_pubkey: str | None,
    ip: str,
    received_at: int,
    origin: Origin = Origin.CLIENT,
) -> bytes:
    """The line that asks a script about an event.

    It has the event's seven fields, ``id`` first, and ``access_type``, ``ip_address`` and
    ``logged_in_pubkey``, as scripts for ORLY read them; and ``type``, ``event``, ``receivedAt``,
    ``sourceType``, ``sourceInfo`` and ``authed``, as write policies for strfry do.

    :param logged_in_pubkey: see :func:`logged_in`; ``None``: the key is left out.
    :param received_at: Unix seconds.
    """
    fields = {name: getattr(event, name) for name in FIELDS}
    about: dict[str, Any] = {"access_type": access, "ip_address": ip}
    if logged_in_pubkey is not None:
        about["logged_in_pubkey"] = about["authed"] = logged_in_pubkey
    about["type"] = "new"
    about["receivedAt"] = received_at
    about["sourceType"] = _source_type(ip, origin)
    about["sourceInfo"] = ip
    line = _encode({**fields, **about, "event": fields})
    for separator, escaped in _LINE_ENDS_OF_SOME:
        line = line.replace(separator, escaped)
    return line + b"\n"


def _encode(value: object) -> bytes:
    try:
        return orjson.dumps(value)
    except orjson.JSONEncodeError:  # half of a surrogate pair, a number over 64 bits
        return _encode_slowly(value).encode("utf-8", "replace")


def _source_type(ip: str, origin: Origin) -> str:
    """strfry's word for where an event comes from."""
    return _OTHER_SOURCES.get(origin) or ("IP6" if ":" in ip else "IP4")


def read_answer(line: bytes) -> tuple[str, Reply]:
    """Return the event's id and the script's reply; a *failed* one where it makes no sense.

    :raises NotAnAnswer: it names no event.
    """
    try:
        answer = _decoded(line)
    except (ValueError, RecursionError) as error:
        raise NotAnAnswer(f"printed {_shown(line)}, which is not JSON") from error
    if not isinstance(answer, dict) or not isinstance(answer.get("id"), str):
        raise NotAnAnswer(f"printed {_shown(line)}, which names no event in 'id'")
    return answer["id"], _reply(answer)


def _decoded(line: bytes) -> Any:
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError:  # half of a surrogate pair, as where a text was cut
        return json.loads(line)


def _reply(answer: dict[str, Any]) -> Reply:
    action, message = answer.get("action"), answer.get("msg")
    if not isinstance(action, str) or action not in _ACTIONS:
        return Reply.failed(
            f"the action is {found(action)}, which is none of {', '.join(_ACTIONS)}"
        )
    if message is not None and not isinstance(message, str):
        return Reply.failed(f"msg is {found(message)}, and no text")
    if action == "accept":
        return ACCEPTED
    return Reply(_ACTIONS[action], _unicode(message or ""))


def _unicode(text: str) -> str:
    """Replace what UTF-8 cannot hold, half of a surrogate pair."""
    return text.encode("utf-8", "replace").decode()


def _shown(line: bytes) -> str:
    text = line[: 4 * _MOST_SHOWN].decode("utf-8", "replace").strip()
    return repr(text[:_MOST_SHOWN] + "…" * (len(text) > _MOST_SHOWN))
