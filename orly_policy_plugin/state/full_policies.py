"""The difference between an admin's full policy and the owner's policy when it was applied.

It is stored beside the signed event, and without it the event counts for nothing: compared with a
later policy of the owner's, the event could bring back what the owner has taken away. The
difference never says anything that the signed event does not say.
"""

from typing import Any

import attrs

from orly_policy_hookspecs import Event

from ..authority.allowed_differences import IN_A_RULE, IN_KIND_LISTS, Rights, mean_the_same
from ..authority.contributions import Contribution, Extension, read_contribution
from ..policy import InvalidPolicy, Policy, Problem
from ..policy.strict_json import decode_json


def difference_of(event: Event, full: Policy, content: bytes | None) -> Contribution:
    """The contribution that an admin's full policy came to.

    :param event: the signed event, verified.
    :param full: its content.
    :param content: the canonical JSON that is kept beside it.
    :raises InvalidPolicy: it is not kept, or is not that of this policy.
    """
    if content is None:
        raise InvalidPolicy([Problem("", "its difference is not kept; send it again")])
    try:
        value = decode_json(content)
    except ValueError as error:
        raise InvalidPolicy([Problem("", f"its difference cannot be read: {error}")]) from error
    contribution = read_contribution(
        value,
        admin=event.pubkey,
        created_at=event.created_at,
        event_id=event.id,
        content_bytes=len(event.content.encode()),
    )
    if not _is_part_of(full, contribution):
        raise InvalidPolicy([Problem("", "its difference says what the event does not say")])
    return attrs.evolve(contribution, is_full_policy=True)


def _is_part_of(full: Policy, contribution: Contribution) -> bool:
    """Whether the policy says all that the contribution adds."""
    rules = full.rules
    extensions = contribution.rules_extend
    return (
        _says(full.kind, contribution, IN_KIND_LISTS)
        and all(
            kind in rules and mean_the_same(rules[kind], rule)
            for kind, rule in contribution.rules_add.items()
        )
        and all(kind in rules and _says(rules[kind], extensions[kind]) for kind in extensions)
        and _says(full.rule_of_all, contribution.global_extend or Extension())
    )


def _says(part: Any, added: Any, rights: Rights = IN_A_RULE) -> bool:
    """Whether a part of the policy (its kind lists, a rule) says what is added to it."""
    for each in rights:
        more, said = getattr(added, each.extending), getattr(part, each.name)
        if isinstance(more, tuple):
            if not frozenset(more) <= frozenset(said or ()):
                return False
        elif more not in (None, False, said):
            return False
    return True
