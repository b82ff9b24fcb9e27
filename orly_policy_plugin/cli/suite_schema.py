"""The JSON Schema of a policy test suite, which :mod:`.test.suites` reads."""

from collections.abc import Mapping
from typing import Final

from orly_policy_hookspecs.criteria import Registered
from orly_policy_plugin.schemas import DIALECT, Schema, parts, policy_schema

_HEX32: Final[Schema] = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
_EVENT: Final[Schema] = {
    "type": "object",
    "description": "an event (NIP-01), of which what does not matter is left out",
    "properties": {
        "id": _HEX32,
        "pubkey": _HEX32,
        "created_at": parts.WHOLE_NUMBER,
        "kind": parts.KIND,
        "tags": parts.list_of({**parts.list_of(parts.TEXT), "minItems": 1}),
        "content": parts.TEXT,
        "sig": {"type": "string", "pattern": "^[0-9a-f]{128}$"},
    },
    "additionalProperties": False,
}
_KEYS: Final = parts.list_of(parts.PUBKEY)

CASE: Final[Mapping[str, Schema]] = {
    "access": {"enum": ["write", "read"], "description": "may it be stored; may it be read"},
    "event": _EVENT,
    "allowed": {**parts.BOOLEAN, "description": "the right answer"},
    "authed": {
        "type": ["string", "array"],
        "pattern": f"{parts.PUBKEY['pattern']}|^$",
        "items": parts.PUBKEY,
        "description": "who authenticated: a key, a list of several, or nobody",
    },
    "now": {**parts.WHOLE_NUMBER, "description": "Unix seconds, where not the suite's"},
    "name": {**parts.TEXT, "description": "shown where it fails"},
    "message": {**parts.TEXT, "description": "how the client's message begins"},
    "place": {**parts.TEXT, "description": "the place that decides"},
    "ip": {**parts.TEXT, "description": "the client's address, for scripts"},
    "because": {"description": "why; only informs"},
    "orly_0_31_7": {"description": "ORLY's own answer; only informs"},
}
"""The members of a case, by key."""
SUITE: Final[Mapping[str, Schema]] = {
    "name": {**parts.TEXT, "description": "shown where a case fails"},
    "now": {**parts.WHOLE_NUMBER, "description": "Unix seconds to decide at; else the time now"},
    "follows": {
        **parts.mapping_of(parts.PUBKEY["pattern"], _KEYS),
        "description": "follow lists: author to the keys that the author follows",
    },
    "lists": {
        **parts.mapping_of(parts.LIST_NAME, _KEYS),
        "description": "the keys of the policy's named lists, by name",
    },
    "cases": {
        "type": "array",
        "minItems": 1,
        "items": parts.object_of(CASE, required=["access", "event", "allowed"]),
        "description": "questions to the policy, with the right answers",
    },
}
"""The members of a suite besides its policy, by key."""


def suite_schema(criteria: Mapping[str, Registered]) -> Schema:
    """A file of suites: one, or a list of them.

    :param criteria: that the policy's rules may use.
    """
    policy = policy_schema(criteria)
    definitions = policy.pop("$defs")
    suite = parts.object_of({**SUITE, "policy": policy}, required=["cases"])
    reference = {"$ref": "#/$defs/suite"}
    return {
        "$schema": DIALECT,
        "title": "A policy test suite",
        "if": {"type": "array"},
        "then": {"items": reference},
        "else": reference,
        "$defs": {**definitions, "suite": suite},
    }
