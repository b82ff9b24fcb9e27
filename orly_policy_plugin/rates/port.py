"""The port to who has written how much: what rates do, and nothing of where they are kept.

One process keeps averages in its memory; relays that share their limits keep them elsewhere, and
have to wait for it.
"""

from collections.abc import Awaitable, Sequence
from typing import Protocol

from orly_policy_hookspecs import Context, Decision, Event

from ..decisions import RateLimit

Charged = Decision | None
"""Why an event does not fit, or ``None`` where it does and has been charged."""


class Rates(Protocol):
    """The averages that rate limits are held against (section 6 of the spec)."""

    def charge(
        self, limits: Sequence[RateLimit], event: Event, context: Context
    ) -> Charged | Awaitable[Charged]:
        """Charge an event that everything else accepts, or say why it does not fit: in one step,
        and all of its limits or none.

        An exception denies the event.

        :return: at once, or to be awaited.
        """


class Exchange(Protocol):
    """Tells the other nodes of a fleet of this one's averages, and hears of theirs."""

    def start(self) -> None:
        """Begin. Starts a thread."""

    def stop(self) -> None:
        """End; may be called again."""
