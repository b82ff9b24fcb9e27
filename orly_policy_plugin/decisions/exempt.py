"""Nobody is shut out by an admin: no denial that comes from an admin's event applies to a
submitter or author who is an owner or a policy admin (section 8 of the spec).
"""

from typing import Final

import attrs

from orly_policy_hookspecs import Decision, Event

from .conditions import GRANT, Condition, Finding, Foresight, Keys


@attrs.frozen
class Exempt:
    """Those to whom admins' denials do not apply."""

    keys: frozenset[str] = frozenset()
    """Owners and policy admins; nobody for the owner's own rules."""
    looks_at_author: bool = False
    """Whether the event's author counts as well as the submitter: for writes."""

    def exempts(self, event: Event, keys: Keys) -> bool:
        """Whether a denial of this event and submitter does not count."""
        if not self.keys:
            return False
        if self.exempts_reader(keys):
            return True
        return self.looks_at_author and event.pubkey in self.keys

    def exempts_reader(self, keys: Keys) -> bool:
        """Whether no denial counts for these, whatever the event."""
        return not self.keys.isdisjoint(keys)


NOBODY: Final = Exempt()
"""For the owner's own rules."""


@attrs.frozen
class FromAdmin(Condition):
    """A condition of a rule that an admin added."""

    inner: Condition
    exempt: Exempt
    may_grant: bool
    """``False`` for reading what stays private: an admin's rule grants nothing there."""

    def check(self, event: Event, keys: Keys, now: int) -> Finding:
        answer = self.inner.check(event, keys, now)
        if answer is GRANT:
            return GRANT if self.may_grant else None
        if isinstance(answer, Decision) and self.exempt.exempts(event, keys):
            return None
        return answer

    def seen(self, event: Event, keys: Keys, now: int) -> str:
        return self.inner.seen(event, keys, now)

    @property
    def limit(self) -> str:
        return f"{self.inner.limit} (an admin's rule: not for owners and admins)"

    @property
    def could_grant(self) -> bool:
        return self.may_grant and self.inner.could_grant

    def foresees(self, keys: Keys) -> Foresight:
        inner = self.inner.foresees(keys)
        if not self.may_grant:
            inner = attrs.evolve(inner, grants=False, grants_parties=False)
        if self.exempt.exempts_reader(keys):
            return attrs.evolve(inner, denies=None, may_deny=False, denies_others=None)
        return inner
