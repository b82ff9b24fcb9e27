"""Finding the policy that is meant, and what is kept beside it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import attrs
import click

from orly_policy_plugin.decisions.snapshot import version_in_force
from orly_policy_plugin.errors import PolicyError
from orly_policy_plugin.follows import NeededLists, needed_lists
from orly_policy_plugin.lists import KnownLists
from orly_policy_plugin.plugins import Missing
from orly_policy_plugin.policy import InvalidPolicy, Lists, Policy
from orly_policy_plugin.policy.named_lists import SIGN
from orly_policy_plugin.scripts import check_scripts
from orly_policy_plugin.settings import Settings
from orly_policy_plugin.state import PolicyState, Store, read_state
from orly_policy_plugin.stores import open_store

from .inputs import is_standard_input, policy_content, shown_name, unusable_policy
from .showing import UnusableInput, tell

Command = Callable[..., Any]

FILE = click.Path(path_type=Path, readable=False)
"""A file that the command itself tries to read, and says more than click would."""


POLICY_FILE = "The policy file. Default: that of ORLY_POLICY_PATH or of the configuration folder."
POLICY = f"POLICY: {POLICY_FILE}"
"""For the end of a command's help: an argument has none of its own."""
POLICY_OR_STANDARD_INPUT = f"{POLICY} - is standard input, taken as a file in the current folder."


def policy_argument(command: Command) -> Command:
    """``[POLICY]``, for a command whose arguments are no other files."""
    return click.argument("policy", type=FILE, required=False)(command)


def policy_option(command: Command) -> Command:
    """``--policy POLICY``, for a command whose arguments are other files."""
    return click.option("--policy", type=FILE, metavar="POLICY", help=POLICY_FILE)(command)


def state_option(command: Command) -> Command:
    """``--state FOLDER``."""
    return click.option(
        "--state",
        type=click.Path(path_type=Path, readable=False),
        metavar="FOLDER",
        help="Where the policy's history, contributions and follow lists are, where that is not "
        "beside the policy file.",
    )(command)


_GIVEN: Final = f"{__name__}.given"


def _remember(ctx: click.Context, param: click.Parameter, value: str | None) -> None:
    """For :func:`target_of`: commands pass on a policy and a folder, not where a fleet's are."""
    if value is not None:
        ctx.meta.setdefault(_GIVEN, {})[param.name] = value


def store_option(command: Command) -> Command:
    """``--store URL`` and ``--fleet NAME``, which :func:`target_of` looks at."""
    fleet = click.option(
        "--fleet",
        metavar="NAME",
        expose_value=False,
        callback=_remember,
        help='The fleet in that database. Default: that of ORLY_POLICY_FLEET, or "relay".',
    )
    store = click.option(
        "--store",
        metavar="URL",
        expose_value=False,
        callback=_remember,
        help="The database that keeps the policy of a fleet, postgresql://… Others on this "
        "machine see a password in it: ORLY_POLICY_STORE hides it.",
    )
    return store(fleet(command))


@attrs.frozen
class Target:
    """One relay's policy on this machine."""

    file: Path
    """The policy file, as it was named. ``-``: standard input."""
    is_in_store: bool
    """Whether the policy is that of the fleet's store, and not that of the file."""
    store: Store
    """The store of what is kept of it."""
    owners: tuple[str, ...]
    """The owners of ``ORLY_OWNERS``."""
    largest_policy_bytes: int
    """Of ``ORLY_POLICY_MAX_BYTES``."""
    missing_plugins: Missing
    """Of ``ORLY_POLICY_MISSING_PLUGINS``."""

    @property
    def scripts_from(self) -> Path:
        """The folder to which the paths of scripts and of named lists are relative."""
        return self.file.absolute().parent

    @property
    def name(self) -> str:
        """The policy's name in messages."""
        return self.store.name if self.is_in_store else shown_name(self.file)

    def content(self) -> bytes:
        """Read the policy.

        :raises Unreadable: it cannot be read.
        """
        if self.is_in_store:
            return self.store.read_policy()
        return policy_content(self.file, self.largest_policy_bytes)


def target_of(
    file: Path | None, state: Path | None, *, may_be_standard_input: bool = False
) -> Target:
    """The policy of the fleet's store, where the options or the environment name one; or that in
    ``file``; or where that is ``None`` the environment's. Beside a store, ``file`` says from where
    the policy's scripts are named; only a command that takes standard input as well looks at what
    it says.

    What standard input says is taken as a file in the current folder.

    :param state: the state folder, where it is not the file's.
    :raises UnusableInput: the environment cannot be used, or a file is needed.
    """
    if file and is_standard_input(file) and not may_be_standard_input:
        raise UnusableInput(["standard input has no history and no lists; name the policy file"])
    ctx = click.get_current_context()
    with trouble():
        settings = Settings.from_environment(file, state_folder=state, **ctx.meta.get(_GIVEN, {}))
        store = open_store(settings)
    ctx.call_on_close(store.close)
    return Target(
        file=settings.path,
        is_in_store=settings.store is not None and not (file and may_be_standard_input),
        store=store,
        owners=settings.owners,
        largest_policy_bytes=settings.largest_policy_bytes,
        missing_plugins=settings.missing_plugins,
    )


@contextmanager
def trouble() -> Iterator[None]:
    """Turn what is no fault of the policy's into the end of the command: exit 2."""
    try:
        yield
    except InvalidPolicy as error:
        raise UnusableInput(map(str, error.problems)) from error
    except PolicyError as error:
        raise UnusableInput([str(error)]) from error


def load_state(target: Target) -> PolicyState:
    """The policy with all that is kept beside it; what cannot be used is told.

    :raises UnusablePolicy: the policy cannot be used.
    :raises UnusableInput: it cannot be read, or what was applied before is not known.
    """
    with unusable_policy(target.name):
        current = read_state(target.store, target.owners, policy=target.content())
        check_scripts(current.policy, target.scripts_from)
    for problem in current.problems:
        tell(str(problem))
    return current


def named_lists_of(target: Target, current: PolicyState) -> Lists:
    """The keys of a policy's named lists; of an author's, where it is kept.

    :raises UnusablePolicy: some cannot be read.
    """
    with unusable_policy(target.name):
        return KnownLists(target.scripts_from).resolve(current.policy, current.follows)


def tell_of_second_hop(policy: Policy) -> None:
    """Tell that of two hops of follows the second may not be known here: a relay counts the lists
    that it has stored.
    """
    for name, source in policy.lists.items():
        if source.follows_of is not None:
            tell(f"{SIGN}{name}: counted are the lists kept here; a relay has those it has stored")


def version_of_state(state: PolicyState) -> str:
    """The version of a policy with its contributions."""
    return version_in_force(state.policy, state.contributions)


@attrs.frozen
class Here:
    """The policy on this machine that an event is for."""

    current: PolicyState
    folder: Path
    """The policy file's."""


def load_here(file: Path | None, state: Path | None) -> Here | None:
    """The policy with all that is kept beside it; ``None``, and told, where no policy was named
    and the environment has none. Standard input may be the policy.

    :raises UnusablePolicy, UnusableInput: see :func:`load_state`.
    """
    target = target_of(file, state, may_be_standard_input=True)
    is_file = target.file.exists() or target.file.is_symlink()
    if file is None and not target.is_in_store and not is_file:
        tell("no policy is here: checked by itself, not against what the relay has")
        return None
    return Here(load_state(target), target.scripts_from)


def follow_lists_of(current: PolicyState, lists: Lists) -> NeededLists:
    """Whose follow lists the policy in force needs.

    :param lists: the policy's named lists.
    """
    return needed_lists(current.policy, current.contributions, lists)
