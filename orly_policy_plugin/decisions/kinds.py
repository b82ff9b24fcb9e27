"""The kind filter: ``kind.whitelist`` and ``kind.blacklist`` (section 1 of the spec)."""

from typing import ClassVar, Final

import attrs

from orly_policy_hookspecs import Decision, Event

from .conditions import PASSES, Condition, Finding, Foresight, Keys
from .exempt import NOBODY, Exempt

_CLOSED: Final = Foresight(Decision.reject("blocked: this kind is not allowed here"))


@attrs.frozen
class _OfKind(Condition):
    def seen(self, event: Event, keys: Keys, now: int) -> str:
        return f"kind {event.kind}"


@attrs.frozen
class KindPasses(_OfKind):
    """The kind filter lets this kind on; known when the policy is compiled."""

    why: str

    always_passes: ClassVar[bool] = True

    def foresees(self, keys: Keys) -> Foresight:
        return PASSES

    def check(self, event: Event, keys: Keys, now: int) -> Finding:
        return None

    @property
    def limit(self) -> str:
        return self.why


@attrs.frozen
class NotInWhitelist(_OfKind):
    """The whitelist names kinds, and not this one."""

    def foresees(self, keys: Keys) -> Foresight:
        return _CLOSED

    def check(self, event: Event, keys: Keys, now: int) -> Finding:
        return Decision.reject(
            f"blocked: kind {event.kind} is not in the kind whitelist", self.place
        )

    @property
    def limit(self) -> str:
        return "in the whitelist"


@attrs.frozen
class InBlacklist(_OfKind):
    """The blacklist names this kind."""

    exempt: Exempt = NOBODY

    def foresees(self, keys: Keys) -> Foresight:
        return PASSES if self.exempt.exempts_reader(keys) else _CLOSED

    def check(self, event: Event, keys: Keys, now: int) -> Finding:
        if self.exempt.exempts(event, keys):
            return None
        return Decision.reject(f"blocked: kind {event.kind} is in the kind blacklist", self.place)

    @property
    def limit(self) -> str:
        return "not in the blacklist"


@attrs.frozen
class NotAPolicyEvent(_OfKind):
    """Kind 12345 is no ordinary write: hosts give it to ``on_policy_event`` alone."""

    def check(self, event: Event, keys: Keys, now: int) -> Finding:
        return Decision.reject("blocked: policy events (kind 12345) are not stored", self.place)

    @property
    def limit(self) -> str:
        return "not kind 12345"
