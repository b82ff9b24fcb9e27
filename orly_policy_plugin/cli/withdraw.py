"""``orly-policy withdraw``: a policy admin's contribution is taken back (kind 5, NIP-09)."""

from pathlib import Path

import click

from orly_policy_hookspecs.nip01 import FrozenEvent, is_hex32, kinds
from orly_policy_plugin.authority.withdrawals import withdrawal_tags
from orly_policy_plugin.state import PolicyState
from orly_policy_plugin.state.changes import WITHDRAWN, withdrawal

from .event_ids import meant_event
from .examples import examples
from .inputs import refused_update
from .key_file import load_secret
from .sending import key_file_option, relays_option, send
from .showing import UnusableInput, UnusablePolicy, say_json
from .signer import Signer
from .target import Here, load_here, policy_option, state_option, store_option


@click.command(
    epilog=examples(
        "orly-policy withdraw 3f9a --key-file admin.key --relay wss://a.example",
    )
)
@click.argument("event_id", metavar="EVENT-ID")
@key_file_option
@relays_option("it to this relay")
@policy_option
@state_option
@store_option
@click.pass_context
def withdraw(
    ctx: click.Context,
    event_id: str,
    key_file: Path,
    relays: tuple[str, ...],
    policy: Path | None,
    state: Path | None,
) -> None:
    """Withdraw a contribution for good.

    Signs a kind 5 that names its event, and prints or publishes that. Its author may withdraw it,
    and an owner. Of EVENT-ID the first digits are enough where the contribution is kept beside the
    policy file; `orly-policy check` lists them. It is checked first, as a relay would, against the
    policy file (- is standard input) and its contributions; by itself where --policy is not given
    and no policy file is at the default place.

    The exit status is 1 where the check or a relay refuses it, or a relay withdraws nothing; 2
    where no contribution is meant, a file cannot be read or a relay does not answer.
    """
    signer = Signer(load_secret(key_file))
    here = load_here(policy, state)
    meant = _meant(event_id, here)
    event = signer.event(kinds.DELETION, withdrawal_tags(meant))
    if here is not None:
        with refused_update():
            withdrawal(FrozenEvent.of_json(event), here.current)
    if not relays:
        say_json(event, indent=None)
        return
    ctx.exit(max([send(url, event, signer, WITHDRAWN) for url in relays]))


def _meant(given: str, here: Here | None) -> str:
    """The contribution's event id.

    :raises UnusableInput: none is meant.
    :raises UnusablePolicy: it is withdrawn already.
    """
    if here is None:
        if not is_hex32(given.lower()):
            what = "the whole id is needed where no policy is here, 64 hex characters"
            raise UnusableInput([f"{given!r} is no event id: {what}"])
        return given.lower()
    current = here.current
    meant = meant_event(given, [*current.authors, *current.withdrawn])
    if meant not in current.authors:
        raise UnusablePolicy([f"refused: {meant} {_how_it_went(current, meant)}"])
    return meant


def _how_it_went(current: PolicyState, event_id: str) -> str:
    withdrawn = current.withdrawn[event_id]
    by = f", by the event {withdrawn.by}" if withdrawn else ""
    return f"is withdrawn already{by}"
