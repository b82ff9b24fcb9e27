"""A policy as data: what a policy file says (section 1 of the spec), typed and immutable.

The names are the file's own. ``None`` means not written, where that differs from empty or 0.
"""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Literal

import attrs

from .durations import Duration
from .regexes import Regex

Pubkeys = tuple[str, ...]
"""Public keys, each 64 lowercase hex characters."""


@attrs.frozen(kw_only=True)
class Rule:
    """What holds for the events of one kind, or (:class:`GlobalRule`) of all."""

    description: str = ""
    script: str | None = None
    size_limit: int | None = None
    """Bytes of the event as compact JSON."""
    content_limit: int | None = None
    """Bytes of ``content`` as UTF-8."""
    must_have_tags: tuple[str, ...] = ()
    allowed_tags: tuple[str, ...] = ()
    max_expiry_duration: Duration | None = None
    max_expiry: int = 0
    """Seconds; 0 is off."""
    protected_required: bool = False
    identifier_regex: Regex | None = None
    tag_validation: Mapping[str, Regex] = MappingProxyType({})
    max_age_of_event: int = 0
    """Seconds; 0 is off."""
    max_age_event_in_future: int = 0
    """Seconds; 0 is off."""
    rate_limit: int = 0
    """Bytes per second; 0 is off."""
    write_deny: Pubkeys = ()
    read_deny: Pubkeys = ()
    write_allow: Pubkeys | None = None
    read_allow: Pubkeys | None = None
    privileged: bool = False
    write_allow_follows: bool = False
    follows_whitelist_admins: Pubkeys = ()
    write_follows_whitelist: Pubkeys = ()
    read_follows_whitelist: Pubkeys = ()
    write_allow_if_tagged: Pubkeys = ()


@attrs.frozen(kw_only=True)
class GlobalRule(Rule):
    """The rule for every event, besides its kind's own."""

    read_allow_permissive: bool = False
    write_allow_permissive: bool = False


@attrs.frozen(kw_only=True)
class KindLists:
    """Which kinds pass at all."""

    whitelist: tuple[int, ...] = ()
    blacklist: tuple[int, ...] = ()


@attrs.frozen(kw_only=True)
class Policy:
    """A whole policy file."""

    kind: KindLists = KindLists()
    global_rule: GlobalRule | None = None
    """The file's ``global``."""
    rules: Mapping[int, Rule] = MappingProxyType({})
    default_policy: Literal["allow", "deny"] = "allow"
    owners: Pubkeys = ()
    policy_admins: Pubkeys = ()
    policy_follow_whitelist_enabled: bool = False


def scripts_of(policy: Policy) -> Iterator[tuple[str, str]]:
    """Every script that a policy names: its place in the file, and its path as written there."""
    if policy.global_rule and policy.global_rule.script is not None:
        yield "global.script", policy.global_rule.script
    for kind, rule in policy.rules.items():
        if rule.script is not None:
            yield f"rules.{kind}.script", rule.script
