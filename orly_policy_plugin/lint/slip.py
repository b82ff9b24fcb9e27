"""A slip: something that is legal in a policy, and surely not meant."""

from collections.abc import Callable, Collection, Iterable
from typing import Literal

import attrs

from orly_policy_hookspecs.printing import printable

from ..decisions import NOT_FITTED, Fitted
from ..policy import Lists, Policy
from ..policy.named_lists import NO_LISTS


@attrs.frozen
class Slip:
    """One slip, with what to write in its place."""

    place: str
    """In the file: ``rules.1.write_allow[0]``."""
    why: str
    """What the policy does there, and others would not expect."""
    instead: str
    """What to write."""
    name: str = ""
    """That of the check which found it: ``rule-for-closed-kind``."""

    def __str__(self) -> str:
        return printable(f"{self.place}: {self.why}; {self.instead}")


@attrs.frozen
class Examined:
    """A policy, with what is known of what it names."""

    policy: Policy
    owners: Collection[str] = ()
    """Those of the policy and of the environment."""
    lists: Lists = NO_LISTS
    """The named lists that could be read; what is said of keys is not said of others."""
    plugins: Fitted = NOT_FITTED
    """The policy fitted to the relay's plugins."""
    script_failure_read: Literal["default", "deny"] = "deny"
    """The relay's setting."""


@attrs.frozen
class Check:
    """One kind of slip, and how it is found."""

    name: str
    """``rule-for-closed-kind``: docs/lint.md has a section of this name."""
    find: Callable[[Examined], Iterable[Slip]]

    def slips(self, examined: Examined) -> list[Slip]:
        """Those of a policy, each with the check's name."""
        return [attrs.evolve(slip, name=self.name) for slip in self.find(examined)]
