"""Policy events (kind 12345): the five checks of section 8 of the spec, in their order."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

import attrs

from orly_policy_hookspecs import POLICY_EVENT_KIND, Event, malformed
from orly_policy_hookspecs.nip01 import FIELDS, name_one_relay, normal_url
from orly_policy_hookspecs.printing import printable

from ..counted import listed
from ..errors import PolicyError
from ..event_size import event_size
from ..policy import InvalidPolicy, Policy, Problem, scripts_of, structure_policy
from ..policy.fields import keys_of
from ..policy.strict_json import MOST_PARTS, JsonObject, decode_policy_json
from ..policy.values import read_members
from .bounds import MOST_KINDS, MOST_REGEXES
from .contributions import CONTRIBUTION_KEYS, Contribution, read_contribution
from .freshness import Freshness, Mark
from .verifying import verify

LARGEST_BYTES: Final = 1_048_576
"""Of the event as compact JSON."""
FURTHEST_AHEAD_SECONDS: Final = 600
POLICY_KEYS: Final = frozenset(keys_of(Policy).values())
"""The keys of a full policy."""

_MOST_PROBLEMS = 50
_LONGEST_PLACE = 120
_MOST_RELAYS = 20
_MOST_PARTS_OF_AN_ADMIN = 40_000
"""Lists and objects of the content of one event: those of 2,000 rules with twenty lists each."""
_LONGEST_PROBLEM = 400


class RefusedUpdate(PolicyError):
    """A policy event that changes nothing. Its text is the answer to the client.

    The text starts with a prefix of NIP-01 and says which check failed.
    """

    def __init__(self, text: str, problems: Collection[Problem] = ()) -> None:
        self.problems = tuple(problems)
        """Where its content is wrong, all places; empty where another check failed."""
        super().__init__(text)

    @classmethod
    def for_content(cls, error: InvalidPolicy) -> "RefusedUpdate":
        """The refusal of a content that is wrong, or may not be what it is."""
        told = listed(error.problems, _MOST_PROBLEMS, "; ", _shortened)
        return cls(f"invalid: {told}", error.problems)


@attrs.frozen(kw_only=True)
class Update:
    """A policy event that passed all checks that need no other contributions."""

    author: str
    """64 lowercase hex characters."""
    mark: Mark
    """The event's ``created_at`` and id: the author's new mark once it is applied."""
    is_owner: bool
    """Whether the author is an owner (else a policy admin)."""
    content: Policy | Contribution
    """An owner's is always a policy. An admin's policy is for :func:`.contribution_of`, and then
    like an admin's contribution for :func:`.check_fits`."""
    document: Mapping[str, Any] | None = None
    """Of an owner's policy the content as it was written, comments and all, for the file. A
    ``_policy_event`` is not in it."""


def examine(
    event: Event,
    *,
    now: int,
    owners: Collection[str],
    admins: Collection[str],
    relay_urls: Collection[str],
    require_relay_tag: bool,
    freshness: Freshness,
    known_scripts: Collection[str] | None,
) -> Update:
    """Check a policy event: the first check that fails answers.

    1. It is a kind 12345 of the right shape, at most 1 MiB, its id and signature are right.
    2. Its author is an owner or a policy admin; whoever is both is an owner.
    3. It is meant for this relay.
    4. It is at most 600 seconds ahead of ``now``, and newer than what was applied before.
    5. Its content is a full policy or, by an admin, a contribution. An owner's policy names its
       author among its owners, is without scripts that are not known, and does not deny its
       author: no ``write_deny`` or ``read_deny``, of ``global`` or of any kind's rule, has the
       author. (Whatever else keeps the author out keeps out everybody whom no list names, and is
       the owner's to say. No rule decides kind 12345, so an owner can always send another.)

    :param now: Unix seconds.
    :param owners: those of the environment included.
    :param relay_urls: this relay's, as clients name it. Without any, an event with a ``relay``
        tag is refused.
    :param known_scripts: what an owner's policy may name in ``script``, as it is written there;
        ``None`` where that is not known, and anything may be.
    :raises RefusedUpdate: whatever is wrong; nothing else is raised, whatever the event holds.
    """
    check_genuine(event)
    is_owner = check_sender(
        event,
        now=now,
        owners=owners,
        admins=admins,
        relay_urls=relay_urls,
        require_relay_tag=require_relay_tag,
        freshness=freshness,
    )
    update = read_update(event, is_owner=is_owner)
    if is_owner and isinstance(update.content, Policy):
        try:
            check_owner_policy(update.content, event.pubkey, known_scripts)
        except InvalidPolicy as error:
            raise RefusedUpdate.for_content(error) from error
    return update


def check_sender(
    event: Event,
    *,
    now: int,
    owners: Collection[str],
    admins: Collection[str],
    relay_urls: Collection[str],
    require_relay_tag: bool,
    freshness: Freshness,
) -> bool:
    """Checks 2 to 4 of :func:`examine`, of an event that is genuine; they cost next to nothing.

    :return: whether the author is an owner (else a policy admin).
    :raises RefusedUpdate: whatever is wrong.
    """
    author = event.pubkey
    is_owner = author in owners
    if not (is_owner or author in admins):
        raise RefusedUpdate("restricted: only owners and policy admins may change the policy")
    check_addressed(event, relay_urls, required=require_relay_tag)
    _check_fresh(author, Mark(event.created_at, event.id), now, freshness, is_owner=is_owner)
    return is_owner


def read_update(event: Event, *, is_owner: bool) -> Update:
    """Check 5 of :func:`examine`, as far as the event alone can tell: what it says.

    :raises RefusedUpdate: with every place of its content that is wrong.
    """
    try:
        document, content = read_content(event, is_owner=is_owner)
    except InvalidPolicy as error:
        raise RefusedUpdate.for_content(error) from error
    return Update(
        author=event.pubkey,
        mark=Mark(event.created_at, event.id),
        is_owner=is_owner,
        content=content,
        document=_without_mark(document) if is_owner else None,
    )


# --- 1


def check_genuine(event: Event) -> None:
    """Check 1 of :func:`examine`: a policy event that its author has signed.

    :raises RefusedUpdate: whatever is wrong.
    """
    if wrong := malformed(_as_json(event)):
        raise RefusedUpdate(f"invalid: this is no event: {wrong}")
    if event.kind != POLICY_EVENT_KIND:
        raise RefusedUpdate(
            f"invalid: this is kind {event.kind}, a policy update is kind {POLICY_EVENT_KIND}"
        )
    if (size := event_size(event)) > LARGEST_BYTES:
        raise RefusedUpdate(
            f"invalid: the policy event is {size} bytes, at most {LARGEST_BYTES} are allowed"
        )
    if not verify(event):
        raise RefusedUpdate("invalid: the id or the signature of the policy event is wrong")


def _as_json(event: Event) -> dict[str, object]:
    """The event's fields, as many as there are, its tags as JSON has them."""
    fields = {name: getattr(event, name) for name in FIELDS if hasattr(event, name)}
    if isinstance(tags := fields.get("tags"), (list, tuple)):
        fields["tags"] = [list(tag) if isinstance(tag, tuple) else tag for tag in tags]
    return fields


# --- 3


def check_addressed(event: Event, relay_urls: Collection[str], *, required: bool) -> None:
    """Check 3 of :func:`examine`. One of several ``relay`` tags is enough: an update may be meant
    for several relays.

    :raises RefusedUpdate: it is not meant for this relay.
    """
    named = [tag[1] if len(tag) > 1 else "" for tag in event.tags if tag[0] == "relay"]
    if len(named) > _MOST_RELAYS:
        raise RefusedUpdate(
            f"invalid: the policy event names {len(named)} relays, at most {_MOST_RELAYS} may be"
        )
    if not named:
        if required:
            raise RefusedUpdate(
                "invalid: the policy event has no relay tag, and this relay takes none without; "
                "add one with its URL"
            )
        return
    if not name_one_relay(named, relay_urls):
        what = printable(f"{named[0]!r:.100}")
        raise RefusedUpdate(
            f"invalid: the policy event is meant for another relay: its relay tag says {what}"
            if any(map(normal_url, relay_urls))
            else f"invalid: the policy event is meant for the relay {what}, and this relay has "
            "not been told its own URL"
        )


# --- 4


def _check_fresh(
    author: str, mark: Mark, now: int, freshness: Freshness, *, is_owner: bool
) -> None:
    if (ahead := mark.created_at - now) > FURTHEST_AHEAD_SECONDS:
        raise RefusedUpdate(
            f"invalid: created_at is {ahead} seconds ahead of this relay's clock, "
            f"at most {FURTHEST_AHEAD_SECONDS} are allowed"
        )
    if reason := freshness.why_not_newer(author, mark, is_owner=is_owner):
        raise RefusedUpdate(f"invalid: the policy event is not new: {reason}")


# --- 5


def read_content(event: Event, *, is_owner: bool) -> tuple[Any, Policy | Contribution]:
    """The content of a policy event as JSON and as what it says: a full policy, or (by an admin)
    a contribution.

    :raises InvalidPolicy: with every problem of the content.
    """
    document = _decoded(event.content, is_owner=is_owner)
    return document, _structured(document, event, is_owner=is_owner)


def _decoded(content: str, *, is_owner: bool) -> Any:
    most_parts = MOST_PARTS if is_owner else _MOST_PARTS_OF_AN_ADMIN
    try:
        return decode_policy_json(content.encode(), most_parts)
    except ValueError as error:
        raise InvalidPolicy([Problem("content", str(error))]) from error


def _without_mark(document: Any) -> JsonObject:
    return JsonObject((key, value) for key, value in document.items() if key != "_policy_event")


def _structured(value: Any, event: Event, *, is_owner: bool) -> Policy | Contribution:
    if not is_owner:
        _check_counts(value)
    keys = _keys(value)
    of_contribution, of_policy = keys & CONTRIBUTION_KEYS, keys & POLICY_KEYS
    if of_contribution and of_policy:
        raise InvalidPolicy(
            Problem(key, "a full policy's key beside a contribution's; send one or the other")
            for key in sorted(of_policy)
        )
    if of_contribution and is_owner:
        raise InvalidPolicy(
            Problem(key, "this is a policy admin's contribution; an owner sends a full policy")
            for key in sorted(of_contribution)
        )
    if is_owner or of_policy or not keys:
        return structure_policy(value)
    return read_contribution(
        value,
        admin=event.pubkey,
        created_at=event.created_at,
        event_id=event.id,
        content_bytes=len(event.content.encode()),
    )


def _check_counts(value: Any) -> None:
    """Refuse what is beyond an admin's bounds, before it is looked at piece by piece.

    :raises InvalidPolicy: it has more regular expressions or kinds than may stand.
    """
    if (count := _count_regexes(value)) > MOST_REGEXES:
        most = f"an admin's event has at most {MOST_REGEXES}"
        raise InvalidPolicy([Problem("content", f"has {count} regular expressions; {most}")])
    for name in ("rules_add", "rules_extend"):
        named = value.get(name) if isinstance(value, dict) else None
        if isinstance(named, dict) and len(named) > MOST_KINDS:
            many = f"{len(named)} kinds; an admin has at most {MOST_KINDS}"
            raise InvalidPolicy([Problem(name, many)])


def _count_regexes(value: Any) -> int:
    """Bound the number of expressions that would be compiled, which takes time and memory, without
    compiling any. In a list none would be.
    """
    if not isinstance(value, dict):
        return 0
    tags = value.get("tag_validation")
    own = ("identifier_regex" in value) + (len(tags) if isinstance(tags, dict) else 0)
    return own + sum(_count_regexes(member) for member in value.values())


def _keys(value: Any) -> frozenset[str]:
    """The keys that count. A key that occurs twice is for whoever reads the value to report."""
    return frozenset(read_members(dict(value))) if isinstance(value, dict) else frozenset()


def check_owner_policy(
    policy: Policy, author: str, known_scripts: Collection[str] | None = None
) -> None:
    """Check that an owner may send this policy: the part of :func:`examine`'s last check that
    needs no event.

    :param author: who is to sign it, 64 lowercase hex characters.
    :param known_scripts: see :func:`examine`.
    :raises InvalidPolicy: with every place that is wrong.
    """
    if problems := [
        *_missing_owner(policy, author),
        *_denials(policy, author),
        *_unknown_scripts(policy, known_scripts),
    ]:
        raise InvalidPolicy(problems)


def _missing_owner(policy: Policy, author: str) -> Iterator[Problem]:
    if not policy.owners:
        yield Problem("owners", "names nobody; a policy event must name its author here")
    elif author not in policy.owners:
        yield Problem("owners", "does not name this event's author; add your own key")


def _rules(policy: Policy) -> Iterator[tuple[str, Any]]:
    if policy.global_rule:
        yield "global", policy.global_rule
    for kind, rule in policy.rules.items():
        yield f"rules.{kind}", rule


def _denials(policy: Policy, author: str) -> Iterator[Problem]:
    for place, rule in _rules(policy):
        for name in ("write_deny", "read_deny"):
            keys = getattr(rule, name)
            if author in keys:
                where = f"{place}.{name}[{keys.index(author)}]"
                yield Problem(where, "denies this event's author; remove your own key")


def _unknown_scripts(policy: Policy, known: Collection[str] | None) -> Iterator[Problem]:
    for place, script in scripts_of(policy):
        if known is not None and script not in known:
            yield Problem(
                place,
                "a policy event may name only a script that the relay's own policy file names "
                "or that is in the folder 'scripts' beside it; this one is neither",
            )


# --- in words


def _shortened(problem: Problem) -> str:
    place = problem.place[:_LONGEST_PLACE] + "…" * (len(problem.place) > _LONGEST_PLACE)
    text = f"{Problem(place, problem.message)}"
    return printable(text[:_LONGEST_PROBLEM] + "…" * (len(text) > _LONGEST_PROBLEM))
