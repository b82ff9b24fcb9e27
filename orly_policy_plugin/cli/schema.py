"""``orly-policy schema``: what may stand where, for editors and other programs."""

import click

from orly_policy_plugin.schemas import contribution_schema, policy_schema

from .installed import installed_plugins
from .showing import say_json
from .suite_schema import suite_schema

_EPILOG = """\b
Examples:
  orly-policy schema > policy.schema.json
  orly-policy schema suite > suite.schema.json

Then write "$schema": "policy.schema.json" at the head of the policy, where it
is a comment: VS Code, and Neovim with vscode-json-language-server, complete
its fields and underline what is wrong.
"""


@click.command(epilog=_EPILOG)
@click.argument(
    "document", type=click.Choice(["policy", "contribution", "suite"]), default="policy"
)
def schema(document: str) -> None:
    """Print the JSON Schema (2020-12) of a DOCUMENT.

    That is a policy, where nothing else is said; a contribution, which a policy admin signs; or a
    suite, one of `orly-policy test`. Rules have the criteria of the plugins that are installed
    here.

    A schema knows less than `orly-policy check`: not whether a regular expression is one of RE2, a
    key's checksum is right or a script is there.

    The exit status is 0, or 2 where a plugin cannot be used.
    """
    if document == "contribution":
        say_json(contribution_schema())
        return
    criteria = installed_plugins().criteria()
    say_json(policy_schema(criteria) if document == "policy" else suite_schema(criteria))
