"""A policy in force: compiled, immutable, swapped whole when something changes."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import is_
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import attrs

from orly_policy_hookspecs import Event
from orly_policy_hookspecs.criteria import Used

from ..authority.contributions import Contribution, unstructure_contribution
from ..policy import (
    Difference,
    InvalidPolicy,
    Lists,
    Policy,
    Problem,
    json_differences,
    lists_named,
    unstructure_policy,
)
from ..policy.named_lists import NO_LISTS, SIGN, list_in_words, not_known_yet
from ..policy.writing import canonical, version_of
from .added import Added, add_up
from .compiling import compile_access
from .criteria import used_by
from .deciding import Plans
from .explaining import Explanation, explain
from .fitted import NOT_FITTED, Fitted
from .foreseen import Readers
from .kept import Kept, changed_authors, changed_lists, touched
from .key_sets import KeySets
from .pending import Outcome, Unasked
from .rates import TIME_CONSTANT_SECONDS
from .replies import Reply
from .rules import Follows

if TYPE_CHECKING:
    from ..policy.fields import Access
    from .conditions import Keys


Decide = Callable[[Event, "Keys", int], Outcome | Unasked]
"""From an event, who authenticated and the time (Unix seconds) to a decision, or what is left to
ask for one."""


@attrs.frozen
class Snapshot:
    """All that a decision reads, of one moment."""

    policy: Policy
    """The owner's policy: the file."""
    contributions: tuple[Contribution, ...]
    """The additions of policy admins, oldest first."""
    version: str
    """The first 12 hex digits of the hash of the canonical JSON of both."""
    owners: frozenset[str]
    """The policy's owners and those of the environment."""
    plugins: Fitted = attrs.field(eq=False, repr=False)
    """What the relay's other plugins made of their settings."""
    writes: Plans
    reads: Plans
    lists: Lists = attrs.field(eq=False, repr=False)
    """The keys of the lists that the policy names; of those that are known."""
    told: tuple[Used, ...] = attrs.field(eq=False, repr=False)
    """The criteria of its rules that are to be told of decisions."""
    _follows: Follows = attrs.field(eq=False, repr=False)
    _rate_seconds: float = attrs.field(eq=False, repr=False)
    _parts: "_Parts" = attrs.field(eq=False, repr=False)

    readers: Readers = attrs.field(init=False, eq=False, repr=False)
    """Foresight about readers, before any event is seen."""

    @readers.default
    def _of_reads(self) -> Readers:
        return Readers(self.reads)

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

    def plans(self, access: "Access") -> Plans:
        """The plans of an access."""
        return self.writes if access == "write" else self.reads

    @property
    def may_ask_to_authenticate(self) -> bool:
        """Whether some answer is ``auth-required:``, by the owner's policy."""
        plans = [self.writes.other, self.reads.other]
        for kind in self.policy.rules:
            plans += [self.writes.for_kind(kind), self.reads.for_kind(kind)]
        denies = self.policy.default_policy == "deny"
        return any(
            condition.asks_to_authenticate
            or (denies and condition.could_grant and not condition.always_grants)
            for plan in plans
            for condition in plan.conditions
        )

    def explain(
        self,
        access: "Access",
        event: Event,
        keys: "Keys",
        now: int,
        replies: Sequence[Reply] = (),
        *,
        failure_denies: bool = False,
        noted: Mapping[int, object] = MappingProxyType({}),
    ) -> Explanation:
        """The decision with its steps. Raises like :attr:`write`.

        :param replies: of the scripts that :attr:`write` or :attr:`read` leave to ask, in their
            order.
        :param failure_denies: see :func:`.pending.decided`.
        :param noted: what criteria have answered: see :func:`.explain`.
        """
        return explain(
            self.plans(access).for_kind(event.kind),
            event,
            keys,
            now,
            self.version,
            replies,
            failure_denies=failure_denies,
            noted=noted,
        )

    def lists_changed_since(self, old: "Snapshot") -> list[str]:
        """The named lists whose keys differ from those in an older one, or are new, in words."""
        names = sorted(changed_lists(old.lists, self.lists))
        return [list_in_words(name, self.lists) for name in names]

    def changes_since(self, old: "Snapshot") -> list[Difference]:
        """The differences of this policy from an older one, place by place."""
        kept = {id(made) for made in old.contributions} & {id(made) for made in self.contributions}
        return json_differences(
            _in_force(old.policy, (made for made in old.contributions if id(made) not in kept)),
            _in_force(self.policy, (made for made in self.contributions if id(made) not in kept)),
        )


@attrs.frozen
class _Parts:
    """The parts that the next snapshot may use again."""

    owners_json: bytes
    """The owner's policy in the form that versions are made of."""
    sets: KeySets
    added: Added


def _in_force(policy: Policy, contributions: Iterable[Contribution]) -> dict[str, Any]:
    """The policy in force as JSON values: the owner's, and its contributions by event id."""
    added = {made.event_id: unstructure_contribution(made) for made in contributions}
    owners = unstructure_policy(policy)
    return {**owners, "contributions": added} if added else owners


def version_in_force(policy: Policy, contributions: Iterable[Contribution]) -> str:
    """The version of a policy with its contributions, as :attr:`Snapshot.version` has it."""
    return _version(_canonical(policy), contributions)


def _version(owners_json: bytes, contributions: Iterable[Contribution]) -> str:
    """The version of the policy in force. Without contributions it is exactly the owner's."""
    added = sorted((made.event_id, made.canonical) for made in contributions)
    if not added:
        return version_of(owners_json)
    members = b",".join(b'"%s":%s' % (event_id.encode(), json) for event_id, json in added)
    # The keys are sorted, and no key of a policy comes before this one.
    rest = owners_json.removeprefix(b"{")
    separator = b"" if rest == b"}" else b","
    return version_of(b'{"contributions":{' + members + b"}" + separator + rest)


def compile_policy(
    policy: Policy,
    *,
    follows: Follows | None = None,
    lists: Lists = NO_LISTS,
    owners: Iterable[str] = (),
    contributions: Iterable[Contribution] = (),
    rate_seconds: float = TIME_CONSTANT_SECONDS,
    plugins: Fitted = NOT_FITTED,
    before: Snapshot | None = None,
) -> Snapshot:
    """Compile a policy.

    :param follows: author to the pubkeys that the author follows, all as 64 lowercase hex
        characters.
    :param lists: the keys of each named list of the policy, as ``follows`` has them.
    :param owners: owners besides the policy's own (``ORLY_OWNERS``).
    :param contributions: those that stand, oldest first: see
        :func:`orly_policy_plugin.authority.fitting.standing_contributions`.
    :param rate_seconds: the time constant of rate limits (section 6 of the spec).
    :param plugins: the policy fitted to the relay's other plugins.
    :param before: the snapshot in force, of which to use again what is the same. Where nothing
        but follow lists and named lists has changed (the policy and each contribution are the very
        objects), only the plans that look at one of these lists are compiled.
    :raises InvalidPolicy: a rule names a list of a file that is not among ``lists``. Whom it would
        deny is not known, so that there is nothing to decide with. One that is made of events and
        is not among them comes later: until then a deny list with its name denies everybody.
    """
    standing = tuple(contributions)
    all_owners = frozenset(policy.owners) | frozenset(owners)
    known = follows or {}
    same = before
    if before and not (
        before.plugins is plugins
        and _is_same_but_for_lists(before, policy, standing, all_owners, rate_seconds)
    ):
        same = None
    if same is None or same.lists.keys() != lists.keys():
        _check_lists(policy, lists)
    parts = same._parts if same else _parts(policy, standing, before)
    changed = changed_authors(same._follows, known) if same else frozenset()
    renewed = changed_lists(same.lists, lists) if same else frozenset[str]()
    of_changed = touched(policy, parts.added, changed, renewed, lists, plugins.criteria)

    def compiled(access: "Access") -> Plans:
        kept = Kept(same.plans(access), of_changed) if same else None
        return compile_access(
            policy,
            access,
            known,
            lists,
            all_owners,
            parts.added,
            parts.sets,
            rate_seconds,
            kept,
            plugins.criteria,
        )

    snapshot = Snapshot(
        policy=policy,
        contributions=standing,
        version=same.version if same else _version(parts.owners_json, standing),
        owners=all_owners,
        plugins=plugins,
        writes=compiled("write"),
        reads=compiled("read"),
        lists=lists,
        told=used_by(policy, plugins.criteria, lists, not_known_yet(policy.lists, lists)),
        follows=known,
        rate_seconds=rate_seconds,
        parts=parts,
    )
    parts.sets.forget_before()
    return snapshot


def _check_lists(policy: Policy, lists: Lists) -> None:
    later = not_known_yet(policy.lists, lists)
    if problems := [
        Problem(place, f"'{SIGN}{name}' names a list whose keys are not known")
        for place, name in lists_named(policy)
        if name not in lists and name not in later
    ]:
        raise InvalidPolicy(problems)


def _is_same_but_for_lists(
    before: Snapshot,
    policy: Policy,
    contributions: Sequence[Contribution],
    owners: frozenset[str],
    rate_seconds: float,
) -> bool:
    """Whether nothing but follow lists and named lists may have changed. Policies are not looked
    through: one that was read again counts as another.
    """
    return (
        before.policy is policy
        and len(before.contributions) == len(contributions)
        and all(map(is_, before.contributions, contributions))
        and before.owners == owners
        and before._rate_seconds == rate_seconds
    )


def _parts(
    policy: Policy, contributions: Sequence[Contribution], before: Snapshot | None
) -> _Parts:
    if before is None:
        return _Parts(_canonical(policy), KeySets(), add_up(contributions))
    owners_json = before._parts.owners_json if before.policy is policy else _canonical(policy)
    return _Parts(owners_json, KeySets(before._parts.sets), add_up(contributions))


def _canonical(policy: Policy) -> bytes:
    return canonical(unstructure_policy(policy))
