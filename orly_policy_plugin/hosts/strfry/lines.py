"""From a line of strfry's to the line that answers it.

Whatever comes, there is an answer, of one line, and it is no acceptance unless the gate says so:
strfry ends a plugin that says nothing for ten seconds, or something that it cannot read.
"""

import threading
from collections.abc import Callable, Collection
from typing import Any, Final, Literal

import attrs
import orjson

from orly_policy_hookspecs import POLICY_EVENT_KIND, Context, Decision, Gate, Origin
from orly_policy_hookspecs.logs import get_log
from orly_policy_hookspecs.nip01 import FrozenEvent, MalformedEvent, is_hex32, kinds, read_event

ANSWER_SECONDS: Final = 9.0
"""Then an answer is given whatever the policy is doing: strfry waits for ten seconds."""
MOST_ANSWER_BYTES: Final = 8_192
"""That strfry reads of one answer."""
SOURCES: Final = ("Import", "Stream", "Sync", "Stored")
"""Of events that no client has just sent."""

_ORIGINS: Final = {
    "Import": Origin.IMPORT,
    "Stored": Origin.IMPORT,
    "Stream": Origin.SYNC,
    "Sync": Origin.SYNC,
}
_SLOW: Final = frozenset({POLICY_EVENT_KIND, kinds.DELETION, *kinds.LISTS})
"""Kinds that may change the policy or what is kept beside it."""
_MOST_MESSAGE_CHARACTERS: Final = 1_000
"""Six bytes each at most, as JSON."""

Action = Literal["accept", "reject", "shadowReject"]

log = get_log(__name__)


@attrs.frozen
class _Answer:
    event_id: str
    action: Action
    message: str = ""

    def __bytes__(self) -> bytes:
        members = {"id": self.event_id, "action": self.action, "msg": self.message}
        return orjson.dumps(members, option=orjson.OPT_APPEND_NEWLINE)


class LineHost:
    """Answers one line after the other."""

    def __init__(self, gate: Gate, *, let_through: Collection[str] = ()) -> None:
        """:param gate: open, with its plugins.
        :param let_through: of :data:`SOURCES`, those whose events are accepted unasked.
        """
        self._gate = gate.blocking
        self._let_through = frozenset(let_through)

    def answer(self, line: bytes) -> bytes:
        """The line that answers a line, its end included. Never raises."""
        event_id = ""
        try:
            asked = orjson.loads(line)
            event_id = _id_in(asked)
            answer = self._answer(asked)
        except (orjson.JSONDecodeError, MalformedEvent, _NoQuestion) as error:
            answer = _Answer(event_id, "reject", f"error: this is no event to decide: {error}")
        except Exception:
            log.exception("a line could not be answered")
            answer = _Answer(event_id, "reject", "error: the policy could not be evaluated")
        return bytes(attrs.evolve(answer, message=answer.message[:_MOST_MESSAGE_CHARACTERS]))

    def _answer(self, asked: Any) -> _Answer:
        if not isinstance(asked, dict):
            raise _NoQuestion("it is no JSON object")
        if asked.get("type") != "new":
            raise _NoQuestion("its type is not 'new'")
        event = read_event(asked.get("event"))
        context = _context(asked)
        is_let_through = asked.get("sourceType") in self._let_through
        if event.kind not in _SLOW:
            accepted = Decision.accept()
            return _decided(event.id, accepted if is_let_through else self._write(event, context))
        return _in_time(lambda: self._slowly(event, context, is_let_through=is_let_through))

    def _write(self, event: FrozenEvent, context: Context) -> Decision:
        return self._gate.write(event, context)

    def _slowly(self, event: FrozenEvent, context: Context, *, is_let_through: bool) -> _Answer:
        """The answer for which a disk or a lock may have to be waited for."""
        if event.kind == POLICY_EVENT_KIND:
            return self._change(event, context)
        if event.kind == kinds.DELETION and not is_let_through:
            return self._delete(event, context)
        decision = Decision.accept() if is_let_through else self._write(event, context)
        if event.kind in kinds.LISTS and decision.accepted and not decision.shadowed:
            tell = self._gate.kind3 if event.kind == kinds.FOLLOW_LIST else self._gate.list_event
            tell(event, context)
        return _decided(event.id, decision)

    def _change(self, event: FrozenEvent, context: Context) -> _Answer:
        """Have a policy event applied, which is never stored. strfry tells a client of a reason
        only where it tells of a refusal: that one was applied, the client is told without a word.
        """
        decision = self._gate.policy_event(event, context)
        if not decision.accepted:
            return _Answer(event.id, "reject", decision.message)
        log.info("%s: %s", event.id, decision.message)
        return _Answer(event.id, "shadowReject")

    def _delete(self, event: FrozenEvent, context: Context) -> _Answer:
        """The answer to a kind 5. Where it has withdrawn a contribution that is done, whatever
        becomes of the kind 5 itself.
        """
        withdrawn = self._gate.withdrawal(event, context)
        if withdrawn is not None and not withdrawn.accepted:
            return _Answer(event.id, "reject", withdrawn.message)
        answer = _decided(event.id, self._write(event, context))
        if withdrawn is None or answer.action == "accept":
            return answer
        log.info("%s: %s; it is not stored: %s", event.id, withdrawn.message, answer.message)
        return _Answer(event.id, "shadowReject")


def _in_time(answer: Callable[[], _Answer]) -> _Answer:
    """An answer that may have to be waited for, while strfry waits for us.

    :raises TimeoutError: it takes too long. It goes on, and its outcome is in the log.
    """
    outcome: list[_Answer | BaseException] = []

    def run() -> None:
        try:
            outcome.append(answer())
        except BaseException as error:  # noqa: BLE001 -- it is raised where it is waited for
            outcome.append(error)

    thread = threading.Thread(target=run, name="orly-policy-strfry", daemon=True)
    thread.start()
    thread.join(ANSWER_SECONDS)
    if not outcome:
        raise TimeoutError("no answer in time")
    (found,) = outcome
    if isinstance(found, BaseException):
        raise found
    return found


class _NoQuestion(ValueError):
    """A line that asks nothing; the text says why."""


def _decided(event_id: str, decision: Decision) -> _Answer:
    if decision.shadowed:
        return _Answer(event_id, "shadowReject")
    if decision.accepted:
        return _Answer(event_id, "accept")
    return _Answer(event_id, "reject", decision.message)


def _id_in(asked: Any) -> str:
    """The id to answer with, whatever else is wrong."""
    event = asked.get("event") if isinstance(asked, dict) else None
    event_id = event.get("id") if isinstance(event, dict) else None
    return event_id if isinstance(event_id, str) and is_hex32(event_id) else ""


def _context(asked: dict[str, Any]) -> Context:
    source, authed = asked.get("sourceType"), asked.get("authed")
    info = asked.get("sourceInfo")
    is_client = source in ("IP4", "IP6")
    return Context(
        authenticated=(authed,) if isinstance(authed, str) and is_hex32(authed) else (),
        ip=info if is_client and isinstance(info, str) else "",
        origin=_ORIGINS.get(str(source), Origin.CLIENT),
    )
