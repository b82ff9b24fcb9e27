"""``orly-policy explain``: what would the policy answer, and why?"""

import asyncio
import time
from collections.abc import Collection, Sequence
from pathlib import Path

import attrs
import click

from orly_policy_hookspecs import Context, Gate, combine
from orly_policy_hookspecs.nip01 import FrozenEvent
from orly_policy_plugin.asking import ask_criteria
from orly_policy_plugin.decisions import (
    Explanation,
    Follows,
    NamedScript,
    Noted,
    Pending,
    Reply,
    Snapshot,
    Unasked,
    compile_policy,
)
from orly_policy_plugin.lists import not_known
from orly_policy_plugin.pending import failure_denies
from orly_policy_plugin.policy import Lists
from orly_policy_plugin.policy.fields import Access
from orly_policy_plugin.policy.named_lists import list_in_words
from orly_policy_plugin.scripts import Scripts
from orly_policy_plugin.state import PolicyState

from .examples import examples
from .inputs import (
    ip_option,
    load_event,
    load_follows,
    pass_environment_option,
    pubkeys_option,
)
from .installed import ask_each, fitted_plugins, may_vouch_option
from .showing import say, say_json, show_steps, tell, verdict
from .target import (
    POLICY_OR_STANDARD_INPUT,
    Target,
    follow_lists_of,
    load_state,
    named_lists_of,
    policy_argument,
    state_option,
    target_of,
    tell_of_second_hop,
)

_FAILURES = click.Choice(["default", "deny"])


@click.command(
    epilog=examples(
        "orly-policy explain policy.json --access write --event event.json",
        "orly-policy explain --access read --event event.json --authed npub1…",
        about=POLICY_OR_STANDARD_INPUT,
    )
)
@policy_argument
@click.option(
    "--access",
    type=click.Choice(["write", "read"]),
    required=True,
    help="Write: may the event be stored? Read: may it be handed out?",
)
@click.option(
    "--event",
    "event_file",
    type=click.Path(readable=False),
    required=True,
    metavar="FILE",
    help="The event, as JSON; - is standard input. Its id and signature are not verified.",
)
@click.option(
    "--authed",
    multiple=True,
    callback=pubkeys_option,
    metavar="PUBKEY",
    help="Who authenticated (NIP-42), in hex or as npub1…; may be repeated. None: nobody did.",
)
@click.option(
    "--ip",
    callback=ip_option,
    metavar="IP",
    help="The client's IP address, for scripts.",
)
@click.option(
    "--now",
    type=click.IntRange(0),
    metavar="SECONDS",
    help="Unix seconds to decide at. Default: the time now.",
)
@click.option(
    "--follows",
    "follows_file",
    type=click.Path(readable=False),
    metavar="FILE",
    help="Follow lists to use in the place of those that are kept: a JSON object of author to "
    "the list of pubkeys that the author follows; - is standard input.",
)
@click.option(
    "--script-failure-write",
    type=_FAILURES,
    default="default",
    show_default=True,
    help="What a script's failure on a write comes to: default_policy, or a denial.",
)
@click.option(
    "--script-failure-read",
    type=_FAILURES,
    default="deny",
    show_default=True,
    help="The same on a read.",
)
@may_vouch_option
@pass_environment_option
@state_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for programs.")
def explain(
    policy: Path | None,
    access: Access,
    event_file: str,
    authed: tuple[str, ...],
    ip: str,
    now: int | None,
    follows_file: str | None,
    script_failure_write: str,
    script_failure_read: str,
    may_vouch: tuple[str, ...],
    pass_environment: tuple[str, ...],
    state: Path | None,
    as_json: bool,
) -> None:
    """Say what a policy answers to one event, and why.

    Decides with what a relay has: the contributions and follow lists that are kept beside
    the policy file, its named lists, and ORLY_OWNERS. What of these cannot be used is told on
    standard error. A script that has a say is run and asked, and so are the installed plugins but
    those that hold what only a relay opens for them. A rate limit is taken as not used yet.

    Prints the decision, the steps that led to it, and the policy's version. The exit status is
    0 whatever the decision: this is an explanation. It is 1 where the policy cannot be used, 2
    where a file cannot be read.
    """
    target = target_of(policy, state, may_be_standard_input=True)
    current = load_state(target)
    lists = told_lists(target, current)
    follows = load_follows(follows_file) if follows_file else None
    event = load_event(event_file)
    at = int(time.time()) if now is None else now
    installed = fitted_plugins(target, current.policy)
    installed.fitted.put_in_force()
    snapshot = compile_policy(
        current.policy,
        follows=kept_follows(current, lists) if follows is None else follows,
        lists=lists,
        owners=target.owners,
        contributions=current.contributions,
        plugins=installed.fitted,
    )
    scripts = Scripts(target.scripts_from, pass_environment=pass_environment)
    denying = failure_denies(write=script_failure_write, read=script_failure_read)
    explaining = Explaining(
        snapshot, installed.gate, scripts, may_vouch, failure_denies=access in denying
    )
    try:
        explanation = asyncio.run(explaining.explained(access, event, Context(authed, ip=ip), at))
    finally:
        scripts.stop()
    (_print_json if as_json else _print_text)(explanation)


@attrs.frozen(eq=False)
class Explaining:
    """Explains what a relay answers that has a policy in force, and plugins."""

    _snapshot: Snapshot
    _plugins: Gate
    """Those besides the policy."""
    _scripts: Scripts
    _may_vouch: Collection[str] = ()
    _failure_denies: bool = attrs.field(default=False, kw_only=True)

    async def explained(
        self, access: Access, event: FrozenEvent, context: Context, now: int
    ) -> Explanation:
        """Ask all that the relay would ask."""
        keys = context.authenticated
        ask = self._snapshot.write if access == "write" else self._snapshot.read
        noted: Noted = {}
        outcome = ask(event, keys, now)
        if isinstance(outcome, Unasked):
            outcome = await ask_criteria(outcome, event, context, now, noted)
        replies: Sequence[Reply] = ()
        if isinstance(outcome, Pending) and outcome.scripts:
            replies = await _replies(self._scripts, outcome.scripts, event, access, context, now)
        own = self._snapshot.explain(
            access, event, keys, now, replies, failure_denies=self._failure_denies, noted=noted
        )
        others, steps = await ask_each(self._plugins, access, event, context)
        return attrs.evolve(
            own,
            decision=combine([own.decision, *others], self._may_vouch),
            steps=(*own.steps, *steps),
        )


async def _replies(
    scripts: Scripts,
    named: Sequence[NamedScript],
    event: FrozenEvent,
    access: Access,
    context: Context,
    now: int,
) -> Sequence[Reply]:
    """The scripts' replies. Those that do not run yet are started."""
    asked = [scripts.ask(script.path, event, access, context, now) for script in named]
    return await asyncio.gather(*asked)


def told_lists(target: Target, current: PolicyState) -> Lists:
    """The keys of a policy's named lists; which are not known is told.

    :raises UnusablePolicy: some cannot be read.
    """
    lists = named_lists_of(target, current)
    for name, source in current.policy.lists.items():
        if name not in lists:
            what = "it lets nobody in, or keeps out everybody"
            tell(f"{list_in_words(name, lists)}: {not_known(source)}: {what}")
    tell_of_second_hop(current.policy)
    return lists


def kept_follows(current: PolicyState, lists: Lists) -> Follows:
    """The lists that are kept; which are missing is told."""
    for author in sorted(follow_lists_of(current, lists).needed - current.follows.keys()):
        tell(f"no follow list of {author} is kept: it grants nobody; --follows FILE gives one")
    return current.follow_lists


def _print_text(explanation: Explanation) -> None:
    say(verdict(explanation.decision))
    say()
    show_steps(explanation)
    say()
    say(f"policy version {explanation.policy_version}")


def _print_json(explanation: Explanation) -> None:
    decision = explanation.decision
    made = {
        "decision": {
            "verdict": decision.verdict.value,
            "accepted": decision.accepted,
            "message": decision.message,
        },
        "steps": [attrs.asdict(step) for step in explanation.steps],
        "policy_version": explanation.policy_version,
    }
    say_json(made)
