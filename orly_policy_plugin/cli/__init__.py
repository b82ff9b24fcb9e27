"""The command ``orly-policy``: check, explain, test and change a policy.

A thin shell: a file per command, one for what they read, one for how they show it.
"""

from .command import main

__all__ = ["main"]
