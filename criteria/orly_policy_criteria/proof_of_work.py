"""``x_pow``: proof of work (NIP-13). The id of an event has to begin with so many zero bits, and
its ``nonce`` tag to aim at no fewer: who aims at less and is lucky has not done the work.
"""

from collections.abc import Collection
from typing import Final

from orly_policy_hookspecs import Context, Criterion, FrozenEvent, hookimpl

from .values import number_shape, whole_number

_BITS_OF_AN_ID: Final = 256
_DIGITS: Final = 3
"""Of a target, at most. A regular expression would take a third of the time of all the rest."""


def leading_zero_bits(event_id: str) -> int:
    """The zero bits that an id of 64 hex characters begins with."""
    return _BITS_OF_AN_ID - int(event_id, 16).bit_length()


def committed_bits(event: FrozenEvent) -> int | None:
    """The bits that the event's first ``nonce`` tag aims at; ``None`` where it does not say."""
    for tag in event.tags:
        if tag[0] == "nonce":
            target = tag[2] if len(tag) > 2 else ""
            is_number = len(target) <= _DIGITS and target.isdigit() and target.isascii()
            return int(target) if is_number else None
    return None


def too_little_work(event: FrozenEvent, _: Context, bits: int) -> str | None:
    """Say what is missing of so many bits."""
    if (found := leading_zero_bits(event.id)) < bits:
        return f"pow: {found} bits of work, {bits} are needed"
    if (committed := committed_bits(event)) is None:
        return f"pow: the nonce tag does not say its target, {bits} bits are needed"
    if committed < bits:
        return f"pow: the nonce tag aims at {committed} bits, {bits} are needed"
    return None


POW: Final = Criterion(
    name="x_pow",
    unit="bits",
    says="{} bits of proof of work",
    read=whole_number("bits", 1, _BITS_OF_AN_ID),
    shape=number_shape(1, _BITS_OF_AN_ID),
    refuses=too_little_work,
)


@hookimpl
def criteria() -> Collection[Criterion]:
    """Add ``x_pow`` to rules."""
    return [POW]
