"""nostr-relay's app, behind the policy."""

from pathlib import Path
from typing import Any, Final

from nostr_relay.config import Config

from orly_policy_hookspecs import Gate, GateError, GateSettings, OperatorError
from orly_policy_hookspecs.logs import make_handlers_harmless
from orly_policy_hookspecs.printing import in_a_line

from ...allocation import give_back_large_blocks
from ...errors import PolicyError
from ...plugin import PolicyPlugin, register
from ...policy import InvalidPolicy
from ...session import SessionSettings
from ...settings import Settings
from .asgi import PolicyShell
from .configuration import load, relay_urls, searched_kinds, session_settings
from .rules import NAME, configured_rules
from .serving import OPTION, Serving

_HERE: Final = "orly_policy_plugin.hosts.nostr_relay.storage"
_STORAGES: Final = {
    "nostr_relay.storage.db.DBStorage": f"{_HERE}.PolicyDBStorage",
    "nostr_relay.storage.kv.LMDBStorage": f"{_HERE}.PolicyLMDBStorage",
}


class PolicyApp(PolicyShell):
    """The ASGI app of a relay that enforces a policy. Made by :func:`create_app`."""

    def __init__(self, app: Any, serving: Serving, engine: PolicyPlugin | None) -> None:
        super().__init__(app, serving)
        self.gate = serving.gate
        """The gate, for plugins that are registered by hand."""
        self.engine = engine
        """The policy engine; ``None`` where it is switched off."""

    async def hazards(self) -> list[str]:
        """See :meth:`.PolicyShell.hazards`; and that nobody can authenticate, where the policy
        asks for it.
        """
        found = await super().hazards()
        asks = self.engine is not None and self.engine.snapshot.may_ask_to_authenticate
        if asks and not self._serving.settings.relay_urls:
            found.append(
                "authentication.relay_urls is empty, and the policy asks clients to authenticate, "
                "which no client can; list the URLs of this relay: [wss://relay.example.com]"
            )
        return found


def create_app(
    config: str | Path,
    policy: str | Path | None = None,
    *,
    gate_settings: GateSettings | None = None,
    session: SessionSettings | None = None,
    **settings: Any,
) -> PolicyApp:
    """Make nostr-relay's ASGI app with the policy enforced on every write and read.

    nostr-relay's configuration is one for the process, so there can be one app. Installed plugins
    are loaded.

    :param config: nostr-relay's YAML file.
    :param policy: the policy file; ``ORLY_POLICY_PATH`` and its default where not given.
    :param gate_settings: which plugins may vouch, and how long plugins may take.
    :param session: how much a client may ask; what the configuration says where not given.
    :param settings: further settings of the engine: ``state_folder``, ``require_relay_tag``,
        ``missing_follow_lists``, ``script_timeout_seconds``, ``script_failure_write``,
        ``script_failure_read``, ``script_environment``, ``rate_seconds``, ``rate_keys``, ``desk``;
        ``relay_urls`` are those of the configuration where not
        given. See :class:`orly_policy_plugin.settings.Settings`.
    :raises PolicyError: the policy or the configuration cannot be used; the message says why.
    :raises GateError: a plugin cannot be used.
    """
    give_back_large_blocks()
    load(config)
    made = session or session_settings()
    gate = Gate(gate_settings)
    settings.setdefault("relay_urls", relay_urls())
    engine = register(gate, Settings.from_environment(policy, **settings))
    if (rules := configured_rules()) is not None:
        gate.register(rules, NAME)
    gate.load_entry_points()
    gate.check()
    serving = Serving(gate, made, rules, searched_kinds())
    _put_behind(serving)
    return PolicyApp(_made_by_nostr_relay(str(config), serving), serving, engine)


def create_app_or_exit(
    config: str | Path, policy: str | Path | None = None, **settings: Any
) -> PolicyApp:
    """As :func:`create_app`, for a server's command line: what an operator can mend ends the
    process with its text, and exit status 1, in place of a traceback.

    :raises SystemExit: the policy, the configuration or a plugin cannot be used.
    """
    try:
        return create_app(config, policy, **settings)
    except InvalidPolicy as error:
        problems = [str(problem) for problem in error.problems]
    except (OperatorError, GateError) as error:
        problems = [str(error)]
    raise SystemExit("\n".join(map(in_a_line, ("the relay does not start:", *problems))))


def _made_by_nostr_relay(config: str, serving: Serving) -> Any:
    """Make nostr-relay's own app: its HTTP, and what it does in the background."""
    from nostr_relay import web  # reads the configuration when it is imported
    from nostr_relay.storage import get_storage

    from .resources import EventPage, NoStatistics, Root

    app = web.create_app(config)
    make_handlers_harmless()  # nostr-relay logs what clients send, too
    app.add_route("/", Root(serving))
    app.add_route("/e/{event_id}", EventPage(get_storage(), serving))
    app.add_route("/stats/", NoStatistics())
    return app


def _put_behind(serving: Serving) -> None:
    """Change nostr-relay's configuration, so that nothing gets past the session."""
    configured = Config.storage.get("class", "nostr_relay.storage.db.DBStorage")
    if configured not in _STORAGES:
        known = " or ".join(_STORAGES)
        raise PolicyError(f"storage.class: {configured!r} cannot be guarded; take {known}")
    Config.storage["class"] = _STORAGES[configured]
    Config.storage[OPTION] = serving
    Config.storage["validators"] = []  # they are a plugin's: see .rules
    Config.run_notifier = False  # it listens on a TCP port for anybody: see .workers
    Config.gunicorn = {**Config.gunicorn, "workers": 1}
