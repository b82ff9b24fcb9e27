"""``orly-policy check``: is this policy file right, and what does it say?"""

from pathlib import Path

import click

from orly_policy_plugin.policy import policy_version, read_policy
from orly_policy_plugin.scripts import check_scripts

from .inputs import unusable_policy
from .places import place_of
from .showing import say
from .summary import summary


@click.command()
@click.argument("file", type=click.Path(path_type=Path, readable=False))
def check(file: Path) -> None:
    """Check a policy FILE as a relay does at start.

    Prints the policy's version and what each rule says, or every problem with its place in the
    file; then the exit status is 1. It is 2 where the file cannot be read.
    """
    place = place_of(file, None, may_be_standard_input=True)
    with unusable_policy(place.name):
        policy = read_policy(place.content())
        check_scripts(policy, place.folders.scripts_from)
    say(f"{place.name}: version {policy_version(policy)}")
    lines = summary(policy)
    width = max(len(name) for name, _ in lines)
    for name, says in lines:
        say(f"  {name:{width}}  {says}")
