"""What can be said of a reader and a kind before any event is looked at. Pure.

A relay that knows it asks its store only for what the reader may see: it costs no time to pass
over what is hidden, and time tells nobody that it is there. It is a promise about
:func:`.hooks.on_read`: an event may still be refused for what it is, and never be granted beyond.
"""

from collections.abc import Collection, Iterable
from typing import Final, Protocol, Self

import attrs

from .combining import combine
from .decision import Decision, Verdict


@attrs.frozen
class ReadScope:
    """Of one reader and one kind."""

    denial: Decision | None = None
    """The refusal that every event gets; ``None`` where some event might be handed out."""
    denial_of_others: Decision | None = None
    """The refusal that every event gets of which the reader is no party, neither the author nor
    named in a ``p`` tag; ``None`` where some such event might be handed out."""
    grants_rest: bool = False
    """Whether every event that these leave is handed out: there is nothing to ask any more."""
    tells_addresses_apart: bool = True
    """Whether the answer may be another for a reader who differs by the IP address alone."""


NOTHING_KNOWN: Final = ReadScope()
"""Of a plugin that says nothing: every event is to be asked about."""
HINDERS_NOTHING: Final = ReadScope(grants_rest=True, tells_addresses_apart=False)
"""Of a plugin that hands out everything."""


class ReadScopes(Protocol):
    """Of one reader, for every kind. An object says the same all its life: what has changed is
    another object.
    """

    @property
    def named(self) -> Collection[int]:
        """The kinds that differ from :attr:`others`."""

    @property
    def others(self) -> ReadScope:
        """Of all kinds that are not named."""

    def of_kind(self, kind: int) -> ReadScope:
        """Of a kind, named or not."""


@attrs.frozen
class SameForAllKinds:
    """Scopes that do not look at the kind."""

    others: ReadScope
    named: frozenset[int] = frozenset()

    def of_kind(self, kind: int) -> ReadScope:
        """The same for each."""
        return self.others


@attrs.frozen
class Kinds:
    """Kinds by what is known of them."""

    open: frozenset[int]
    """Some of whose events the reader might be given, whoever is a party."""
    for_parties: frozenset[int]
    """Of whose events the reader might be given those to which he is a party."""
    closed: frozenset[int]
    """Of which the reader is given nothing."""

    @classmethod
    def by_scope(cls, kinds: Iterable[int], scopes: ReadScopes) -> Self:
        """As a reader's scopes say."""
        open_, for_parties, closed = list[int](), list[int](), list[int]()
        for kind in kinds:
            scope = scopes.of_kind(kind)
            if scope.denial is not None:
                closed.append(kind)
            elif scope.denial_of_others is not None:
                for_parties.append(kind)
            else:
                open_.append(kind)
        return cls(frozenset(open_), frozenset(for_parties), frozenset(closed))


@attrs.frozen(eq=False)
class CombinedScopes:
    """What all plugins say together of one reader."""

    _all: tuple[ReadScopes, ...]
    _fallback_counts: bool
    _known: dict[int | None, ReadScope] = attrs.field(factory=dict, eq=False, repr=False)

    _kinds: list[Kinds] = attrs.field(factory=list, repr=False)

    @property
    def named(self) -> frozenset[int]:
        """Whatever one of them names."""
        return frozenset().union(*(each.named for each in self._all))

    @property
    def named_kinds(self) -> Kinds:
        """The kinds that are named, sorted once."""
        if not self._kinds:
            self._kinds.append(Kinds.by_scope(self.named, self))
        return self._kinds[0]

    @property
    def others(self) -> ReadScope:
        """Of all kinds that none of them names."""
        known = self._known.get(None)
        if known is None:
            known = self._known[None] = self._combined(each.others for each in self._all)
        return known

    def of_kind(self, kind: int) -> ReadScope:
        """Of a kind."""
        known = self._known.get(kind)
        if known is None:
            known = self._known[kind] = self._combined(each.of_kind(kind) for each in self._all)
        return known

    def _combined(self, scopes: Iterable[ReadScope]) -> ReadScope:
        given = [each if self._is_final(each) else _might_be_overruled(each) for each in scopes]
        return ReadScope(
            _strongest(scope.denial for scope in given),
            _strongest(scope.denial_of_others for scope in given),
            grants_rest=all(scope.grants_rest for scope in given),
            tells_addresses_apart=any(scope.tells_addresses_apart for scope in given),
        )

    def _is_final(self, scope: ReadScope) -> bool:
        return self._fallback_counts or not (
            _is_fallback(scope.denial) or _is_fallback(scope.denial_of_others)
        )


def _is_fallback(denial: Decision | None) -> bool:
    return denial is not None and denial.verdict is Verdict.FALLBACK


def _might_be_overruled(scope: ReadScope) -> ReadScope:
    """What is left of a scope where another plugin may vouch: it grants nothing for certain."""
    return ReadScope(
        None if _is_fallback(scope.denial) else scope.denial,
        None if _is_fallback(scope.denial_of_others) else scope.denial_of_others,
        tells_addresses_apart=scope.tells_addresses_apart,
    )


def _strongest(denials: Iterable[Decision | None]) -> Decision | None:
    given = [denial for denial in denials if denial is not None]
    return combine(given) if given else None


def combined(scopes: Iterable[ReadScopes], *, fallback_counts: bool) -> CombinedScopes:
    """What several plugins' scopes come to: none hands out what another refuses.

    :param fallback_counts: whether a refusal by default is final: no other plugin may vouch.
    """
    return CombinedScopes(tuple(scopes), fallback_counts)
