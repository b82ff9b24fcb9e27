"""``orly-policy check``: is this policy file right, and what does it say?"""

from pathlib import Path

import click

from orly_policy_plugin.policy import policy_version

from .inputs import load_policy
from .showing import say
from .summary import summary


@click.command()
@click.argument("file", type=click.Path(path_type=Path, readable=False))
def check(file: Path) -> None:
    """Check a policy FILE as a relay does at start.

    Prints the policy's version and what each rule says, or every problem with its place in the
    file; then the exit status is 1. It is 2 where the file cannot be read.
    """
    policy = load_policy(file)
    say(f"{file}: version {policy_version(policy)}")
    lines = summary(policy)
    width = max(len(name) for name, _ in lines)
    for name, says in lines:
        say(f"  {name:{width}}  {says}")
