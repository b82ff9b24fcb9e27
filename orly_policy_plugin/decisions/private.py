"""Private stays private: what no contribution opens for reading (section 8 of the spec)."""

from typing import Final

from ..policy import Policy, Rule
from .added import Added

PRIVATE_KINDS: Final = frozenset({4, 13, 14, 1059, 1060})
"""Direct messages, seals, private messages, gift wraps and group messages: for their parties,
whatever the owner's policy says of them."""


def is_private(kind: int | None, policy: Policy, added: Added) -> bool:
    """Whether nothing that an admin sends grants reading a kind: it is one of
    :data:`PRIVATE_KINDS`, or a privileged rule holds for it, the owner's or an admin's.

    :param kind: ``None`` stands for all that no list and no rule names.
    """
    if _is_owners_privileged(kind, policy) or kind in PRIVATE_KINDS:
        return True
    return kind is not None and kind in added.rules and added.rules[kind].rule.privileged


def widens_reads(kind: int, policy: Policy) -> bool:
    """Whether an admin's entry in the whitelist counts for reading, too."""
    return kind not in PRIVATE_KINDS or _is_owners_privileged(kind, policy)


def _is_owners_privileged(kind: int | None, policy: Policy) -> bool:
    rules: tuple[Rule | None, ...] = (
        policy.global_rule,
        None if kind is None else policy.rules.get(kind),
    )
    return any(rule is not None and rule.privileged for rule in rules)
