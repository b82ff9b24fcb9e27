"""The example relay as it is, or with nothing but checks of ids and signatures.

``python -m benchmarks.relay_child {policy,bare} OPTIONS``, options as ``example_relay`` has them.
"""

import sys
from pathlib import Path
from typing import Any

from nostr_relay import web
from nostr_relay.config import Config

from example_relay import __main__ as example_relay
from orly_policy_plugin.hosts.nostr_relay.migrations import migrate

_CHECK = "orly_policy_plugin.hosts.nostr_relay.validators.is_authentic"


class BareApp:
    """nostr-relay's own app and storage, no policy, and the same check of ids and signatures."""

    engine = None

    def __init__(self, config: Path, _policy: Path, **_settings: Any) -> None:
        Config.load(str(config))
        if url := Config.storage.get("sqlalchemy.url"):
            migrate(url)  # nostr-relay's own start does it under its own command alone
        Config.storage["validators"] = [_CHECK]
        self._app = web.create_app(str(config))

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """ASGI."""
        await self._app(scope, receive, send)


def main() -> None:
    """Serve."""
    which = sys.argv.pop(1)
    if which == "bare":
        vars(example_relay)["create_app"] = BareApp
    example_relay.main()


if __name__ == "__main__":
    main()
