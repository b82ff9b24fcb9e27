"""``orly-policy replay``: a policy is asked about events that are stored.

::

    command   the command
    events    events of JSON lines
    relays    events of a nostr-relay's database, or of a relay over the network
    judging   the policies, asked about one event after the other
    tally     what they answered, counted                               pure
    report    the counts, as a table for people and as JSON
    progress  how far it is, on a terminal
"""

from .command import replay

__all__ = ["replay"]
