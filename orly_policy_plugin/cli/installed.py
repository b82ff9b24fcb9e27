"""The plugins that are installed here, as a relay would find them."""

from orly_policy_hookspecs import Gate, GateError
from orly_policy_plugin.plugins import PluginsOfGate
from orly_policy_plugin.state import PolicyState

from .inputs import unusable_policy
from .showing import UnusableInput
from .target import Target


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


def check_plugins(target: Target, current: PolicyState) -> Gate:
    """Have the installed plugins check the settings that the policy has for them.

    :raises UnusablePolicy: they cannot be used.
    :raises UnusableInput: a plugin cannot be used at all.
    """
    gate = installed_plugins()
    with unusable_policy(target.name):
        PluginsOfGate(gate, missing=target.missing_plugins).fit(current.policy, None)
    return gate
