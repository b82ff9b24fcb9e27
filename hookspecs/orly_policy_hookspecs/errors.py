"""The contract's errors.

::

    GateError
     +-- PluginError        a plugin that cannot work as it is written
     +-- SettingsError      the host's settings do not fit the plugins
     +-- RunningLoopError   the gate for synchronous code, used where an event loop runs
     +-- InvalidSettings    a plugin's settings, as the plugin finds them
    OperatorError           what a plugin finds that the operator has to mend
"""

import difflib
from collections.abc import Collection, Mapping


class GateError(Exception):
    """A gate cannot be used, or is used wrongly. Found before anything is decided."""


class OperatorError(Exception):
    """Something that the operator has to mend: the text says what, and is told as it is. A plugin
    raises one in a hook that keeps the relay closed; of what else it raises it is told that the
    plugin has failed.
    """


class PluginError(GateError):
    """A plugin cannot work as it is written, as with a misspelt hook."""


class SettingsError(GateError):
    """The host's settings do not fit the plugins that are there."""


class RunningLoopError(GateError):
    """``gate.blocking`` is used on the thread of a running event loop, which would stop until the
    answer is there.
    """


class InvalidSettings(GateError):
    """A plugin cannot use its settings. Raised by :func:`.hooks.configure`.

    ::

        raise InvalidSettings({"bits": "expected a whole number, found 'many'"})
    """

    def __init__(self, problems: Mapping[str, str]) -> None:
        """:param problems: what is wrong, by the place in the settings: ``bits``,
        ``keys[3]``, or empty for all of it.
        """
        super().__init__(
            "; ".join(f"{place}: {why}".removeprefix(": ") for place, why in problems.items())
        )
        self.problems = dict(problems)

    def within(self, place: str) -> "InvalidSettings":
        """The same problems, seen from an outer place: ``who`` and ``[1]`` make ``who[1]``."""
        return InvalidSettings(
            {_joined(place, inner): why for inner, why in self.problems.items()}
        )


def _joined(outer: str, inner: str) -> str:
    is_apart = outer and inner and not inner.startswith("[")
    return f"{outer}.{inner}" if is_apart else f"{outer}{inner}"


def did_you_mean(found: str, known: Collection[str]) -> str:
    """The end of a message about a name that is not known: the one that may have been meant."""
    near = difflib.get_close_matches(found, known)
    return f"; did you mean {near[0]!r}?" if near else ""
