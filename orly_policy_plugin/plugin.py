"""The engine as a plugin: the hooks, a thin shell over the snapshot in force."""

import logging
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

import attrs

from orly_policy_hookspecs import Context, Decision, Event, Gate, hookimpl

from .decisions import Follows, Snapshot, compile_policy
from .errors import PolicyError
from .policy import InvalidPolicy, Policy, Problem, read_policy
from .reload import FileWatcher
from .settings import Settings
from .state.policy_file import read_policy_file
from .supported import check_supported

NAME: Final = "orly-policy"
"""The engine's name as a plugin, and the source of its decisions."""

log = logging.getLogger(__name__)

_OUR_FAULT = Decision.reject("error: the policy could not be evaluated").attributed(NAME)
_NO_POLICY_EVENTS = Decision.reject("blocked: policy events are not supported yet")


@attrs.frozen
class Status:
    """How the policy stands."""

    path: Path
    version: str
    """The version in force: 12 hex digits."""
    in_force_since: float
    """Unix seconds."""
    problems: tuple[Problem, ...] = ()
    """What is wrong with the file as it is now; empty where it is what is in force."""


Listener = Callable[[Snapshot, Snapshot], None]
"""Told the old and the new snapshot after every swap, on the watcher's thread."""


class PolicyPlugin:
    """The policy engine: enforces one policy file and follows its changes.

    Made by :meth:`load`. Decisions may be asked for from any thread; each reads the snapshot in
    force once, and a swap replaces it whole.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        path: Path,
        content: bytes,
        *,
        owners: Iterable[str] = (),
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._snapshot = snapshot
        self._path = path
        self._content = content
        self._owners = tuple(owners)
        self._clock = clock
        self._follows: Follows | None = None
        self._swapping = threading.Lock()
        self._status = Status(path, snapshot.version, clock())
        self._listeners: list[Listener] = []
        self._watcher: FileWatcher | None = None

    @classmethod
    def load(
        cls,
        path: Path | str,
        *,
        owners: Iterable[str] = (),
        clock: Callable[[], float] = time.time,
    ) -> "PolicyPlugin":
        """Read a policy file. It is watched once :meth:`start` is called.

        :param owners: owners besides the policy's own, 64 lowercase hex characters each.
        :param clock: Unix seconds.
        :raises InvalidPolicy: with every problem of the file.
        :raises UnreadableFile: the file cannot be read.
        """
        path = Path(path).absolute()
        content = read_policy_file(path)
        owners = tuple(owners)
        snapshot = _compiled(read_policy(content), None, owners)
        return cls(snapshot, path, content, owners=owners, clock=clock)

    @property
    def snapshot(self) -> Snapshot:
        """The policy in force."""
        return self._snapshot

    @property
    def status(self) -> Status:
        """How the policy stands: its version, and what is wrong with the file, if anything."""
        return self._status

    def listen(self, listener: Listener) -> None:
        """Call ``listener`` after every swap."""
        self._listeners.append(listener)

    def start(self) -> None:
        """Watch the policy file from now on; what has changed since :meth:`load` counts.

        Starts threads: in a server that forks, call it in each worker.
        """
        self._watcher = FileWatcher(self._path, self._content, self._changed, self._vanished)
        self._watcher.start()

    def stop(self) -> None:
        """Watch no longer. Decisions go on."""
        if self._watcher is not None:
            self._watcher.stop()
            self._watcher = None

    def set_follows(self, follows: Follows) -> None:
        """Replace all follow lists: author to the pubkeys that the author follows.

        They stay across reloads of the policy.
        """
        with self._swapping:
            self._follows = {author: frozenset(keys) for author, keys in follows.items()}
            self._swap(_compiled(self._snapshot.policy, self._follows, self._owners))

    @hookimpl
    def on_write(self, event: Event, context: Context) -> Decision:
        """Sections 2 to 4 of SPEC.md."""
        try:
            return self._snapshot.write(event, context.authenticated, int(self._clock()))
        except Exception:
            log.exception("a write could not be decided")
            return _OUR_FAULT

    @hookimpl
    def on_read(self, event: Event, context: Context) -> Decision:
        """Sections 2 to 4 of SPEC.md."""
        try:
            return self._snapshot.read(event, context.authenticated, int(self._clock()))
        except Exception:
            log.exception("a read could not be decided")
            return _OUR_FAULT

    @hookimpl
    def on_policy_event(self, event: Event, context: Context) -> Decision:
        """Refuses every policy event: this version does not apply them."""
        return _NO_POLICY_EVENTS

    def _changed(self, content: bytes) -> None:
        """The file has another content: put it in force, or keep what is and say why."""
        try:
            policy = read_policy(content)
            with self._swapping:
                snapshot = _compiled(policy, self._follows, self._owners)
                self._swap(snapshot)
        except InvalidPolicy as error:
            self._refused(error.problems)

    def _vanished(self, error: PolicyError) -> None:
        """The file is not there any more, or cannot be read."""
        self._refused((Problem("", str(error)),))

    def _refused(self, problems: tuple[Problem, ...]) -> None:
        version = self._snapshot.version
        self._status = attrs.evolve(self._status, problems=problems)
        log.error(
            "the policy file cannot be used, version %s stays in force: %s",
            version,
            "; ".join(map(str, problems)),
        )

    def _swap(self, snapshot: Snapshot) -> None:
        """Called with the lock held, so that listeners see every swap, in order."""
        old, self._snapshot = self._snapshot, snapshot
        self._status = Status(self._path, snapshot.version, self._clock())
        log.info("policy version %s is in force (before: %s)", snapshot.version, old.version)
        for listener in self._listeners:
            try:
                listener(old, snapshot)
            except Exception:
                log.exception("a listener for policy changes failed")


def _compiled(policy: Policy, follows: Follows | None, owners: tuple[str, ...]) -> Snapshot:
    check_supported(policy, follow_lists_given=follows is not None)
    return compile_policy(policy, follows=follows, owners=owners)


def register(gate: Gate, settings: Settings) -> PolicyPlugin | None:
    """Load the policy and register the engine with a gate; ``None`` where it is switched off.

    :raises PolicyError: the policy cannot be used.
    """
    if not settings.enabled:
        log.warning("ORLY_POLICY_ENABLED is false: no policy is enforced")
        return None
    plugin = PolicyPlugin.load(settings.path, owners=settings.owners)
    gate.register(plugin, NAME)
    return plugin
