"""The engine's errors.

::

    PolicyError
     +-- InvalidPolicy        a policy's content cannot be used (orly_policy_plugin.policy)
     +-- UnreadableFile       a file cannot be read at all
     |    +-- UnreadableNow   one that is there, and may be readable in a while (…state)
     +-- RefusedUpdate        a policy event that changes nothing (orly_policy_plugin.authority)
     +-- MissingFollowLists   follow lists that the policy needs (orly_policy_plugin.keeping)
     +-- UnwritableFile       a file cannot be written     (this and the rest:
     +-- StateLocked          another process is changing   orly_policy_plugin.state)
     +-- UnusableFreshness    the marks of what was applied cannot be read
     +-- UnknownVersion       no version, or several, of the history are meant
"""


class PolicyError(Exception):
    """What is wrong, where, and what would do."""


class UnreadableFile(PolicyError):
    """A file that is missing, is no ordinary file, or may not be read."""
