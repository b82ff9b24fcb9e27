"""What a policy decides otherwise that takes the place of another: shown before and after."""

import time
from collections.abc import Callable, Sequence
from typing import Any

import attrs

from orly_policy_plugin.errors import PolicyError
from orly_policy_plugin.lint import Examined, slips
from orly_policy_plugin.lists import KnownLists
from orly_policy_plugin.policy import InvalidPolicy, Policy, read_policy
from orly_policy_plugin.policy.diff import Change, changes_of_meaning
from orly_policy_plugin.scripts import check_scripts
from orly_policy_plugin.state import How, PolicyState, read_state
from orly_policy_plugin.witnesses import Comparison, Side, compare

from .inputs import unusable_policy
from .left_over import Remedies
from .replacing import Replaced, replace
from .showing import DoneUnprinted, UnusableInput, say, say_json, tell
from .showing_changes import changes_as_json
from .showing_witnesses import differences_as_json, show_comparison, show_result
from .target import Target, version_of_state


def replace_and_show(
    target: Target,
    there: bytes | None,
    content: bytes,
    how: How,
    where: object,
    remedies: Remedies,
    *,
    dry_run: bool,
    as_json: bool,
    afterwards: Callable[[], None] = lambda: None,
) -> None:
    """Put a policy in the place of what is there, and print what that decides otherwise.

    :param there: the present policy; ``None`` where there is none.
    :param content: the new one, unchecked.
    :param where: what the new one's problems are of.
    :param dry_run: whether nothing is to be changed.
    :param afterwards: called once it is in its place.
    :raises UnusablePolicy: the new one cannot be used; nothing has changed.
    :raises UnusableInput: something cannot be read or written; nothing has changed, but where it
        says so.
    """
    with unusable_policy(where):
        after = _checked(target, content)
    before = None if there is None else _state_before(target, there)
    shown = Shown.of(before, after, frozenset(target.owners), remedies)
    if dry_run:
        shown.report(as_json=as_json, done=None)
        return
    done = replace(target, content, how, over=there)
    afterwards()
    try:
        for problem in done.problems:
            tell(f"the policy is changed, but: {problem}")
        shown.report(as_json=as_json, done=done)
    except OSError as error:
        reason = error.strerror or error
        raise DoneUnprinted(
            [f"the policy is changed; what that decides could not be printed: {reason}"]
        ) from error


def _checked(target: Target, content: bytes) -> PolicyState:
    """The state with a policy that a relay could use.

    :raises PolicyError: it could not.
    """
    policy = read_policy(content)
    check_scripts(policy, target.scripts_from)
    KnownLists(target.scripts_from).resolve(policy, {})
    return read_state(target.store, target.owners, policy=content)


def _state_before(target: Target, content: bytes) -> PolicyState | None:
    """``None`` where the policy could not be used."""
    try:
        return read_state(target.store, target.owners, policy=content)
    except InvalidPolicy:
        return None
    except PolicyError as error:
        raise UnusableInput([str(error)]) from error


@attrs.frozen
class Shown:
    """The changes of a policy that is replaced, in words and as JSON."""

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
    ) -> "Shown":
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
