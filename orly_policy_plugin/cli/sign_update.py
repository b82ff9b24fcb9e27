"""``orly-policy sign-update``: a policy or a contribution as a signed event (kind 12345)."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from orly_policy_hookspecs import POLICY_EVENT_KIND
from orly_policy_hookspecs.nip01 import FrozenEvent
from orly_policy_plugin.authority import (
    CONTRIBUTION_KEYS,
    Freshness,
    examine,
)
from orly_policy_plugin.lists import KnownLists
from orly_policy_plugin.policy import Policy
from orly_policy_plugin.scripts import check_scripts, known_scripts
from orly_policy_plugin.state.changes import admin_contribution

from .examples import examples
from .inputs import content_of, decode, refused_update, shown_name
from .key_file import load_secret
from .sending import key_file_option, relays_option, send
from .showing import UnusableInput, say_json
from .signer import Signer
from .target import Here, load_here, policy_option, state_option


@click.command(
    "sign-update",
    epilog=examples(
        "orly-policy sign-update policy.json --key-file owner.key",
        "orly-policy sign-update added.json --key-file key --relay wss://a.example",
    ),
)
@click.argument("file", type=click.Path(readable=False), metavar="FILE")
@key_file_option
@relays_option("it to this relay, and for this relay alone")
@click.option(
    "--created-at",
    type=click.IntRange(0, 2**63 - 1),
    metavar="SECONDS",
    help="Unix seconds to date it. Default: the time now.",
)
@policy_option
@state_option
@click.pass_context
def sign_update(
    ctx: click.Context,
    file: str,
    key_file: Path,
    relays: tuple[str, ...],
    created_at: int | None,
    policy: Path | None,
    state: Path | None,
) -> None:
    """Sign a policy or a contribution, and print or publish it.

    Owners sign policies, policy admins contributions. FILE holds it, as JSON; - is standard input.
    It is checked first, as a relay would: against the policy file (- is standard input, too), its
    contributions and what was applied before; by itself where --policy is not given and no policy
    file is at the default place.

    The exit status is 1 where the check or a relay refuses it, 2 where a file cannot be read or
    a relay does not answer.
    """
    signer = Signer(load_secret(key_file))
    content = _load_content(file)
    here = load_here(policy, state)
    now = int(time.time())
    dated = now if created_at is None else created_at
    if not relays:
        event = signer.event(POLICY_EVENT_KIND, [], content, dated)
        _check(event, (), here, now)
        say_json(event, indent=None)
        return
    events = {
        url: signer.event(POLICY_EVENT_KIND, [["relay", url]], content, dated) for url in relays
    }
    for event in events.values():
        _check(event, relays, here, now)
    ctx.exit(max([send(url, event, signer) for url, event in events.items()]))


def _load_content(name: str) -> str:
    """The file as a text; whether it is a policy is for the check to say.

    :raises UnusableInput: it is no JSON.
    """
    try:
        content = content_of(name)
        decode(content, "a policy or a contribution")
    except ValueError as error:
        raise UnusableInput([f"{shown_name(name)}: {error}"]) from error
    except OSError as error:
        raise UnusableInput([f"{shown_name(name)}: {error.strerror or error}"]) from error
    return content.decode("utf-8-sig").strip()


def _check(event: Mapping[str, Any], relays: tuple[str, ...], here: Here | None, now: int) -> None:
    """:raises UnusablePolicy: with the words of a relay that refuses it."""
    given = FrozenEvent.of_json(event)
    with refused_update():
        if here is None:
            _check_alone(given, relays, now)
        else:
            _check_against(here, given, relays, now)


def _check_against(here: Here, event: FrozenEvent, relays: tuple[str, ...], now: int) -> None:
    current = here.current
    update = examine(
        event,
        now=now,
        owners=current.owners,
        admins=current.policy.policy_admins,
        relay_urls=relays,
        require_relay_tag=False,
        freshness=current.freshness,
        known_scripts=known_scripts(current.policy, here.folder),
    )
    if update.is_owner:
        assert isinstance(update.content, Policy)
        check_scripts(update.content, here.folder)
        KnownLists(here.folder).resolve(update.content, {})
        return
    admin_contribution(event, update, current)


def _check_alone(event: FrozenEvent, relays: tuple[str, ...], now: int) -> None:
    """Check an event without a policy: a contribution as an admin's, else as an owner's."""
    value = decode(event.content.encode(), "a policy")
    is_contribution = isinstance(value, dict) and bool(CONTRIBUTION_KEYS & value.keys())
    author = {event.pubkey}
    examine(
        event,
        now=now,
        owners=set() if is_contribution else author,
        admins=author if is_contribution else set(),
        relay_urls=relays,
        require_relay_tag=False,
        freshness=Freshness(),
        known_scripts=None,
    )
