"""A decision as an entry: the fields of OPA's decision log, as far as they fit."""

import os
import re
import uuid
from datetime import UTC, datetime
from typing import Any, Final

import attrs

from orly_policy_hookspecs import Context, Decision, Event
from orly_policy_hookspecs.decision import Asked
from orly_policy_hookspecs.nip01.events import event_json

from ..shadow import Compared

_HEX: Final = re.compile(r"\b([0-9a-f]{8})[0-9a-f]{56}\b")


@attrs.frozen
class Decided:
    """A decision that was made."""

    at: float
    """Unix seconds."""
    access: Asked
    event: Event
    context: Context
    decision: Decision
    seconds: float
    """That it took."""
    version: str
    """The policy's, in force when it was told."""
    shadow: "OfShadow | None" = None
    """Where the shadow policy differs."""


@attrs.frozen
class OfShadow:
    """What the shadow policy would have decided instead."""

    version: str
    compared: Compared


def entry_of(decided: Decided) -> dict[str, Any]:
    """The entry of a decision, as a JSON value."""
    decision, context = decided.decision, decided.context
    of_shadow = {} if decided.shadow is None else {"shadow": _shadow(decided.shadow)}
    return {
        "decision_id": str(uuid.uuid4()),
        "timestamp": _timestamp(decided.at),
        "labels": {"worker": str(os.getpid())},
        "revision": decided.version,
        "path": decision.place,
        "requested_by": context.ip,
        "input": {
            "access": decided.access,
            "event": event_json(decided.event),
            "authenticated": list(context.authenticated),
            "ip": context.ip,
            "origin": context.origin.value,
        },
        "result": {
            "outcome": decision.verdict.value,
            "accepted": decision.accepted,
            "message": decision.message,
            "plugin": decision.source,
        },
        "metrics": {"timer_decision_ns": round(decided.seconds * 1e9)},
        **of_shadow,
    }


def _shadow(of: OfShadow) -> dict[str, str]:
    compared = of.compared
    return {
        "revision": of.version,
        "outcome": compared.outcome,
        "path": compared.place,
        "message": compared.message,
    }


def dropped_entry(at: float, dropped: int) -> dict[str, Any]:
    """An entry that stands for so many that are missing."""
    return {
        "timestamp": _timestamp(at),
        "labels": {"worker": str(os.getpid())},
        "dropped": dropped,
    }


def is_of_shadow(value: Any) -> bool:
    """Whether a JSON value is an entry about a decision that has its own."""
    return is_entry(value) and "shadow" in value


def is_entry(value: Any) -> bool:
    """Whether a JSON value is the entry of a decision."""
    return isinstance(value, dict) and "labels" in value and isinstance(value.get("input"), dict)


def is_dropped(value: Any) -> bool:
    """Whether a JSON value is an entry that stands for missing ones."""
    return isinstance(value, dict) and "labels" in value and type(value.get("dropped")) is int


def shortened(value: Any) -> Any:
    """A JSON value with the keys and ids in it cut to their first eight digits."""
    if isinstance(value, str):
        return _HEX.sub(r"\1…", value)
    if isinstance(value, list):
        return [shortened(each) for each in value]
    if isinstance(value, dict):
        return {name: shortened(each) for name, each in value.items()}
    return value


def _timestamp(at: float) -> str:
    """RFC 3339, in milliseconds."""
    moment = datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")
    return moment.replace("+00:00", "Z")
