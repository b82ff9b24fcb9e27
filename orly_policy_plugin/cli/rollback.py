"""``orly-policy rollback``: put a version of the history back."""

import time
from collections.abc import Sequence
from pathlib import Path

import attrs
import click

from orly_policy_plugin.authority import Freshness, Mark
from orly_policy_plugin.errors import UnreadableFile
from orly_policy_plugin.policy import InvalidPolicy, Policy, Problem, policy_version, read_policy
from orly_policy_plugin.policy.meaning import changes_of_meaning
from orly_policy_plugin.scripts import check_scripts
from orly_policy_plugin.state.freshness_file import load_freshness
from orly_policy_plugin.state.history import Entry, History
from orly_policy_plugin.state.locks import Held, exclusive
from orly_policy_plugin.state.policy_file import read_policy_file
from orly_policy_plugin.state.policy_mark import mark_of
from orly_policy_plugin.state.replacing import keep_unusable, replace_policy

from .differing import show_changes
from .inputs import unusable_policy
from .places import POLICY, Place, place_of, policy_argument, state_option, trouble
from .showing import DoneUnprinted, say, tell


@click.command(epilog=POLICY)
@click.argument("version")
@policy_argument
@state_option
def rollback(version: str, policy: Path | None, state: Path | None) -> None:
    """Put VERSION of the history back into the policy file, byte for byte.

    The first digits of the version are enough. It is your own act: policy events that are older
    than now are refused from now on, so that none that was applied before comes back. What stands
    in the file goes into the history first. A relay that runs takes it up like any change of the
    file.

    Prints what changes. The exit status is 1 where the version can no longer be used, 2 where it
    is unknown, or where something cannot be read or written; then nothing has changed. Only where
    the version was put back and that could not be printed is it 2, too; standard error says so.
    """
    place = place_of(policy, state)
    with trouble():
        entry = History(place.folders.history).find(version)
    with unusable_policy(f"version {entry.version}"):
        put_back = read_policy(entry.content)
        check_scripts(put_back, place.folders.scripts_from)
    with trouble(), exclusive(place.folders.lock_file) as held:
        stood = _Stood.read(place.file, place.largest_policy_bytes)
        if stood.content == entry.content:
            say(f"version {entry.version} is what stands in {place.file}")
            return
        problems = _put_back(place, entry, stood, held)
    try:
        for problem in problems:
            tell(f"the policy is put back, but: {problem}")
        _show(entry, put_back, stood)
    except OSError as error:
        done = f"version {entry.version} is put back into {place.file}"
        reason = error.strerror or error
        raise DoneUnprinted([f"{done}; what changes could not be printed: {reason}"]) from error


@attrs.frozen
class _Stood:
    """What stands in the file before; ``None`` where nothing does, or nothing that can be used."""

    content: bytes | None
    policy: Policy | None

    @classmethod
    def read(cls, file: Path, most_bytes: int) -> "_Stood":
        try:
            content = read_policy_file(file, most_bytes)
        except UnreadableFile:
            if file.exists():
                raise
            return cls(None, None)
        try:
            return cls(content, read_policy(content))
        except InvalidPolicy:
            return cls(content, None)

    def entry(self, now: int, history: History) -> Entry | None:
        """For the history: with who and when where it is there, else a hand edit."""
        if self.content is None or self.policy is None:
            return None
        version = policy_version(self.policy)
        for known in history.entries([]):
            if known.content == self.content:
                return attrs.evolve(known, recorded_at=now)
        return Entry(version=version, recorded_at=now, how="hand edit", content=self.content)


def _put_back(place: Place, entry: Entry, stood: _Stood, held: Held) -> Sequence[Problem]:
    """:return: what could not be kept although the version is put back."""
    now = int(time.time())
    history = History(place.folders.history)
    if stood.content is not None and stood.policy is None:
        kept = keep_unusable(place.folders, stood.content, now, held)
        tell(f"what stood in {place.file} is no policy; it is kept as {kept}")
    marks = load_freshness(history.folder).raised(Freshness(mark_of(stood.content or b"")))
    return replace_policy(
        place.folders,
        Entry(
            version=entry.version,
            recorded_at=now,
            how="rollback",
            content=entry.content,
        ),
        standing=stood.entry(now, history),
        seen=marks.with_owner(Mark(now)),
        held=held,
    )


def _show(entry: Entry, policy: Policy, stood: _Stood) -> None:
    say(f"policy put back: version {entry.version}")
    if stood.policy is None:
        return
    changes = changes_of_meaning(stood.policy, policy)
    show_changes(changes)
    if not changes:
        say("it means the same as what stood there")
