"""Paid members of a relay: they may write, and rules let them in by ``x_members``."""

from .plugin import Members

__all__ = ["Members", "members"]

members = Members()
"""The plugin that a relay finds."""
