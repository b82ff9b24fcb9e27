"""The contract's errors.

::

    GateError
     +-- PluginError     a plugin that cannot work as it is written
     +-- SettingsError   the host's settings do not fit the plugins
"""


class GateError(Exception):
    """What is wrong with a gate, found before it decides anything."""


class PluginError(GateError):
    """A plugin that cannot work as it is written: a misspelt hook, a parameter that no hook has."""


class SettingsError(GateError):
    """The host's settings do not fit the plugins that are there."""
