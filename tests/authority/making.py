"""Policies, contributions and signed events for the tests of this folder."""

import json
from typing import Any

import attrs
from examples import ADMIN, NOW, OWNER, AnEvent
from relay.signing import Key, named_key

from orly_policy_plugin.authority import Contribution, read_contribution
from orly_policy_plugin.policy import Policy, structure_policy

OTHER_ADMIN = "ad" * 32
OWNERS = frozenset({OWNER})
EVENT_ID = "e1" * 32

owner_key, admin_key, stranger_key = (named_key(name) for name in ("owner", "admin", "stranger"))


def policy(**members: Any) -> Policy:
    """A policy with one owner and two admins."""
    return structure_policy({"owners": [OWNER], "policy_admins": [ADMIN, OTHER_ADMIN], **members})


def contribution(
    admin: str = ADMIN,
    created_at: int = NOW,
    event_id: str = EVENT_ID,
    *,
    full: bool = False,
    **content: Any,
) -> Contribution:
    """A contribution of this content."""
    made = read_contribution(content, admin=admin, created_at=created_at, event_id=event_id)
    return attrs.evolve(made, is_full_policy=full)


def signed(
    key: Key,
    content: Any,
    *,
    kind: int = 12345,
    tags: list[list[str]] | None = None,
    created_at: int = NOW,
) -> AnEvent:
    """A signed event; a content that is no text becomes JSON."""
    text = content if isinstance(content, str) else json.dumps(content)
    return AnEvent(**key.event(kind, text, tags, created_at))
