"""Ask a store what it knows of an event, before anybody decides about it."""

from collections.abc import AsyncIterator, Collection, Mapping
from typing import Final

import attrs

from orly_policy_hookspecs.nip01 import (
    Address,
    Filter,
    FrozenEvent,
    KindClass,
    Position,
    address_of,
    class_of,
    kinds,
    replaces,
)

from .deletions import deletion_of, vanishing_of
from .host import Abilities, Host, Known

_VERSIONS_A_PAGE: Final = 50


async def recall(able: Abilities, event: FrozenEvent, relay_urls: Collection[str]) -> Known | None:
    """What a store knows of an event; ``None`` where it could be stored."""
    if able.recalls is not None:
        return await able.recalls.recall(event)
    host = able.host
    if await host.page(Filter(ids=frozenset({event.id})), None, 1):
        return Known.DUPLICATE
    address = address_of(event)
    newest = await _newest(host, address) if address else None
    if newest is not None and replaces(newest, event):
        return Known.SUPERSEDED
    if await _is_deleted(host, event, address) or await _has_vanished(host, event, relay_urls):
        return Known.DELETED
    return None


async def _newest(host: Host, address: Address) -> FrozenEvent | None:
    """The stored version of an address."""
    tags: Mapping[str, frozenset[str]] = {}
    if class_of(address.kind) is KindClass.ADDRESSABLE and address.identifier:
        tags = {"d": frozenset({address.identifier})}
    versions = Filter(
        kinds=frozenset({address.kind}), authors=frozenset({address.pubkey}), tags=tags
    )
    async for event in _all(host, versions):
        if address_of(event) == address:
            return event
    return None


async def _is_deleted(host: Host, event: FrozenEvent, address: Address | None) -> bool:
    if event.kind == kinds.DELETION:
        return False
    deletions = Filter(kinds=frozenset({kinds.DELETION}), authors=frozenset({event.pubkey}))
    by_id = attrs.evolve(deletions, tags={"e": frozenset({event.id})})
    if await host.page(by_id, None, 1):
        return True
    if address is None:
        return False
    later = attrs.evolve(deletions, since=event.created_at)  # an address is spelt in several ways
    return any([deletion_of(each).covers(event) async for each in _all(host, later)])


async def _has_vanished(host: Host, event: FrozenEvent, relay_urls: Collection[str]) -> bool:
    requests = Filter(
        kinds=frozenset({kinds.VANISH}),
        authors=frozenset({event.pubkey}),
        since=event.created_at,
    )
    async for request in _all(host, requests):
        vanishing = vanishing_of(request, relay_urls)
        if vanishing is not None and vanishing.forbids(event):
            return True
    return False


async def _all(host: Host, wanted: Filter) -> AsyncIterator[FrozenEvent]:
    before = None
    while events := await host.page(wanted, before, _VERSIONS_A_PAGE):
        for event in events:
            yield event
        if len(events) < _VERSIONS_A_PAGE:
            return
        before = Position.of(events[-1])
