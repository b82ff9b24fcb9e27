"""The schemas of whole documents: a policy, a contribution."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from orly_policy_hookspecs.criteria import Registered

from ..authority.contributions import Content, Extension
from ..policy import GlobalRule, KindLists, ListSource, Policy, Rule
from ..policy.named_lists import BESIDE
from .models import Reading, schema_of_model
from .parts import DIALECT, PUBKEY, PUBKEY_OR_LIST, Schema, or_null

_NO_CRITERIA: Final[Mapping[str, Registered]] = MappingProxyType({})


def policy_schema(criteria: Mapping[str, Registered] = _NO_CRITERIA) -> Schema:
    """A policy file.

    :param criteria: that rules may use.
    """
    return {
        "$schema": DIALECT,
        "title": "A policy",
        **schema_of_model(Policy, Reading(PUBKEY, _POLICYS)),
        "not": _LIFTS_BOTH_WITH_KINDS,
        "$defs": _definitions_of_policy(criteria),
    }


def contribution_schema() -> Schema:
    """The content of a policy admin's event."""
    reading = Reading(PUBKEY, _CONTRIBUTIONS)
    return {
        "$schema": DIALECT,
        "title": "A contribution",
        **schema_of_model(Content, reading),
        "$defs": {
            "extension": or_null(schema_of_model(Extension, reading)),
            "rule": or_null(schema_of_model(Rule, reading)),
        },
    }


_POLICYS: Final = MappingProxyType(
    {
        "kind lists": "kind_lists",
        "rule": "global_rule",
        "kind → rule": "rule",
        "name → list": "list",
    }
)
_CONTRIBUTIONS: Final = MappingProxyType(
    {"extension": "extension", "kind → extension": "extension", "kind → rule": "rule"}
)


def _definitions_of_policy(criteria: Mapping[str, Registered]) -> dict[str, Schema]:
    """The parts that the schema of a policy refers to."""
    reading = Reading(PUBKEY_OR_LIST, _POLICYS, criteria)
    return {
        "kind_lists": or_null(schema_of_model(KindLists, reading)),
        "global_rule": or_null(schema_of_model(GlobalRule, reading)),
        "rule": or_null(schema_of_model(Rule, reading)),
        "list": or_null(schema_of_model(ListSource, reading)) | _ONE_FORM,
    }


_ONE_FORM: Final[Schema] = {
    "oneOf": [{"required": [form]} for form in BESIDE],
    "dependentRequired": {
        "author": ["kind"],
        "follows_of": ["hops", "followers"],
    },
    "dependentSchemas": {
        name: {"anyOf": [{"required": [form]} for form in BESIDE if name in BESIDE[form]]}
        for name in sorted(frozenset().union(*BESIDE.values()))
    },
}
"""A source of a list is one of several, with what stands beside that."""
_BOTH_ARE_LIFTED: Final[Schema] = {
    "required": ["read_allow_permissive", "write_allow_permissive"],
    "properties": {
        "read_allow_permissive": {"const": True},
        "write_allow_permissive": {"const": True},
    },
}
_HAS_KINDS: Final[Schema] = {
    "anyOf": [
        {"required": [name], "properties": {name: {"type": "array", "minItems": 1}}}
        for name in ("whitelist", "blacklist")
    ]
}
_LIFTS_BOTH_WITH_KINDS: Final[Schema] = {
    "required": ["global", "kind"],
    "properties": {"global": _BOTH_ARE_LIFTED, "kind": _HAS_KINDS},
}
"""The one contradiction of two places."""
