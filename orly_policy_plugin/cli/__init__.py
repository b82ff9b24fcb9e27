"""The command ``orly-policy``: check a policy file, explain a decision, run policy test suites.

A thin shell: a file per command, one for what they read, one for how they show it.
"""

from .command import main

__all__ = ["main"]
