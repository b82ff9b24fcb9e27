"""Who asks a script, so that each has a fair share of it (section 5 of the spec). Pure."""

from orly_policy_hookspecs import Context

from ..addresses import address_group
from ..fair_queue import Asker


def asker(context: Context, logged_in_pubkey: str | None) -> Asker:
    """The asker whose turn a question takes: address, connection, and who is logged in.

    Keys and connections cost nothing, so all of one address share its turns. Where no address is
    known, askers are told apart by their connections, and without a connection by their keys.

    The connection counts by its identity: keep the context for as long as the asker is in use.
    """
    return (address_group(context.ip), id(context.connection), logged_in_pubkey)
