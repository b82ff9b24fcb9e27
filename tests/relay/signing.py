"""Keys and signed events: the kit's, and keys that have names."""

import functools
from collections.abc import Callable

from orly_policy_plugin.hosts.kit.signing import Event, Key, auth_event, hash_of

named_key: Callable[[str], Key] = functools.cache(Key)
"""The key of a name, for policies that name keys."""

__all__ = ["Event", "Key", "auth_event", "hash_of", "named_key"]
