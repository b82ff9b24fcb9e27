"""The engine's errors.

::

    PolicyError
     +-- InvalidPolicy        a policy's content cannot be used (orly_policy_plugin.policy)
     |    +-- UnreadableLists its named lists cannot be read (orly_policy_plugin.lists)
     +-- Unreadable           something cannot be read
     |    +-- UnreadableNow   it is there, and may be readable later
     +-- Unwritable           something cannot be written
     |    +-- Unreachable     the store's database does not answer; it is an UnreadableNow as well
     +-- Busy                 somebody else is writing
     +-- RefusedUpdate        a policy event that changes nothing (orly_policy_plugin.authority)
     +-- MissingFollowLists   follow lists that the policy needs (orly_policy_plugin.live)
     +-- UnusableFreshness    the marks of what was applied cannot be used (…state.files)
     +-- UnknownVersion       no version, or several, of the history are meant (…state)
"""

from orly_policy_hookspecs import OperatorError


class PolicyError(OperatorError):
    """The base of the engine's errors. Its text says what is wrong, where, and what would do."""


class Unreadable(PolicyError):
    """Something is missing, is no ordinary file, or may not be read."""


class UnreadableNow(Unreadable):
    """Something is there and cannot be read, for want of file handles, memory or a right.

    What it says is unknown, which is not the same as that it says nothing.
    """


class Unwritable(PolicyError):
    """Something could not be written. What was there before is still there."""


class Busy(PolicyError):
    """Somebody else has been changing the store for too long."""


class Unreachable(UnreadableNow, Unwritable):
    """The store is elsewhere and does not answer. What is in force stays in force."""
