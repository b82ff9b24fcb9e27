"""A policy in force: compiled, immutable, swapped whole when something changes."""

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import attrs

from orly_policy_hookspecs import Event

from ..authority.contributions import Contribution, unstructure_contribution
from ..policy import Difference, Policy, json_differences, json_version, unstructure_policy
from .compiling import compile_access
from .deciding import Plans
from .explaining import Explanation, explain
from .rates import TIME_CONSTANT_SECONDS
from .replies import Reply
from .rules import Follows
from .unsettled import Outcome

if TYPE_CHECKING:
    from .access import Access
    from .conditions import Keys


Decide = Callable[[Event, "Keys", int], Outcome]
"""From an event, who authenticated and the time (Unix seconds) to a decision, or what is left to
ask for one."""


@attrs.frozen
class Snapshot:
    """All that a decision reads, of one moment."""

    policy: Policy
    """The owner's policy: the file."""
    contributions: tuple[Contribution, ...]
    """What policy admins add to it, oldest first."""
    version: str
    """The first 12 hex digits of the hash of the canonical JSON of both."""
    owners: frozenset[str]
    """The policy's owners and those of the environment."""
    writes: Plans
    reads: Plans

    write: Decide = attrs.field(init=False, eq=False, repr=False)
    """May this event be stored? See :meth:`.Plans.decide`."""
    read: Decide = attrs.field(init=False, eq=False, repr=False)
    """May these submitters be given this event? See :meth:`.Plans.decide`."""

    @write.default
    def _decide_writes(self) -> Decide:
        return self.writes.decide

    @read.default
    def _decide_reads(self) -> Decide:
        return self.reads.decide

    def explain(
        self,
        access: "Access",
        event: Event,
        keys: "Keys",
        now: int,
        replies: Sequence[Reply] = (),
        *,
        failure_denies: bool = False,
    ) -> Explanation:
        """The decision with its steps. Raises like :attr:`write`.

        :param replies: of the scripts that :attr:`write` or :attr:`read` leave to ask, in their
            order.
        :param failure_denies: see :func:`.unsettled.settled`.
        """
        plans = self.writes if access == "write" else self.reads
        plan = plans.for_kind(event.kind)
        return explain(
            plan, event, keys, now, self.version, replies, failure_denies=failure_denies
        )

    def changes_since(self, old: "Snapshot") -> list[Difference]:
        """What this policy says differently from an older one, place by place."""
        return json_differences(
            in_force(old.policy, old.contributions), in_force(self.policy, self.contributions)
        )


def in_force(policy: Policy, contributions: Iterable[Contribution]) -> dict[str, Any]:
    """The policy in force as JSON values: the owner's, and its contributions by event id.

    Without contributions it is exactly the owner's.
    """
    added = {made.event_id: unstructure_contribution(made) for made in contributions}
    owners = unstructure_policy(policy)
    return {**owners, "contributions": added} if added else owners


def compile_policy(
    policy: Policy,
    *,
    follows: Follows | None = None,
    owners: Iterable[str] = (),
    contributions: Iterable[Contribution] = (),
    rate_seconds: float = TIME_CONSTANT_SECONDS,
) -> Snapshot:
    """Compile a policy.

    :param follows: author to the pubkeys that the author follows, all as 64 lowercase hex
        characters.
    :param owners: owners besides the policy's own (``ORLY_OWNERS``).
    :param contributions: those that stand, oldest first: see
        :func:`orly_policy_plugin.authority.fitting.standing_contributions`.
    :param rate_seconds: the time constant of rate limits (section 6 of SPEC.md).
    """
    standing = tuple(contributions)
    all_owners = frozenset(policy.owners) | frozenset(owners)
    known = follows or {}
    return Snapshot(
        policy=policy,
        contributions=standing,
        version=json_version(in_force(policy, standing)),
        owners=all_owners,
        writes=compile_access(policy, "write", known, all_owners, standing, rate_seconds),
        reads=compile_access(policy, "read", known, all_owners, standing),
    )
