"""``orly-policy store``: the database that keeps the policy of a fleet."""

from typing import Final

import click

from orly_policy_plugin.errors import PolicyError
from orly_policy_plugin.extras import how_to_install
from orly_policy_plugin.state.address import DEFAULT_FLEET, Address

from .examples import examples
from .showing import UnusableInput, say

_NEEDS: Final = "psycopg"


@click.group()
def store() -> None:
    """Make the tables in which a fleet of relays keeps its policy.

    The exit status is that of the subcommand.
    """


@store.command(epilog=examples("orly-policy store init postgresql://admin@db/relay --role relay"))
@click.argument("url")
@click.option(
    "--fleet",
    default=DEFAULT_FLEET,
    show_default=True,
    envvar="ORLY_POLICY_FLEET",
    metavar="NAME",
    help="The name that the relays of the fleet share: several fleets may share a database.",
)
@click.option(
    "--role",
    "roles",
    multiple=True,
    metavar="ROLE",
    help="A relay's role in the database, which is given the rights that it needs; may be "
    "repeated.",
)
def init(url: str, fleet: str, roles: tuple[str, ...]) -> None:
    """Make the tables of a store, or bring them to this version.

    URL is such as postgresql://USER@HOST:5432/DATABASE, of a role that may create a schema. The
    tables are in the schema orly_policy. May be called again: nothing is lost.

    Without --role it prints the rights that a relay's role needs. A relay makes no tables and
    changes none.

    The exit status is 2 where the database does not answer, or the tables are of a newer version.
    """
    try:
        from orly_policy_plugin.state.postgres.init import init_store
        from orly_policy_plugin.state.postgres.schema import RIGHTS
    except ImportError as error:
        if error.name is None or error.name.split(".")[0] != _NEEDS:
            raise
        what = f"a store in PostgreSQL needs more: {how_to_install('postgres')}"
        raise UnusableInput([what]) from error
    try:
        address = Address.parse(url, fleet)
        is_new = init_store(address, roles)
    except PolicyError as error:
        raise UnusableInput([str(error)]) from error
    say(f"{address}: {'made' if is_new else 'there already'}")
    for role in roles:
        say(f"role {role}: has the rights of a relay")
    if not roles:
        say("a relay's role needs these rights; --role ROLE gives them:")
        for right in RIGHTS:
            say(f"  {right.format(role='ROLE')};")
