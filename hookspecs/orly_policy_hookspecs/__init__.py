"""The contract between Nostr relays and policy plugins.

A relay makes a :class:`Gate`, loads plugins into it and asks it. A plugin implements some of the
hooks of :mod:`orly_policy_hookspecs.hooks` and answers with a :class:`Decision`. Neither
needs to know the policy engine.
"""

from .blocking import BlockingGate
from .combining import combine
from .context import Context, Origin, StartContext
from .criteria import Criterion
from .decision import PREFIXES, Answer, Asked, Decision, Verdict
from .errors import (
    GateError,
    InvalidSettings,
    OperatorError,
    PluginError,
    RunningLoopError,
    SettingsError,
)
from .gate import Gate, GateSettings
from .hooks import POLICY_EVENT_KIND, PROJECT, hookimpl, hookspec
from .nip01.events import Event, FrozenEvent, frozen
from .nip01.wellformed import malformed

__all__ = [
    "POLICY_EVENT_KIND",
    "PREFIXES",
    "PROJECT",
    "Answer",
    "Asked",
    "BlockingGate",
    "Context",
    "Criterion",
    "Decision",
    "Event",
    "FrozenEvent",
    "Gate",
    "GateError",
    "GateSettings",
    "InvalidSettings",
    "OperatorError",
    "Origin",
    "PluginError",
    "RunningLoopError",
    "SettingsError",
    "StartContext",
    "Verdict",
    "combine",
    "frozen",
    "hookimpl",
    "hookspec",
    "malformed",
]
