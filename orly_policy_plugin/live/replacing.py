"""A program replaces the policy: like an edit by hand, but checked before it is written."""

from collections.abc import Callable

from ..decisions import Snapshot
from ..policy import InvalidPolicy, Policy, Problem, read_policy, write_policy
from ..scripts import check_scripts
from .in_force import InForce


def replace_policy(
    force: InForce, policy: Policy | bytes, is_wanted: Callable[[], bool] = lambda: True
) -> Snapshot:
    """Put a policy into the store and in force: see :meth:`.PolicyPlugin.replace_policy`.

    :param is_wanted: see :meth:`.InForce.replace`.
    """
    content = policy if isinstance(policy, bytes) else write_policy(policy)
    if len(content) > (most := force.settings.largest_policy_bytes):
        raise InvalidPolicy([Problem("", f"the policy has {len(content)} bytes, over {most}")])
    check_scripts(read_policy(content), force.scripts_from)
    return force.replace(content, is_wanted)
