"""``orly-policy check``: is this policy file right, and what does it say?"""

from pathlib import Path

import click

from orly_policy_plugin.policy import policy_version, read_policy
from orly_policy_plugin.scripts import check_scripts

from .inputs import unusable_policy
from .showing import say, say_columns
from .summary import summary
from .target import POLICY_OR_STANDARD_INPUT, policy_argument, target_of


@click.command(epilog=POLICY_OR_STANDARD_INPUT)
@policy_argument
def check(policy: Path | None) -> None:
    """Check a policy as a relay does at start.

    Prints the policy's version and what each rule says, or every problem with its place in the
    file; then the exit status is 1. It is 2 where the file cannot be read.
    """
    target = target_of(policy, None, may_be_standard_input=True)
    with unusable_policy(target.name):
        read = read_policy(target.content())
        check_scripts(read, target.scripts_from)
    say(f"{target.name}: version {policy_version(read)}")
    say_columns(summary(read), indent="  ")
