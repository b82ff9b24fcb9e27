"""Several worker processes on one socket: gunicorn, as nostr-relay itself does it."""

import socket
from typing import Any

from gunicorn.app.base import BaseApplication

from orly_policy_hookspecs.logs import get_log


class Workers(BaseApplication):  # type: ignore[misc]
    """One app, made before the processes are forked, in each of them."""

    def __init__(self, app: Any, listening: socket.socket, count: int) -> None:
        self._app = app
        self._settings = {
            "bind": f"fd://{listening.fileno()}",
            "workers": count,
            "worker_class": "orly_policy_plugin.hosts.nostr_relay.worker.Worker",
            "preload_app": True,
            "loglevel": "warning",
        }
        for name in ("gunicorn.error", "uvicorn.error"):
            get_log(name)  # their handlers are their own
        super().__init__()

    def load_config(self) -> None:
        """gunicorn's settings."""
        for name, value in self._settings.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        """The app."""
        return self._app
