"""Options of the commands that serve a policy, each a setting of the engine."""

import click

from orly_policy_plugin.settings import SUBMITTERS

submitter_option = click.option(
    "--submitter",
    type=click.Choice(SUBMITTERS),
    default="authenticated",
    show_default=True,
    help="Who counts as the one who writes: whoever authenticated, the event's author, or the "
    "author where nobody did.",
)

missing_follow_lists_option = click.option(
    "--missing-follow-lists",
    type=click.Choice(["stop", "warn"]),
    default="stop",
    show_default=True,
    help="Where the policy needs follow lists that nobody has: do not start, or warn.",
)
