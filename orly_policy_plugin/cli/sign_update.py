"""``orly-policy sign-update``: a policy or a contribution as a signed event (kind 12345)."""

import secrets
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import click
import coincurve

from orly_policy_hookspecs import POLICY_EVENT_KIND
from orly_policy_hookspecs.nip01 import FrozenEvent, kinds, normal_url
from orly_policy_plugin.authority import (
    CONTRIBUTION_KEYS,
    Freshness,
    RefusedUpdate,
    examine,
)
from orly_policy_plugin.authority.signing import signed_event
from orly_policy_plugin.policy import InvalidPolicy, Policy
from orly_policy_plugin.scripts import check_scripts, known_scripts
from orly_policy_plugin.state import PolicyState
from orly_policy_plugin.state.changes import admin_contribution

from .inputs import content_of, decode, shown_name
from .key_file import load_secret
from .publishing import NoAnswer, publish
from .showing import UnusableInput, UnusablePolicy, say, say_json, tell
from .target import FILE, load_state, policy_option, state_option, target_of

_REFUSED, _NO_ANSWER = 1, 2


def _relay_urls(
    _: click.Context, param: click.Parameter, urls: tuple[str, ...]
) -> tuple[str, ...]:
    for url in urls:
        if normal_url(url) is None:
            message = f"{url!r} is not a relay's URL such as wss://relay.example"
            raise click.BadParameter(message, param=param)
    return tuple(dict.fromkeys(urls))


@click.command("sign-update")
@click.argument("file", type=click.Path(readable=False), metavar="FILE")
@click.option(
    "--key-file",
    required=True,
    type=FILE,
    metavar="FILE",
    help="A file with your secret key, 64 hex characters or nsec1…, that nobody else can read "
    "(chmod 600).",
)
@click.option(
    "--relay",
    "relays",
    multiple=True,
    callback=_relay_urls,
    metavar="URL",
    help="Publish it to this relay, and for this relay alone; may be repeated. Without: print it.",
)
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
    """Sign a policy (owners) or a contribution (policy admins), and print or publish it.

    FILE holds it, as JSON; - is standard input. It is checked first, as a relay would: against
    the policy file (- is standard input, too), its contributions and what was applied before;
    by itself where --policy is not given and no policy file is at the default place.

    The exit status is 1 where the check or a relay refuses it, 2 where a file cannot be read or
    a relay does not answer.
    """
    secret = load_secret(key_file)
    content = _load_content(file)
    here = _here(policy, state)
    now = int(time.time())
    signer = _Signer(secret, content, now if created_at is None else created_at)
    if not relays:
        event = signer.event([])
        _check(event, (), here, now)
        say_json(event, indent=None)
        return
    events = {url: signer.event([["relay", url]]) for url in relays}
    for event in events.values():
        _check(event, relays, here, now)
    ctx.exit(max([_publish(url, event, signer) for url, event in events.items()]))


@attrs.frozen
class _Signer:
    secret: coincurve.PrivateKey = attrs.field(repr=False)
    content: str
    created_at: int

    def event(self, tags: Sequence[Sequence[str]]) -> dict[str, Any]:
        return self._signed(POLICY_EVENT_KIND, tags, self.content, self.created_at)

    def auth(self, url: str, challenge: str) -> dict[str, Any]:
        tags = [["relay", url], ["challenge", challenge]]
        return self._signed(kinds.AUTHENTICATION, tags, "", int(time.time()))

    def _signed(
        self, kind: int, tags: Sequence[Sequence[str]], content: str, created_at: int
    ) -> dict[str, Any]:
        return signed_event(
            self.secret,
            kind=kind,
            tags=tags,
            content=content,
            created_at=created_at,
            randomness=secrets.token_bytes(32),
        )


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


@attrs.frozen
class _Here:
    """What is kept on this machine."""

    current: PolicyState
    folder: Path
    """The policy file's."""


def _here(policy: Path | None, state: Path | None) -> _Here | None:
    """What stands here, or nothing where no policy was named and the environment has none."""
    target = target_of(policy, state, may_be_standard_input=True)
    if policy is None and not (target.file.exists() or target.file.is_symlink()):
        tell("no policy stands here: checked by itself, not against what the relay has")
        return None
    return _Here(load_state(target), target.scripts_from)


def _check(
    event: Mapping[str, Any], relays: tuple[str, ...], here: _Here | None, now: int
) -> None:
    """:raises UnusablePolicy: with the words of a relay that refuses it."""
    given = FrozenEvent.of_json(event)
    try:
        if here is None:
            _check_alone(given, relays, now)
        else:
            _check_against(here, given, relays, now)
    except RefusedUpdate as error:
        raise UnusablePolicy(_lines(error, error.problems)) from error
    except InvalidPolicy as error:
        raise UnusablePolicy(_lines(error, error.problems)) from error


def _lines(error: Exception, problems: Sequence[object]) -> list[str]:
    """A line a problem; where there are none, the refusal itself."""
    return [f"refused: {problem}" for problem in problems or (error,)]


def _check_against(here: _Here, event: FrozenEvent, relays: tuple[str, ...], now: int) -> None:
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
        return
    admin_contribution(event, update, current)


def _check_alone(event: FrozenEvent, relays: tuple[str, ...], now: int) -> None:
    """As if its author might send it: a contribution as an admin's, else an owner's policy."""
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


def _publish(url: str, event: Mapping[str, Any], signer: _Signer) -> int:
    """Publish it, say what the relay answered, and return the exit status."""
    try:
        answer = publish(url, event, lambda challenge: signer.auth(url, challenge))
    except NoAnswer as error:
        tell(f"{url}: {error}")
        return _NO_ANSWER
    verdict = "accepted" if answer.accepted else "refused"
    say(f"{url}: {verdict}: {answer.message}".removesuffix(": "))
    return 0 if answer.accepted else _REFUSED
