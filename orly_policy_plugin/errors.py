"""The engine's errors.

::

    PolicyError
     +-- InvalidPolicy        a policy's content cannot be used (orly_policy_plugin.policy)
     +-- UnreadableFile       a file cannot be read at all
     |    +-- UnreadableNow   one that is there, and may be readable in a while (…state)
     +-- RefusedUpdate        a policy event that changes nothing (orly_policy_plugin.authority)
     +-- MissingFollowLists   follow lists that the policy needs (orly_policy_plugin.live)
     +-- Unwritable           something cannot be written
     +-- Busy                 somebody else is changing it  (this and the rest: …state)
     +-- UnusableFreshness    the marks of what was applied cannot be read
     +-- UnknownVersion       no version, or several, of the history are meant
"""


class PolicyError(Exception):
    """What is wrong, where, and what would do."""


class UnreadableFile(PolicyError):
    """A file that is missing, is no ordinary file, or may not be read."""


class Unwritable(PolicyError):
    """What could not be written. What was there before is there still."""
