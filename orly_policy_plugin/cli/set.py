"""``orly-policy set``: change single places of the policy, at once and checked."""

import json
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final

import attrs
import click

from orly_policy_plugin.policy import decode_policy
from orly_policy_plugin.policy.editing import (
    CannotEdit,
    Place,
    assigned,
    extended,
    reduced,
    removed,
)
from orly_policy_plugin.state.policy_mark import without_mark

from .inputs import unusable_policy
from .left_over import Remedies
from .showing import UnusableInput
from .showing_replaced import replace_and_show
from .target import Target, policy_option, state_option, store_option, target_of

_ASSIGNMENT: Final = re.compile(r"(?s)(?P<place>[^=]+?)(?P<operator>\+=|-=|=)(?P<value>.*)")
_FORMS: Final = "PLACE=VALUE, PLACE+=ITEM or PLACE-=ITEM is needed, such as kind.blacklist+=4"

_EPILOG: Final = """\b
Examples:
  orly-policy set kind.blacklist+=4
  orly-policy set rules.1.write_deny+=npub1… rules.1.read_deny+=npub1…
  orly-policy set rules.1.size_limit=2000 --dry-run
  orly-policy set --unset rules.1.rate_limit
"""

Edit = Callable[[str], str]


@attrs.frozen
class _Edit:
    """One change of the text, and the place that it is about."""

    place: Place
    make: Edit


@click.command(name="set", epilog=_EPILOG)
@click.argument("assignment", nargs=-1)
@click.option(
    "--unset", metavar="PLACE", multiple=True, help="Take this field away. May be repeated."
)
@click.option("--dry-run", is_flag=True, help="Say what would change, and change nothing.")
@policy_option
@state_option
@store_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for programs.")
def set(  # noqa: A001 -- it is called so
    assignment: tuple[str, ...],
    unset: tuple[str, ...],
    dry_run: bool,
    policy: Path | None,
    state: Path | None,
    as_json: bool,
) -> None:
    """Change single places of the policy, at once.

    PLACE=VALUE gives a field a value, PLACE+=ITEM adds to a list, PLACE-=ITEM takes away. A place
    is named as check and explain name it: rules.1.write_deny. A value is JSON, or else a text:
    deny, PT1H, npub1….

    All else in the file stays as it is: its order, its lines, its comments. The policy is checked
    before it is written, and a running relay obeys it within a second. It is your own act: policy
    events that are older than now are refused from now on. The history has it, with the name of
    the system's user; `orly-policy rollback` puts back what was there.

    Prints what is decided differently, with a witness for each difference, and what the lint has
    to say of it. The exit status is 1 where the policy could not be used then, 2 where the call
    is wrong or something cannot be read or written; then nothing has changed.
    """
    edits = [*map(_edit, assignment), *(_Edit(_place(each), _removal(each)) for each in unset)]
    if not edits:
        raise UnusableInput([f"nothing to change: {_FORMS}; or --unset PLACE"])
    target = target_of(policy, state)
    with unusable_policy(target.name):
        content = target.content()
    replace_and_show(
        target,
        content,
        _edited(content, edits, target),
        "set",
        target.name,
        Remedies(policy, state),
        dry_run=dry_run,
        as_json=as_json,
    )


# --- what is to be changed


def _edit(assignment: str) -> _Edit:
    found = _ASSIGNMENT.fullmatch(assignment)
    if found is None:
        raise UnusableInput([f"{assignment}: {_FORMS}; --policy names the file"])
    place, value = _place(found["place"]), _value(found["value"])
    if found["operator"] == "=":
        return _Edit(place, lambda text: assigned(text, place, value))
    items = value if isinstance(value, list) else [value]
    change = extended if found["operator"] == "+=" else reduced
    return _Edit(place, lambda text: change(text, place, items))


def _removal(name: str) -> Edit:
    return lambda text: removed(text, _place(name))


def _place(name: str) -> Place:
    place = name.strip().split(".")
    if not all(place):
        raise UnusableInput([f"{name!r} is no place in a policy, such as rules.1.size_limit"])
    return place


def _value(text: str) -> Any:
    """JSON where it is some; else the text."""
    try:
        return json.loads(text, parse_constant=_no_json)
    except (ValueError, RecursionError):
        return text


def _no_json(constant: str) -> None:
    raise ValueError(constant)


def _edited(content: bytes, edits: Iterable[_Edit], target: Target) -> bytes:
    """The policy file's content after the changes.

    :raises UnusablePolicy: it is no JSON.
    :raises UnusableInput: a change is not possible.
    """
    with unusable_policy(target.name):
        decode_policy(content)
    text = content.decode()
    for edit in edits:
        try:
            text = edit.make(text)
        except CannotEdit as error:
            raise UnusableInput([f"{'.'.join(edit.place)}: {error}"]) from error
    return without_mark(text.encode())
