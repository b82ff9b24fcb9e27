"""The plugins that are installed here, as a relay would find them."""

import attrs
import click

from orly_policy_hookspecs import Context, Decision, Gate, GateError, GateSettings
from orly_policy_hookspecs.nip01 import FrozenEvent
from orly_policy_plugin.decisions import Fitted, Step
from orly_policy_plugin.plugins import PluginsOfGate
from orly_policy_plugin.policy import Policy
from orly_policy_plugin.policy.fields import Access

from .inputs import unusable_policy
from .showing import UnusableInput
from .target import Command, Target

_OF_A_RELAY = frozenset({"on_start", "on_open"})
"""Hooks of plugins that only a relay can ask: they hold what it has opened for them."""


def may_vouch_option(command: Command) -> Command:
    """``--may-vouch PLUGIN``."""
    return click.option(
        "--may-vouch",
        multiple=True,
        metavar="PLUGIN",
        help="A plugin whose vouch counts, as the relay has it; may be repeated.",
    )(command)


@attrs.frozen(eq=False)
class Installed:
    """The installed plugins, and a policy fitted to them."""

    gate: Gate
    fitted: Fitted


def installed_plugins() -> Gate:
    """A gate with all plugins that have an entry point.

    :raises UnusableInput: one cannot be used.
    """
    gate = Gate()
    try:
        gate.load_entry_points()
    except GateError as error:
        raise UnusableInput([str(error)]) from error
    return gate


def fitted_plugins(target: Target, policy: Policy) -> Installed:
    """Have the installed plugins check what the policy says of them.

    :raises UnusablePolicy: it cannot be used.
    :raises UnusableInput: a plugin cannot be used at all.
    """
    gate = installed_plugins()
    with unusable_policy(target.name):
        try:
            fitted = PluginsOfGate(gate, missing=target.missing_plugins).fit(policy, None)
        except GateError as error:
            raise UnusableInput([str(error)]) from error
    return Installed(gate, fitted)


async def ask_each(
    gate: Gate, access: Access, event: FrozenEvent, context: Context
) -> tuple[list[Decision], list[Step]]:
    """Ask each plugin of a gate by itself.

    :return: the decisions of those that did not abstain, and a step for each plugin.
    """
    decisions: list[Decision] = []
    steps: list[Step] = []
    for described in gate.described():
        if f"on_{access}" not in described.hooks:
            continue
        place = f"plugin {described.name}"
        if not described.is_on:
            steps.append(Step(place, "switched off", "", "not asked"))
        elif _OF_A_RELAY.intersection(described.hooks):
            steps.append(Step(place, "it needs the relay", "", "not asked"))
        else:
            decision = await _asked(gate, described.name, access, event, context)
            steps.append(_step(place, decision))
            if decision.source:
                decisions.append(decision)
    return decisions, steps


async def _asked(
    gate: Gate, name: str, access: Access, event: FrozenEvent, context: Context
) -> Decision:
    """One plugin's decision; without a source where it abstains."""
    alone = Gate(GateSettings(may_vouch_write=[name], may_vouch_read=[name]))
    alone.register(gate.plugin(name), name)
    ask = alone.write if access == "write" else alone.read
    return await ask(event, context)


def _step(place: str, decision: Decision) -> Step:
    if not decision.source:
        return Step(place, "nothing to say", "", "pass")
    said = decision.verdict.value
    told = f"{said}: {decision.message}" if decision.message else said
    return Step(place, told, "", "pass" if decision.accepted else "deny")
