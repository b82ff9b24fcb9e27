"""The relay's other plugins, as far as the policy file speaks of them: its section ``plugins``."""

from .of_gate import Missing, PluginsOfGate
from .port import Plugins

__all__ = ["Missing", "Plugins", "PluginsOfGate"]
