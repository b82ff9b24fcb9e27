"""The small parts of which schemas are made."""

from collections.abc import Mapping
from typing import Any, Final

from ..policy.regexes import LONGEST_PATTERN
from ..policy.values import LARGEST_INTEGER, LARGEST_KIND

Schema = dict[str, Any]
"""A JSON Schema, as a JSON value."""

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
COMMENTS: Final = "^[_$]"
"""Keys that are comments."""
ANYTHING: Final[Schema] = {}

KIND: Final[Schema] = {"type": "integer", "minimum": 0, "maximum": LARGEST_KIND}
KIND_KEY: Final = (
    "^(0|[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])$"
)
"""A kind as a key of ``rules``."""
_SAID_BY_EDITORS: Final = "patternErrorMessage"
"""An annotation that VS Code and its language server show in the place of a pattern."""
_PUBKEY: Final = "[0-9a-fA-F]{64}|npub1[02-9ac-hj-np-z]{58}|NPUB1[02-9AC-HJ-NP-Z]{58}"
_LIST_NAME: Final = "[A-Za-z0-9][A-Za-z0-9_-]{0,39}"
PUBKEY: Final[Schema] = {
    "type": "string",
    "pattern": f"^({_PUBKEY})$",
    "description": "a public key: 64 hex characters or npub1…",
    _SAID_BY_EDITORS: "a public key is 64 hex characters or npub1…",
}
PUBKEY_OR_LIST: Final[Schema] = {
    "type": "string",
    "pattern": f"^({_PUBKEY}|@{_LIST_NAME})$",
    "description": "a public key: 64 hex characters or npub1…; or @ and the name of a list",
    _SAID_BY_EDITORS: "a public key is 64 hex characters or npub1…, a list is @ and its name",
}
LIST_NAME: Final = f"^{_LIST_NAME}$"
WHOLE_NUMBER: Final[Schema] = {"type": "integer", "minimum": 0, "maximum": LARGEST_INTEGER}
TEXT: Final[Schema] = {"type": "string"}
PATH: Final[Schema] = {"type": "string", "minLength": 1}
BOOLEAN: Final[Schema] = {"type": "boolean"}
REGEX: Final[Schema] = {"type": "string", "minLength": 1, "maxLength": LONGEST_PATTERN}
"""RE2's syntax is not that of ``format``: whether it is right only the reader tells."""
TAG_NAME: Final[Schema] = {"type": "string", "minLength": 1, "not": {"pattern": "^#.$"}}

_N: Final = "[0-9]+([.][0-9]+)?"
DURATION: Final[Schema] = {
    "type": "string",
    "maxLength": 100,
    "pattern": (
        f"^[Pp](?!$)({_N}[Yy])?({_N}[Mm])?({_N}[Ww])?({_N}[Dd])?"
        f"([Tt](?=[0-9])({_N}[Hh])?({_N}[Mm])?({_N}[Ss])?)?$"
    ),
    "examples": ["PT10M", "P7D"],
    _SAID_BY_EDITORS: "a duration is such as PT10M (10 minutes) or P7D (7 days)",
}


def list_of(items: Schema) -> Schema:
    """A list."""
    return {"type": "array", "items": items}


def object_of(properties: Mapping[str, Schema], **more: Any) -> Schema:
    """An object with these members and comments; each may be null, which is as not written."""
    return {
        "type": "object",
        "properties": {key: or_null(each) for key, each in properties.items()},
        "patternProperties": {COMMENTS: ANYTHING},
        "additionalProperties": False,
        **more,
    }


def mapping_of(keys: str, values: Schema) -> Schema:
    """An object whose keys have a pattern, and comments."""
    return {
        "type": "object",
        "patternProperties": {keys: or_null(values), COMMENTS: ANYTHING},
        "additionalProperties": False,
    }


def or_null(schema: Schema) -> Schema:
    """The same, or null. Definitions that are referred to may be null already. Without ``anyOf``,
    so that an error is told at its own place.
    """
    made = dict(schema)
    if isinstance(types := schema.get("type"), str):
        made["type"] = [types, "null"]
    if "enum" in schema:
        made["enum"] = [*schema["enum"], None]
    return made
