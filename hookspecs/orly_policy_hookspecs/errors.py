"""The contract's errors.

::

    GateError
     +-- PluginError        a plugin that cannot work as it is written
     +-- SettingsError      the host's settings do not fit the plugins
     +-- RunningLoopError   the gate for synchronous code, used where an event loop runs
"""

import difflib
from collections.abc import Collection


class GateError(Exception):
    """A gate cannot be used, or is used wrongly. Found before anything is decided."""


class PluginError(GateError):
    """A plugin cannot work as it is written, as with a misspelt hook."""


class SettingsError(GateError):
    """The host's settings do not fit the plugins that are there."""


class RunningLoopError(GateError):
    """``gate.blocking`` is used on the thread of a running event loop, which would stop until the
    answer is there.
    """


def did_you_mean(found: str, known: Collection[str]) -> str:
    """The end of a message about a name that is not known: the one that may have been meant."""
    near = difflib.get_close_matches(found, known)
    return f"; did you mean {near[0]!r}?" if near else ""
