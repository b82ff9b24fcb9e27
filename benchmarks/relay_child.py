"""The example relay as it is, or with nothing but checks of ids and signatures.

``python -m benchmarks.relay_child {policy,bare} OPTIONS``, options as ``example_relay`` has them.
"""

import asyncio
import gc
import signal
import sys
import threading
from pathlib import Path
from typing import Any

from nostr_relay import web
from nostr_relay.config import Config
from nostr_relay.errors import StorageError

from example_relay import __main__ as example_relay
from orly_policy_plugin.authority import verify
from orly_policy_plugin.hosts.nostr_relay.migrations import migrate

_CHECK = "benchmarks.relay_child.is_authentic"


def is_authentic(event: Any, _config: Any) -> None:
    """nostr-relay's own validator never compares the id."""
    if not verify(event):
        raise StorageError("invalid: the id or the signature is wrong")


class BareApp:
    """nostr-relay's own app and storage, no policy, and the same check of ids and signatures."""

    engine = None

    def __init__(self, config: Path, _policy: Path, **_settings: Any) -> None:
        Config.load(str(config))
        if Config.storage.get("sqlalchemy.url"):
            migrate(config.with_suffix(".lock"))  # nostr-relay's own command alone does it
        Config.storage["validators"] = [_CHECK]
        self._app = web.create_app(str(config))

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """ASGI."""
        await self._app(scope, receive, send)


def _say_how_many_tasks() -> None:
    while True:
        signal.sigwait({signal.SIGUSR1})
        tasks = [each for each in gc.get_objects() if isinstance(each, asyncio.Task)]
        sys.stdout.write(f"tasks: {sum(not each.done() for each in tasks)}\n")
        sys.stdout.flush()


def main() -> None:
    """Serve. SIGUSR1 has it say how many tasks there are."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})  # of all threads to come
    threading.Thread(target=_say_how_many_tasks, daemon=True).start()
    which = sys.argv.pop(1)
    if which == "bare":
        vars(example_relay)["create_app"] = BareApp
    example_relay.main()


if __name__ == "__main__":
    main()
