"""The contract's errors.

::

    GateError
     +-- PluginError     a plugin that cannot work as it is written
     +-- SettingsError   the host's settings do not fit the plugins
"""


class GateError(Exception):
    """What is wrong with a gate, found before it decides anything."""


class PluginError(GateError):
    """A plugin that cannot work as it is written, such as one with a misspelt hook."""


class SettingsError(GateError):
    """The host's settings do not fit the plugins that are there."""
