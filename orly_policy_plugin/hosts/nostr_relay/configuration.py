"""nostr-relay's YAML file: load it, and read the session's settings from it."""

import difflib
import importlib
from pathlib import Path
from typing import Any

import attrs
from nostr_relay.config import Config

from orly_policy_hookspecs.logs import get_log
from orly_policy_hookspecs.nip01.kinds import LARGEST_KIND

from ...errors import PolicyError
from ...session import SessionSettings
from .logs import seen

SECTION = "session"
"""Of the YAML file: members of :class:`.session.SessionSettings`."""
_SEARCHED_KINDS = (0, 1)
"""Where ``fts_kinds`` is not given."""
_SEARCHED_STORAGE = "nostr_relay.storage.kv.LMDBStorage"

log = get_log(__name__)


def load(path: str | Path) -> None:
    """Load the file. To be called before nostr-relay's other modules are imported: they read it
    then.

    :raises PolicyError: it cannot be read.
    """
    try:
        Config.load(str(path))
    except OSError as error:
        raise PolicyError(f"{path}: {error.strerror}") from error
    except Exception as error:
        raise PolicyError(f"{path} is no configuration of nostr-relay: {error}") from error
    if isinstance(Config.logging, dict):  # else nostr-relay has everything logged, or fails
        Config.logging = seen(Config.logging)


def relay_urls() -> tuple[str, ...]:
    """The URLs under which clients reach the relay: ``relay_urls`` and ``valid_urls``."""
    authentication = Config.authentication or {}
    names = ("relay_urls", "valid_urls")
    urls: list[str] = []
    for name in names:
        given = authentication.get(name) or ()
        urls += [given] if isinstance(given, str) else given
    return tuple(urls)


def session_settings() -> SessionSettings:
    """The session's settings: ``max_limit``, ``subscription_limit``, and the section ``session``.

    :raises PolicyError: a member of the section is not known, or its value cannot be used.
    """
    given = Config.get(SECTION, {}) or {}
    known = {field.name for field in attrs.fields(SessionSettings)} - {"relay_urls"}
    for name in given:
        if name not in known:
            near = difflib.get_close_matches(str(name), known, 1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise PolicyError(f"{SECTION}.{name}: there is no such setting{hint}")
    for name, value in given.items():
        if type(value) not in (int, float) or value <= 0:
            raise PolicyError(f"{SECTION}.{name}: {value!r} is not a number above 0")
    of_nostr_relay: dict[str, Any] = {"limit": Config.max_limit or 1}
    if Config.subscription_limit:
        of_nostr_relay["subscriptions"] = Config.subscription_limit
    return SessionSettings(relay_urls=relay_urls(), **{**of_nostr_relay, **given})


def searched_kinds() -> frozenset[int]:
    """The kinds of which nostr-relay's full-text search is to find events: ``fts_kinds`` where
    ``fts_enabled``. None where it is off, and on SQL, where nostr-relay has no search either.

    :raises PolicyError: they are no kinds, or the package that search needs is not installed.
    """
    if not Config.fts_enabled:
        return frozenset()
    kinds = Config.get("fts_kinds", _SEARCHED_KINDS)
    if not isinstance(kinds, list | tuple) or not all(map(_is_kind, kinds)):
        raise PolicyError(f"fts_kinds: {kinds!r} is not a list of kinds, such as [0, 1]")
    if Config.storage.get("class") != _SEARCHED_STORAGE:
        log.warning("fts_enabled: there is search on LMDB alone; here it is refused")
        return frozenset()
    try:
        importlib.import_module("whoosh.analysis")
    except ImportError as error:
        raise PolicyError(
            f"fts_enabled: search needs Whoosh (pip install Whoosh): {error}"
        ) from error
    return frozenset(kinds)


def _is_kind(value: object) -> bool:
    return type(value) is int and 0 <= value <= LARGEST_KIND
