"""What an admin's full policy came to when it was applied: its difference to the owner's policy.

It is kept beside the signed event, as ``.<event id>.difference``, and without it the event counts
for nothing: compared anew with a later policy of the owner it could bring back what the owner has
taken away. It can only say less than the event that its admin has signed, never more or other.
"""

from pathlib import Path
from typing import Any, Final

import attrs

from orly_policy_hookspecs.nip01 import FrozenEvent

from ..authority.allowed_differences import IN_A_RULE, IN_KIND_LISTS, Allowed
from ..authority.contributions import (
    Contribution,
    Extension,
    read_contribution,
)
from ..errors import PolicyError, UnreadableFile
from ..policy import GlobalRule, InvalidPolicy, Policy, Problem
from ..policy.strict_json import decode_json
from .atomic import make_folder, write_atomically
from .signed_events import MOST_BYTES
from .state_files import UnreadableNow, read_state_file

_MOST_BYTES: Final = 2 * MOST_BYTES
"""The fields of a contribution have longer names than those of a policy."""


def write_difference(folder: Path, contribution: Contribution) -> None:
    """Keep it; before the event itself, which then counts.

    :raises PolicyError: it is not kept.
    """
    make_folder(folder)
    content = contribution.canonical + b"\n"
    if len(content) > _MOST_BYTES:
        raise PolicyError(f"the difference is not kept: it is over {_MOST_BYTES} bytes")
    write_atomically(folder / _name(contribution.event_id), content)


def read_difference(folder: Path, event_id: str) -> bytes | None:
    """What is kept of an admin's full policy; ``None`` where nothing is.

    :raises UnreadableNow: it is kept and cannot be read now.
    :raises InvalidPolicy: it is no ordinary file.
    """
    try:
        return read_state_file(folder / _name(event_id), most_bytes=_MOST_BYTES)
    except FileNotFoundError:
        return None
    except UnreadableNow:
        raise
    except UnreadableFile as error:
        raise InvalidPolicy([Problem("", f"its difference cannot be read: {error}")]) from error


def difference_of(event: FrozenEvent, full: Policy, content: bytes | None) -> Contribution:
    """What an admin's full policy came to.

    :param event: the signed event, verified.
    :param full: its content.
    :param content: what :func:`read_difference` has read.
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
        and all(rules.get(kind) == rule for kind, rule in contribution.rules_add.items())
        and all(kind in rules and _says(rules[kind], extensions[kind]) for kind in extensions)
        and _says(full.global_rule or GlobalRule(), contribution.global_extend or Extension())
    )


def _says(part: Any, added: Any, table: tuple[Allowed, ...] = IN_A_RULE) -> bool:
    """Whether a part of the policy (its kind lists, a rule) says what is added to it."""
    for row in table:
        more, said = getattr(added, row.goes_to), getattr(part, row.field)
        if isinstance(more, tuple):
            if not frozenset(more) <= frozenset(said or ()):
                return False
        elif more not in (None, False, said):
            return False
    return True


def _name(event_id: str) -> str:
    return f".{event_id}.difference"
