"""``orly-policy set``: change single places of the policy, at once and checked."""

import contextlib
import json
import re
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import attrs
import click

from orly_policy_plugin.errors import PolicyError
from orly_policy_plugin.lint import Examined, slips
from orly_policy_plugin.lists import KnownLists
from orly_policy_plugin.policy import InvalidPolicy, Policy, decode_policy, read_policy
from orly_policy_plugin.policy.diff import Change, changes_of_meaning
from orly_policy_plugin.policy.editing import (
    CannotEdit,
    Place,
    assigned,
    extended,
    reduced,
    removed,
)
from orly_policy_plugin.scripts import check_scripts
from orly_policy_plugin.state import PolicyState, read_state
from orly_policy_plugin.state.policy_mark import KEY
from orly_policy_plugin.witnesses import Comparison, Side, compare

from .inputs import unusable_policy
from .left_over import Remedies
from .replacing import Replaced, replace
from .showing import DoneUnprinted, UnusableInput, say, say_json, tell
from .showing_changes import changes_as_json
from .showing_witnesses import differences_as_json, show_comparison, show_result
from .target import Target, policy_option, state_option, store_option, target_of, version_of_state

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
    deny, 1h, npub1….

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
    edited = _edited(content, edits, target)
    with unusable_policy(target.name):
        new = read_policy(edited)
        check_scripts(new, target.scripts_from)
        KnownLists(target.scripts_from).resolve(new, {})
        after = read_state(target.store, target.owners, policy=edited)
    before = _state_before(target, content)
    shown = _Shown.of(before, after, frozenset(target.owners), Remedies(policy, state))
    if dry_run:
        shown.report(as_json=as_json, done=None)
        return
    done = replace(target, edited, "set", over=content)
    try:
        for problem in done.problems:
            tell(f"the policy is changed, but: {problem}")
        shown.report(as_json=as_json, done=done)
    except OSError as error:
        reason = error.strerror or error
        raise DoneUnprinted(
            [f"the policy is changed; what that decides could not be printed: {reason}"]
        ) from error


# --- what is to be changed


def _edit(assignment: str) -> _Edit:
    found = _ASSIGNMENT.fullmatch(assignment)
    if found is None:
        raise UnusableInput([f"{assignment}: {_FORMS}"])
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
    with contextlib.suppress(CannotEdit):
        text = removed(text, [KEY])  # it is no longer the policy of that event
    return text.encode()


# --- what that decides


def _state_before(target: Target, content: bytes) -> PolicyState | None:
    """``None`` where the policy could not be used."""
    try:
        return read_state(target.store, target.owners, policy=content)
    except InvalidPolicy:
        return None
    except PolicyError as error:
        raise UnusableInput([str(error)]) from error


@attrs.frozen
class _Shown:
    """What changes."""

    before: PolicyState | None
    after: PolicyState
    changes: Sequence[Change]
    comparison: Comparison | None
    slips: Sequence[str]
    """What the lint has to say, and did not before."""
    remedies: Remedies

    @classmethod
    def of(
        cls,
        before: PolicyState | None,
        after: PolicyState,
        owners: frozenset[str],
        remedies: Remedies,
    ) -> "_Shown":
        of_lint = _slips(after.policy, owners)
        if before is None:
            return cls(before, after, (), None, of_lint, remedies)
        known = frozenset(_slips(before.policy, owners))
        return cls(
            before,
            after,
            changes_of_meaning(before.policy, after.policy),
            compare(_side(before, owners), _side(after, owners), int(time.time())),
            [each for each in of_lint if each not in known],
            remedies,
        )

    def report(self, *, as_json: bool, done: Replaced | None) -> None:
        """Print it.

        :param done: ``None`` where nothing was changed.
        """
        if as_json:
            say_json(self._as_json(done))
            return
        if self.comparison is not None:
            show_comparison(self.comparison, self.changes)
            show_result(self.comparison, self.changes, ())
        for slip in self.slips:
            tell(f"lint: {slip}")
        version = version_of_state(self.after)
        if done is None:
            say(f"it would be version {version}; nothing has changed")
        elif done.was_there:
            say(f"all of it is so already: version {version}")
        else:
            say(f"policy changed: version {version}")
            if self.before is not None:
                say(f"to go back: {self.remedies.rollback(version_of_state(self.before))}")

    def _as_json(self, done: Replaced | None) -> dict[str, Any]:
        comparison = self.comparison
        return {
            "version": version_of_state(self.after),
            "before": None if self.before is None else version_of_state(self.before),
            "changed": done is not None and not done.was_there,
            "differences": changes_as_json(self.changes),
            "witnesses": differences_as_json(comparison) if comparison else [],
            "change_no_decision": [each.place for each in comparison.idle] if comparison else [],
            "lint": list(self.slips),
        }


def _slips(policy: Policy, owners: frozenset[str]) -> list[str]:
    """A line for each, by its place."""
    found = slips(Examined(policy, owners))
    return [f"{each.place}: {each.why}; {each.instead}" for each in found]


def _side(state: PolicyState, owners: frozenset[str]) -> Side:
    return Side(state.policy, state.contributions, owners)
