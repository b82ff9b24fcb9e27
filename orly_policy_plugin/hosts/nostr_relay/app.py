"""nostr-relay's app with the policy before it."""

import logging
from pathlib import Path
from typing import Any, Final

from nostr_relay import web
from nostr_relay.config import Config
from nostr_relay.storage import get_storage

from orly_policy_hookspecs import Gate, GateSettings

from ...errors import PolicyError
from ...plugin import register
from ...settings import Settings
from .asgi import PolicyShell
from .authenticator import ROLES_COUNT
from .refusals import WithoutRefusals
from .resources import EventPage, NoStatistics
from .storage import OPTION, Guard

_HERE: Final = "orly_policy_plugin.hosts.nostr_relay"
_STORAGES: Final = {
    "nostr_relay.storage.db.DBStorage": f"{_HERE}.storage.PolicyDBStorage",
    "nostr_relay.storage.kv.LMDBStorage": f"{_HERE}.storage.PolicyLMDBStorage",
}
_THEIR_SIGNATURE_CHECK: Final = "nostr_relay.validators.is_signed"
_OUR_SIGNATURE_CHECK: Final = f"{_HERE}.validators.is_authentic"


class PolicyApp(PolicyShell):
    """The ASGI app of a relay that enforces a policy. Made by :func:`create_app`."""

    def __init__(self, app: Any, guard: Guard) -> None:
        super().__init__(app)
        self._guard = guard
        self.gate = guard.gate
        """Where plugins are registered by hand."""
        self.engine = guard.engine
        """The policy engine; ``None`` where it is switched off."""

    def why_not_started(self) -> str | None:
        """What the operator can do about a start that failed, if that is known."""
        error = self._guard.why_not_started
        return None if error is None else str(error)


def create_app(
    config: str | Path,
    policy: str | Path | None = None,
    *,
    gate_settings: GateSettings | None = None,
    **settings: Any,
) -> PolicyApp:
    """Make nostr-relay's ASGI app with the policy enforced on every write and read.

    The storage of the configuration is put behind the gate, authentication (NIP-42) is switched
    on, and installed plugins are loaded. nostr-relay's configuration is one for the process, so
    there can be one app.

    :param config: nostr-relay's YAML file.
    :param policy: the policy file; ``ORLY_POLICY_PATH`` and its default where not given.
    :param gate_settings: which plugins may vouch, and how long plugins may take.
    :param settings: further settings of the engine: ``state_folder``, ``require_relay_tag``,
        ``missing_follow_lists``, ``script_timeout_seconds``, ``script_failure_write``,
        ``script_failure_read``, ``script_environment``, ``rate_seconds``, ``rate_keys``;
        ``relay_urls`` are those of the configuration where not
        given. See :class:`orly_policy_plugin.settings.Settings`.
    :raises PolicyError: the policy or the configuration cannot be used; the message says why.
    :raises GateError: a plugin cannot be used.
    """
    Config.load(str(config))
    gate = Gate(gate_settings)
    settings.setdefault("relay_urls", _relay_urls())
    engine = register(gate, Settings.from_environment(policy, **settings))
    gate.load_entry_points()
    gate.start()
    guard = Guard(gate, engine)
    _put_behind(guard)
    app = web.create_app(str(config))
    app.add_route("/e/{event_id}", EventPage(get_storage()))
    app.add_route("/stats/", NoStatistics())
    logging.getLogger("nostr_relay.web").addFilter(WithoutRefusals())
    return PolicyApp(app, guard)


def _relay_urls() -> tuple[str, ...]:
    """The URLs under which clients reach the relay, as nostr-relay's configuration has them."""
    authentication = Config.authentication or {}
    names = ("relay_urls", "valid_urls")
    return tuple(url for name in names for url in authentication.get(name) or ())


def _put_behind(guard: Guard) -> None:
    """Change nostr-relay's configuration so that nothing gets past the guard."""
    configured = Config.storage.get("class", "nostr_relay.storage.db.DBStorage")
    if configured not in _STORAGES:
        known = " or ".join(_STORAGES)
        raise PolicyError(f"storage.class: {configured!r} cannot be guarded; take {known}")
    Config.storage["class"] = _STORAGES[configured]
    Config.storage[OPTION] = guard
    validators = Config.storage.get("validators") or []
    Config.storage["validators"] = [
        _OUR_SIGNATURE_CHECK,
        *(path for path in validators if path != _THEIR_SIGNATURE_CHECK),
    ]
    authentication = Config.authentication or {}
    Config.authentication = {
        **authentication,
        "authenticator_class": f"{_HERE}.authenticator.PolicyAuthenticator",
        "enabled": True,  # tells clients of NIP-42
        ROLES_COUNT: bool(authentication.get("enabled")),
    }
