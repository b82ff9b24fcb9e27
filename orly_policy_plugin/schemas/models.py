"""The schema of a model, from the declarations of its fields."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

import attrs

from orly_policy_hookspecs.criteria import Registered

from ..policy.fields import Access, Field, fields_of, keys_of
from .parts import (
    ANYTHING,
    BOOLEAN,
    COMMENTS,
    DURATION,
    KIND,
    KIND_KEY,
    LIST_NAME,
    PATH,
    PUBKEY,
    REGEX,
    TAG_NAME,
    TEXT,
    WHOLE_NUMBER,
    Schema,
    list_of,
    mapping_of,
    object_of,
    or_null,
)

_SETTINGS: Final[Schema] = {"type": ["object", "boolean", "null"], "not": {"const": True}}

VALUES: Final[Mapping[str, Schema]] = MappingProxyType(
    {
        "text": TEXT,
        "path": PATH,
        "bool": BOOLEAN,
        "key": PUBKEY,
        "kinds": list_of(KIND),
        "tag names": list_of(TAG_NAME),
        "ISO-8601 duration": DURATION,
        "RE2": REGEX,
        "tag → RE2": {"type": "object", "additionalProperties": or_null(REGEX)},
        '`"allow"` or `"deny"`': {"enum": ["allow", "deny", ""]},
        "plugin → settings or `false`": {
            "type": "object",
            "patternProperties": {COMMENTS: ANYTHING},
            "additionalProperties": _SETTINGS,
        },
    }
)
"""By what a declaration calls a field's value. Numbers are told by the attribute's type."""


@attrs.frozen
class Reading:
    """How a document is read, as far as it is not the fields that say so."""

    key: Schema
    """An item of a rule's list of keys."""
    models: Mapping[str, str]
    """By what a declaration calls a field's value that is a model, the definition's name."""
    criteria: Mapping[str, Registered] | None = None
    """The criteria that rules may use; ``None``: rules have no field that is for owners only."""


def schema_of_model(model: type, reading: Reading) -> Schema:
    """An object with the model's fields."""
    types = {each.name: each.type for each in attrs.fields(model)}
    keys = keys_of(model)
    properties: dict[str, Schema] = {}
    for name, field in fields_of(model).items():
        if field.owners_only and reading.criteria is None:
            continue
        if field.prefix:
            properties |= {
                each: _criterion(registered)
                for each, registered in sorted((reading.criteria or {}).items())
            }
        else:
            properties[keys[name]] = _described(field, _value(types[name], field, reading))
    return object_of(properties)


def _value(type_: Any, field: Field, reading: Reading) -> Schema:
    """:raises KeyError: no schema is known of the field's values."""
    if type_ in (int, int | None):
        return WHOLE_NUMBER
    if type_ is type(None):  # said elsewhere, and ignored
        return ANYTHING
    if field.unit == "keys":
        return list_of(reading.key)
    if made := _OF_MODELS.get(field.unit):
        return made(reading.models[field.unit])
    return VALUES[field.unit]


def _refers(definition: str) -> Schema:
    return {"$ref": f"#/$defs/{definition}"}


_OF_MODELS: Final[Mapping[str, Callable[[str], Schema]]] = MappingProxyType(
    {
        "kind lists": _refers,
        "rule": _refers,
        "extension": _refers,
        "kind → rule": lambda name: mapping_of(KIND_KEY, _refers(name)),
        "kind → extension": lambda name: mapping_of(KIND_KEY, _refers(name)),
        "name → list": lambda name: mapping_of(LIST_NAME, _refers(name)),
    }
)


def _described(field: Field, schema: Schema) -> Schema:
    words = {"description": _sentence(field.means, field.asked_on, field.unit)}
    return {**schema, **words, **({"deprecated": True} if field.loses_to else {})}


def _sentence(means: str, asked_on: tuple[Access, ...], unit: str) -> str:
    """The words of a field for an editor."""
    asked = f" ({' and '.join(asked_on)})" if asked_on else ""
    what = unit.replace("`", "")
    return f"{what}{asked}: {means}" if means else f"{what}{asked}"


def _criterion(registered: Registered) -> Schema:
    """A criterion says in words what its value is."""
    criterion = registered.criterion
    means = f"a criterion of the plugin {registered.plugin}"
    words = {"description": _sentence(means, criterion.asked_on, criterion.unit)}
    return {**criterion.shape, **words}
