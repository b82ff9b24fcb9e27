"""The problems that stop a start (sections 5 and 7 of the spec). They are checked at a start, and
told before the next."""

from collections.abc import Collection
from pathlib import Path

from .follows import needed_lists
from .policy import InvalidPolicy, Lists, Problem
from .scripts import check_scripts
from .state import PolicyState


def start_problems(
    state: PolicyState, scripts_from: Path, missing_lists: Collection[str], lists: Lists
) -> tuple[Problem, ...]:
    """Why a relay would not start with a policy that can be read.

    :param scripts_from: the folder to which the paths of scripts are relative.
    :param missing_lists: authors whose follow lists nobody has; none where the settings say that
        a missing list is a warning only.
    :param lists: the named lists.
    """
    follow_lists = missing_lists_problem(state, missing_lists, lists)
    return (*_scripts(state, scripts_from), *([follow_lists] if follow_lists else []))


def _scripts(state: PolicyState, scripts_from: Path) -> tuple[Problem, ...]:
    try:
        check_scripts(state.policy, scripts_from)
    except InvalidPolicy as error:
        return error.problems
    return ()


def missing_lists_problem(
    state: PolicyState, missing_lists: Collection[str], lists: Lists
) -> Problem | None:
    """The problem of follow lists that stop a start, if any do. None do where the policy came in
    an event: nobody may be there to mend it.

    :param missing_lists: authors whose lists nobody has.
    :param lists: the named lists.
    """
    if state.came_in is not None:
        return None
    missing = needed_lists(state.policy, lists=lists).by_policy.intersection(missing_lists)
    if not missing:
        return None
    authors = ", ".join(sorted(missing))
    return Problem(
        "",
        f"the policy needs the follow lists of {authors}, which nobody has; "
        "import them with `orly-policy follows import FILE` (signed kind 3 events), "
        "or start with missing follow lists as a warning",
    )
