"""What nostr-relay's parts share: the gate, the settings, and the server once there is one."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final

import attrs

from orly_policy_hookspecs import Gate, GateError, OperatorError

from ...session import Server, SessionSettings

if TYPE_CHECKING:
    from .rules import ConfiguredRules

OPTION: Final = "orly_policy"
"""The storage option under which :func:`.app.create_app` hands over the :class:`Serving`."""


async def _no_hazards() -> list[str]:
    return []


@attrs.define(eq=False)
class Serving:
    """One relay, in one process."""

    gate: Gate
    settings: SessionSettings
    rules: "ConfiguredRules | None"
    """What the YAML file asks of events and readers."""
    searched_kinds: frozenset[int] = frozenset()
    """Of which the YAML file has the full text searched; empty where it is off."""
    _server: Server | None = None
    why_not_started: OperatorError | GateError | None = None
    """Why it could not be opened, where that is the operator's to mend."""
    hazards: Callable[[], Awaitable[list[str]]] = _no_hazards
    """What loses events in the database, as the storage finds out."""
    rate_limiter: Any = None
    """nostr-relay's."""

    @property
    def server(self) -> Server:
        """The server.

        :raises RuntimeError: the relay has not been opened.
        """
        if self._server is None:
            raise RuntimeError("the relay is not open: serve the app of create_app")
        return self._server

    @property
    def is_open(self) -> bool:
        """Whether there is a server."""
        return self._server is not None

    def opened(self, server: Server | None) -> None:
        """There is a server now, or none any more."""
        self._server = server
