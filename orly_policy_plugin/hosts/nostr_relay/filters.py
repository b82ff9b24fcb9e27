"""What a REQ asks for, looked at before nostr-relay builds a query of it."""

import re
from collections.abc import Iterator
from typing import TypeGuard

from orly_policy_hookspecs import Decision

from ...decisions import Snapshot, closed_to_unauthenticated

_SUBSCRIPTION_ID = re.compile(r'[^"\\\x00-\x1f]{1,64}')
_TAG_FILTER = re.compile(r"#[A-Za-z]")
_MOST_KINDS = 1000


def wrong_request(subscription: str, filters: list[object]) -> str | None:
    """Why a REQ cannot be served, as a CLOSED message, or ``None``.

    nostr-relay pastes a tag filter's name into SQL as it is, whatever the character
    (``#'``): only an ASCII letter may pass.
    """
    if not _SUBSCRIPTION_ID.fullmatch(subscription):
        return "invalid: a subscription id has 1 to 64 characters, without quotes"
    if not filters:
        return "invalid: a REQ has at least one filter"
    for filter_ in filters:
        if not isinstance(filter_, dict):
            return "invalid: a filter is a JSON object"
        for name, values in filter_.items():
            if not name.startswith("#"):
                continue
            if not _TAG_FILTER.fullmatch(name):
                return "invalid: a tag filter is # and one letter"
            if not isinstance(values, list) or not all(isinstance(v, str) for v in values):
                return f"invalid: {name} is a list of texts"
    return None


def closed_for_want_of_auth(
    snapshot: Snapshot, filters: list[object], *, fallback_counts: bool
) -> str | None:
    """Why a REQ of somebody unauthenticated is useless, as a CLOSED message, or ``None``.

    It is where every filter names kinds, nobody unauthenticated could be given any of them, and
    authenticating could help with one.

    :param fallback_counts: whether a denial by ``default_policy`` is final: no plugin may vouch.
    """
    message = None
    for kind in _named_kinds(filters):
        denial = None
        if kind is not None:
            denial = closed_to_unauthenticated(snapshot.reads.for_kind(kind))
        if denial is None or not (fallback_counts or _is_firm(denial)):
            return None
        if message is None and denial.message.startswith("auth-required:"):
            message = denial.message
    return message


def _is_firm(denial: Decision) -> bool:
    return denial.verdict.value == "reject"


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
