"""gunicorn's worker for a relay: its class for ``gunicorn -k``.

It believes no headers of proxies, unless ``FORWARDED_ALLOW_IPS`` names them, takes no larger
messages than the session does, and lets no short message wait.
"""

import os
import socket
from typing import Any

from uvicorn_worker import UvicornWorker

from ...session import SessionSettings
from ..websockets import WebSockets


class Worker(UvicornWorker):  # type: ignore[misc]
    """uvicorn in gunicorn."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        trusted = os.environ.get("FORWARDED_ALLOW_IPS", "")
        self.CONFIG_KWARGS: dict[str, Any] = {
            **UvicornWorker.CONFIG_KWARGS,
            "proxy_headers": bool(trusted),
            "ws": WebSockets,
            "ws_max_size": SessionSettings().frame_bytes,
        }
        super().__init__(*args, **kwargs)

    def init_process(self) -> None:
        """In the process that was forked."""
        for listening in self.sockets:
            if listening.sock.family in (socket.AF_INET, socket.AF_INET6):
                listening.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        super().init_process()
