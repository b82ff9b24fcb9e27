"""What can be said of a reader and a kind before any event is looked at. Pure.

A relay that knows it asks its store only for what the reader may see: it costs no time to pass
over what is hidden, and time tells nobody that it is there. It is a promise about
:func:`.hooks.on_read`: an event may still be refused for what it is, and never be granted beyond.
"""

import math
from collections.abc import Collection, Iterable
from functools import reduce
from typing import Final, Protocol, Self

import attrs

from .combining import combine
from .decision import Decision, Verdict


@attrs.frozen
class Sizes:
    """How large an event may be, in bytes (section 1 of the spec)."""

    event: float = math.inf
    """Of the event as compact JSON, as for ``size_limit``."""
    content: float = math.inf
    """Of its content as UTF-8, as for ``content_limit``."""

    def and_also(self, other: "Sizes") -> "Sizes":
        """The smaller of each."""
        return Sizes(min(self.event, other.event), min(self.content, other.content))


ANY_SIZE: Final = Sizes()


@attrs.frozen
class ReadScope:
    """What one reader may see of one kind."""

    denial: Decision | None = None
    """The refusal that every event gets; ``None`` where some event might be handed out."""
    denial_of_others: Decision | None = None
    """The refusal that every event gets of which the reader is no party, neither the author nor
    named in a ``p`` tag; ``None`` where some such event might be handed out."""
    grants_rest: bool = False
    """Whether every event that gets neither denial is handed out, so that nobody need be asked."""
    tells_addresses_apart: bool = True
    """Whether a reader with another IP address and the same keys might be answered otherwise."""
    grants_up_to: Sizes | None = None
    """The sizes up to which every event that gets neither denial is handed out, so that nobody
    need be asked about it; ``None`` where there are none. Of no account with
    :attr:`grants_rest`."""

    @property
    def sizes_granted(self) -> Sizes | None:
        """The same, and any size where all the rest is granted."""
        return ANY_SIZE if self.grants_rest else self.grants_up_to


NOTHING_KNOWN: Final = ReadScope()
"""The scope of a plugin that says nothing: every event is to be asked about."""
HINDERS_NOTHING: Final = ReadScope(grants_rest=True, tells_addresses_apart=False)
"""The scope of a plugin that hands out everything."""


class ReadScopes(Protocol):
    """What one reader may see of every kind. An object says the same all its life; after a change
    there is another object.
    """

    @property
    def named(self) -> Collection[int]:
        """The kinds that differ from :attr:`others`."""

    @property
    def others(self) -> ReadScope:
        """The scope of all kinds that are not named."""

    def of_kind(self, kind: int) -> ReadScope:
        """The scope of a kind, named or not."""


@attrs.frozen
class SameForAllKinds:
    """The same scope for every kind."""

    others: ReadScope
    named: frozenset[int] = frozenset()

    def of_kind(self, kind: int) -> ReadScope:
        """The one scope."""
        return self.others


@attrs.frozen
class Kinds:
    """Kinds, divided by what is known of them."""

    open: frozenset[int]
    """Kinds of which the reader might be given events of others."""
    for_parties: frozenset[int]
    """Kinds of which the reader might be given the events to which he is a party, no others."""
    closed: frozenset[int]
    """Kinds of which the reader is given nothing."""

    @classmethod
    def by_scope(cls, kinds: Iterable[int], scopes: ReadScopes) -> Self:
        """Divide the named kinds by a reader's scopes."""
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
    """What all plugins together let one reader see."""

    _all: tuple[ReadScopes, ...]
    _fallback_counts: bool
    _known: dict[int | None, ReadScope] = attrs.field(factory=dict, eq=False, repr=False)

    _kinds: list[Kinds] = attrs.field(factory=list, repr=False)

    @property
    def named(self) -> frozenset[int]:
        """The kinds that one of the plugins names."""
        return frozenset().union(*(each.named for each in self._all))

    @property
    def named_kinds(self) -> Kinds:
        """The named kinds, divided once."""
        if not self._kinds:
            self._kinds.append(Kinds.by_scope(self.named, self))
        return self._kinds[0]

    @property
    def others(self) -> ReadScope:
        """The scope of all kinds that no plugin names."""
        known = self._known.get(None)
        if known is None:
            known = self._known[None] = self._combined(each.others for each in self._all)
        return known

    def of_kind(self, kind: int) -> ReadScope:
        """The scope of a kind."""
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
            grants_up_to=granted_by_all(scope.sizes_granted for scope in given),
        )

    def _is_final(self, scope: ReadScope) -> bool:
        return self._fallback_counts or not (
            _is_fallback(scope.denial) or _is_fallback(scope.denial_of_others)
        )


def granted_by_all(sizes: Iterable[Sizes | None]) -> Sizes | None:
    """What is granted where each has a say: the smallest sizes; ``None`` where any is, or where
    it is to be asked.
    """
    given = list(sizes)
    granted = [each for each in given if each is not None]
    if len(granted) < len(given):
        return None
    smallest = reduce(Sizes.and_also, granted, ANY_SIZE)
    return None if smallest == ANY_SIZE else smallest


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
    """Combine the scopes of several plugins: none hands out what another refuses.

    :param fallback_counts: whether a refusal by default is final: no other plugin may vouch.
    """
    return CombinedScopes(tuple(scopes), fallback_counts)
