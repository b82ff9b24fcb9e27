"""The problems that stop a start (sections 5, 7 and 14 of the spec). They are checked at a start,
and told before the next."""

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Final

from .follows import needed_lists
from .lists import not_known
from .policy import InvalidPolicy, Lists, Problem
from .scripts import check_scripts
from .state import PolicyState


def start_problems(
    state: PolicyState, scripts_from: Path, missing_lists: Collection[str] | None, lists: Lists
) -> tuple[Problem, ...]:
    """Why a relay would not start with a policy that can be read.

    :param scripts_from: the folder to which the paths of scripts are relative.
    :param missing_lists: authors whose follow lists nobody has; ``None`` where the settings say
        that a missing list is a warning only.
    :param lists: the named lists that are known.
    """
    scripts = _scripts(state, scripts_from)
    if missing_lists is None:
        return scripts
    return (*scripts, *missing_lists_problems(state, missing_lists, lists))


def _scripts(state: PolicyState, scripts_from: Path) -> tuple[Problem, ...]:
    try:
        check_scripts(state.policy, scripts_from)
    except InvalidPolicy as error:
        return error.problems
    return ()


def missing_lists_problems(
    state: PolicyState, missing_lists: Collection[str], lists: Lists
) -> Iterator[Problem]:
    """The problems of lists of people that stop a start. None do where the policy came in an
    event: nobody may be there to mend it.

    :param missing_lists: authors whose follow lists nobody has.
    :param lists: the named lists that are known.
    """
    if state.came_in is not None:
        return
    if missing := needed_lists(state.policy, lists=lists).by_policy.intersection(missing_lists):
        authors = ", ".join(sorted(missing))
        yield Problem(
            "", f"the policy needs the follow lists of {authors}, which nobody has; {_HOW}"
        )
    for name, source in state.policy.lists.items():
        if name not in lists:
            yield Problem(f"lists.{name}", f"{not_known(source).message}; {_HOW}")


_HOW: Final = (
    "import them with `orly-policy follows import FILE` (signed events), "
    "or start with missing follow lists as a warning"
)
