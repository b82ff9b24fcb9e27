"""``orly-policy publish``: put a policy into the store of a fleet."""

from pathlib import Path

import click

from orly_policy_plugin.lists import KnownLists
from orly_policy_plugin.policy import read_policy
from orly_policy_plugin.scripts import check_scripts

from .examples import examples
from .inputs import policy_content, shown_name, unusable_policy
from .replacing import replace
from .showing import DoneUnprinted, UnusableInput, say, tell
from .target import FILE, store_option, target_of, version_of_state


@click.command(epilog=examples("orly-policy publish policy.json --store postgresql://db/relay"))
@click.argument("file", type=FILE)
@store_option
def publish(file: Path) -> None:
    """Put the policy in FILE into a fleet's store.

    The fleet obeys it within a second. - is standard input. It is checked first, with the scripts
    and lists that it names, which are looked for from FILE's folder. It is your own act: policy
    events that are older than now are refused from now on. What was in the store is in its
    history; `orly-policy rollback` puts it back.

    Prints what changes. The exit status is 1 where the policy cannot be used, 2 where something
    cannot be read or written; then nothing has changed. Only where it was published and that could
    not be printed is it 2, too; standard error says so.
    """
    target = target_of(None, None)
    if not target.is_in_store:
        what = "there is no store: name it by --store URL or ORLY_POLICY_STORE"
        raise UnusableInput([f"{what}. Without one, a relay obeys the policy file that it reads"])
    folder = file.absolute().parent
    with unusable_policy(shown_name(file)):
        content = policy_content(file, target.largest_policy_bytes)
        policy = read_policy(content)
        check_scripts(policy, folder)
        KnownLists(folder).resolve(policy, {})
    done = replace(target, content, "publish")
    try:
        for problem in done.problems:
            tell(f"the policy is published, but: {problem}")
        version = version_of_state(done.in_force)
        if done.was_there:
            say(f"{target.name} has it already: version {version}")
            return
        say(f"policy published: version {version}")
        done.show_changes()
    except OSError as error:
        reason = error.strerror or error
        raise DoneUnprinted(
            [f"the policy is published; what changes could not be printed: {reason}"]
        ) from error
