"""The engine's errors.

::

    PolicyError
     +-- InvalidPolicy    a policy's content cannot be used (orly_policy_plugin.policy)
     +-- UnreadableFile   a file cannot be read at all
"""


class PolicyError(Exception):
    """What is wrong, where, and what would do."""


class UnreadableFile(PolicyError):
    """A file that is missing, is no ordinary file, or may not be read."""
