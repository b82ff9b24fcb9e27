"""The table of checks."""

from collections.abc import Iterable
from typing import Final

from . import (
    closed_kinds,
    denied_keys,
    deprecated,
    follows,
    limits,
    needed_tags,
    nothing_grants,
    private_kinds,
    regexes,
    repeated,
    scripts,
    shared_lists,
    unused_lists,
)
from .slip import Check, Examined, Slip

CHECKS: Final[tuple[Check, ...]] = (
    *closed_kinds.CHECKS,
    *nothing_grants.CHECKS,
    *denied_keys.CHECKS,
    *shared_lists.CHECKS,
    *private_kinds.CHECKS,
    *follows.CHECKS,
    *needed_tags.CHECKS,
    *limits.CHECKS,
    *regexes.CHECKS,
    *scripts.CHECKS,
    *repeated.CHECKS,
    *unused_lists.CHECKS,
    *deprecated.CHECKS,
)
"""In the order in which their slips are told, and in which docs/lint.md has them."""


def slips(examined: Examined, checks: Iterable[Check] = CHECKS) -> list[Slip]:
    """Everything in a policy that is legal and surely not meant."""
    return [slip for check in checks for slip in check.slips(examined)]
