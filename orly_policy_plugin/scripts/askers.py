"""Who asks a script, so that each has a fair share of it (section 5 of the spec). Pure."""

from orly_policy_hookspecs import Context

from ..addresses import address_group
from ..fair_queue import Asker


def asker(context: Context, logged_in_pubkey: str | None) -> Asker:
    """Whose turn a question takes: the address, the connection there, and who is logged in on it.

    Keys and connections cost nothing, so neither may multiply what one who floods gets: they share
    what their address gets. Where no address is known, connections are what is left to tell apart,
    and where there is no connection, keys.

    The connection counts by its identity: keep the context for as long as the asker is in use.
    """
    return (address_group(context.ip), id(context.connection), logged_in_pubkey)
