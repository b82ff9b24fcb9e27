"""``orly-policy init``: a policy to start from."""

import os
import shlex
from collections.abc import Mapping
from pathlib import Path

import click

from orly_policy_plugin.policy.problems import did_you_mean
from orly_policy_plugin.recipes import POLICY_FILE, RECIPES, SUITE_FILE, Recipe, files_of

from .inputs import pubkeys_option
from .showing import UnusableInput, say, say_columns, say_json

_FIRST = next(iter(RECIPES))
_PRIVATE = 0o700
"""A relay keeps its events beside its policy, and some are for few."""
_EPILOG = """\b
Examples:
  orly-policy init --list
  orly-policy init open
  orly-policy init private --key npub1… --key npub1…
"""


@click.command(epilog=_EPILOG)
@click.argument("recipe", required=False)
@click.option("--list", "lists", is_flag=True, help="Print the recipes with a line each.")
@click.option(
    "--key",
    "keys",
    multiple=True,
    callback=pubkeys_option,
    metavar="PUBKEY",
    help="A public key, in hex or as npub1…; may be repeated. The first is the owner's, who may "
    "replace the policy by a signed event; --list says what the others are.",
)
@click.option(
    "--folder",
    type=click.Path(path_type=Path, readable=False, file_okay=False),
    default=Path(),
    help="Where to write the files; made for its owner alone where it is not there. Default: the "
    "current folder.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
def init(
    recipe: str | None, lists: bool, keys: tuple[str, ...], folder: Path, as_json: bool
) -> None:
    """Write a policy to start from, with its tests.

    RECIPE is one of those that --list prints, by default the open relay. It is written as
    policy.json, with comments; policy-suite.json, which the command test runs; and a file for
    each list of keys. Every policy is complete: nothing in it has to be filled in. No file that is
    there is overwritten.

    Every recipe keeps private messages (kinds 4, 13, 14, 1059 and 1060) to their parties, or does
    not take them.

    The exit status is 0 where the files were written, 2 where nothing was.
    """
    if lists:
        _show_recipes(as_json=as_json)
        return
    chosen = _recipe(recipe or _FIRST)
    if chosen.needs_key and not keys:
        raise UnusableInput(
            [f"{chosen.name} needs a public key: --key npub1… ({chosen.keys}; repeat it for each)"]
        )
    files = {folder / name: text for name, text in files_of(chosen, keys).items()}
    _write_all(files)
    if as_json:
        say_json({"recipe": chosen.name, "files": [str(file) for file in files]})
        return
    for file in files:
        say(f"wrote {file}")
    say()
    say_columns(_next_steps(chosen, folder), indent="  ")


def _show_recipes(*, as_json: bool) -> None:
    if as_json:
        say_json(
            [
                {
                    "name": each.name,
                    "line": each.line,
                    "keys": each.keys,
                    "needs_key": each.needs_key,
                }
                for each in RECIPES.values()
            ]
        )
        return
    for each in RECIPES.values():
        say_columns([(f"{each.name:10}", each.line), ("", f"--key: {each.keys}")])


def _recipe(name: str) -> Recipe:
    if name not in RECIPES:
        hint = did_you_mean(name, RECIPES) or f"; the recipes are {', '.join(RECIPES)}"
        raise UnusableInput([f"{name!r:.60} is no recipe{hint}"])
    return RECIPES[name]


def _write_all(files: Mapping[Path, str]) -> None:
    """Write all files, or none.

    :raises UnusableInput: one is there, or cannot be written.
    """
    if there := [file for file in files if os.path.lexists(file)]:
        raise UnusableInput(f"{file} is there already; nothing was written" for file in there)
    written: list[Path] = []
    for file, text in files.items():
        try:
            file.parent.mkdir(_PRIVATE, parents=True, exist_ok=True)
            with file.open("x", encoding="utf-8") as new:
                written.append(file)
                new.write(text)
        except OSError as error:
            for each in written:
                each.unlink(missing_ok=True)
            problem = f"{file}: {error.strerror or error}; nothing was written"
            raise UnusableInput([problem]) from error


def _next_steps(recipe: Recipe, folder: Path) -> list[tuple[str, str]]:
    """Commands to run now, each with what it is for."""
    policy, suite = (shlex.quote(str(folder / name)) for name in (POLICY_FILE, SUITE_FILE))
    steps = [
        (f"orly-policy check {policy}", "what it says"),
        (f"orly-policy test {suite} --policy {policy}", "what it does"),
    ]
    if recipe.needs_follow_lists:
        imports = f"orly-policy follows import FILE --policy {policy}"
        steps.append((imports, "before a relay's first start"))
    return steps
