"""NIP-01, once: events, ids, kinds, addresses, filters. Pure; the standard library and attrs."""

from . import kinds
from .addresses import Address, Position, address_of, replaces
from .events import Event, FrozenEvent, event_json, frozen
from .filter_index import FilterIndex
from .filters import Filter, FilterBounds, UnreadableFilter
from .hexes import is_hex32, is_hex64
from .ids import canonical, event_id, has_right_id
from .kinds import KindClass, class_of
from .tags import (
    TagValues,
    expires_at,
    is_expired,
    is_party,
    is_protected,
    names_one_of,
    tag_values,
    value_of,
    values_of,
)
from .urls import name_one_relay, normal_url
from .wellformed import FIELDS, MalformedEvent, is_unicode, malformed, read_event

__all__ = [
    "FIELDS",
    "Address",
    "Event",
    "Filter",
    "FilterBounds",
    "FilterIndex",
    "FrozenEvent",
    "KindClass",
    "MalformedEvent",
    "Position",
    "TagValues",
    "UnreadableFilter",
    "address_of",
    "canonical",
    "class_of",
    "event_id",
    "event_json",
    "expires_at",
    "frozen",
    "has_right_id",
    "is_expired",
    "is_hex32",
    "is_hex64",
    "is_party",
    "is_protected",
    "is_unicode",
    "kinds",
    "malformed",
    "name_one_relay",
    "names_one_of",
    "normal_url",
    "read_event",
    "replaces",
    "tag_values",
    "value_of",
    "values_of",
]
