"""One node of a fleet: ``FOLDER URL FLEET``.

It is an engine with its policy file, its store and its watches. What comes into force, and whom
the admin follows, is a line of JSON on standard output; a signed event on standard input is one
that a client has sent.
"""

import asyncio
import json
import sys
import threading
import time
from pathlib import Path
from typing import Any, Final

from orly_policy_hookspecs import Context
from orly_policy_hookspecs.nip01 import FrozenEvent, kinds
from orly_policy_plugin.plugin import PolicyPlugin
from orly_policy_plugin.settings import Settings

_NOBODY: Final = Context()
_said: Final = threading.Lock()


def _say(**facts: Any) -> None:
    with _said:
        sys.stdout.write(json.dumps({**facts, "at": time.time()}) + "\n")
        sys.stdout.flush()


async def _take(plugin: PolicyPlugin, event: FrozenEvent) -> None:
    if event.kind == kinds.FOLLOW_LIST:
        await plugin.on_kind3(event, _NOBODY)
        return
    answer = await plugin.on_policy_event(event, _NOBODY)
    if answer is None or not answer.accepted:
        raise ValueError(f"the node does not take {event}: {answer}")


def main() -> None:
    """Be this node until the end."""
    folder, url, fleet = sys.argv[1:]
    path = Path(folder) / "policy.json"
    plugin = PolicyPlugin(Settings(path=path, store=url, fleet=fleet, missing_follow_lists="warn"))

    def tell(*_: object) -> None:
        admins = plugin.snapshot.policy.policy_admins
        _say(version=plugin.snapshot.version, follows=sorted(plugin.followed_by(admins)))

    plugin.listen(tell)
    plugin.start()
    _say(ready=True)
    for line in sys.stdin:
        asyncio.run(_take(plugin, FrozenEvent.of_json(json.loads(line))))
    plugin.stop()


if __name__ == "__main__":
    main()
