"""What a REQ asks for, looked at before nostr-relay builds a query of it."""

import re
from collections.abc import Iterator
from typing import TypeGuard

from orly_policy_hookspecs.reading import ReadScopes

_SUBSCRIPTION_ID = re.compile(r'[^"\\\x00-\x1f]{1,64}')
_TAG_FILTER = re.compile(r"#[A-Za-z]")
_HEX = re.compile(r"[0-9a-fA-F]{64}")
_LARGEST = {"since": 2145934799, "until": 2145934799, "limit": 2**63 - 1}
"""What nostr-relay takes; it drops a filter with more."""
_MOST_FILTERS = 100
"""SQLite nests a statement's conditions at most 1,000 deep."""
_MOST_KINDS = 1000


def wrong_request(subscription: str, filters: list[object]) -> str | None:
    """Why a REQ cannot be served, as a CLOSED message, or ``None``.

    nostr-relay silently drops a filter that it cannot read, or ends the connection.
    """
    if not _SUBSCRIPTION_ID.fullmatch(subscription):
        return "invalid: a subscription id has 1 to 64 characters, without quotes"
    if not filters:
        return "invalid: a REQ has at least one filter"
    if len(filters) > _MOST_FILTERS:
        return f"invalid: a REQ has at most {_MOST_FILTERS} filters"
    for filter_ in filters:
        if not isinstance(filter_, dict):
            return "invalid: a filter is a JSON object"
        for name, value in filter_.items():
            if problem := _wrong_field(name, value):
                return f"invalid: {problem}"
    return None


def _wrong_field(name: str, value: object) -> str | None:
    if name.startswith("#"):
        return _wrong_tag_filter(name, value)
    if name in ("ids", "authors"):
        if not (isinstance(value, list) and all(map(_is_hex, value))):
            return f"{name} is a list of texts of 64 hex characters"
    elif name == "kinds":
        if not (isinstance(value, list) and all(_is_number(kind, 65535) for kind in value)):
            return "kinds is a list of whole numbers between 0 and 65535"
    elif name in _LARGEST:
        if value is not None and not _is_number(value, _LARGEST[name]):
            return f"{name} is a whole number between 0 and {_LARGEST[name]}"
    elif name == "search" and not isinstance(value, str | None):
        return "search is a text"
    return None


def _wrong_tag_filter(name: str, values: object) -> str | None:
    """nostr-relay pastes the name into SQL as it is, whatever the character (``#'``): only an
    ASCII letter may pass.
    """
    if not _TAG_FILTER.fullmatch(name):
        return "a tag filter is # and one letter"
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        return f"{name} is a list of texts"
    if any("\0" in value for value in values):
        return f"{name} has a null character"
    return None


def _is_hex(value: object) -> bool:
    return isinstance(value, str) and _HEX.fullmatch(value) is not None


def _is_number(value: object, largest: int) -> bool:
    return type(value) is int and 0 <= value <= largest


def closed_for_want_of_auth(scopes: ReadScopes, filters: list[object]) -> str | None:
    """Why a REQ of somebody unauthenticated is useless, as a CLOSED message, or ``None``.

    It is where every filter names kinds, nobody unauthenticated could be given any of them, and
    authenticating could help with one.
    """
    message = None
    for kind in _named_kinds(filters):
        denial = None if kind is None else scopes.of_kind(kind).denial
        if denial is None:
            return None
        if message is None and denial.message.startswith("auth-required:"):
            message = denial.message
    return message


def _named_kinds(filters: list[object]) -> Iterator[int | None]:
    """Every kind that a filter names; ``None`` for a filter that is open as to kinds."""
    for filter_ in filters:
        kinds = filter_.get("kinds") if isinstance(filter_, dict) else None
        if _are_kinds(kinds):
            yield from kinds
        else:
            yield None


def _are_kinds(value: object) -> TypeGuard[list[int]]:
    return (
        isinstance(value, list)
        and 0 < len(value) <= _MOST_KINDS
        and all(type(kind) is int for kind in value)
    )
