"""The second policy of a running relay: its file, followed like the policy's own, and the thread
on which it is asked.

A decision costs the relay no more than to note it: on kinds of which both policies decide alike it
is counted, on others it waits for the thread.
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

import attrs

from orly_policy_hookspecs import Context, Decision, Event
from orly_policy_hookspecs.logs import get_log

from ..decisions import compile_policy
from ..errors import PolicyError
from ..lists import KnownLists
from ..policy import InvalidPolicy, read_policy
from ..policy.fields import Access
from ..policy_file import read_policy_file
from ..reload import ContentLook, FileWatcher
from .comparing import ALIKE, Compared, Pair
from .counting import ShadowCounted, ShadowCounts

if TYPE_CHECKING:
    from ..decisions import Snapshot
    from ..plugin import PolicyPlugin

FOLLOWING: Final = "orly-policy-shadow"
ASKING: Final = "orly-policy-shadow-asking"
MOST_WAITING: Final = 10_000
"""Questions that wait to be asked; more are left out, and counted."""
_PACE_SECONDS: Final = 0.1
_IDLE_SECONDS: Final = 1.0
_MOST_AT_A_TIME: Final = 500
"""Questions, before other threads have their turn."""

log = get_log(__name__)


def shadow_file(policy: Path) -> Path:
    """Where the second policy is: ``policy.shadow.json`` beside ``policy.json``."""
    return policy.with_name(f"{policy.stem}.shadow{policy.suffix}")


@attrs.frozen
class Asked:
    """A question that was decided."""

    access: Access
    event: Event
    context: Context
    decision: Decision
    seconds: float
    at: float
    """Unix seconds."""


Note = Callable[[Access, Event, Context, Decision, float], None]
"""Takes what was asked, the decision, and the seconds that it took."""
_Fields = tuple[Access, Event, Context, Decision, float, float]
"""Of :class:`Asked`."""
Differs = Callable[[Asked, Compared, str], None]
"""Told of each question on which the second policy differs, with that one's version."""


class Shadow:
    """The second policy, while its file is there."""

    def __init__(
        self, engine: "PolicyPlugin", differs: Differs, changed: Callable[[], None]
    ) -> None:
        """:param changed: called when other reads are to be asked about."""
        self._engine = engine
        self._differs = differs
        self._changed = changed
        self._lists = KnownLists(engine.status.path.parent)
        self.path = shadow_file(engine.status.path)
        self.pair: Pair | None = None
        """``None`` where there is no second policy, or none that can be used."""
        self.note: Note | None = None
        """Notes a question that was decided; ``None`` where nobody is to be asked."""
        self.problems: tuple[str, ...] = ()
        """What is wrong with its file; empty where nothing is, and where there is none."""
        self.since = 0.0
        """Unix seconds: when this version of it was first asked."""
        self.left_out = 0
        """Questions that it was not asked: too many came at a time."""
        self._content: bytes | None = None
        self._counts = ShadowCounts()
        self._alike: dict[Access, int] = {"write": 0, "read": 0}
        self._waiting: deque[tuple[_Fields, Pair]] = deque()
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._asking: threading.Thread | None = None
        self._watcher: FileWatcher | None = None

    # --- its life

    def start(self) -> None:
        """Follow the file from now on. Starts threads."""
        most = self._engine.settings.largest_policy_bytes
        look = ContentLook(
            self.path,
            None,
            self._take,
            self._lost,
            read=lambda: read_policy_file(self.path, most),
        )
        self._engine.listen(lambda *_: self._compile())
        self._watcher = FileWatcher([look], FOLLOWING)
        self._watcher.start()
        self._asking = threading.Thread(target=self._ask, name=ASKING, daemon=True)
        self._asking.start()

    def stop(self) -> None:
        """End the threads."""
        self._stopping.set()
        if self._watcher is not None:
            self._watcher.stop()
        if self._asking is not None:
            self._asking.join()

    # --- its file

    def _take(self, content: bytes) -> bool:
        self._content = content
        self._compile()
        return True

    def _lost(self, error: PolicyError) -> None:
        is_gone = not (self.path.exists() or self.path.is_symlink())
        with self._lock:
            self._content = None
            self._use(None, () if is_gone else (str(error),))

    def _compile(self) -> None:
        """Make the second policy of the file, and of all else that is in force now."""
        with self._lock:
            content = self._content
            if content is None:
                return
            try:
                pair = Pair(live := self._engine.snapshot, self._compiled(content, live))
            except InvalidPolicy as error:
                self._use(None, tuple(map(str, error.problems)))
            except PolicyError as error:
                self._use(None, (str(error),))
            else:
                self._use(pair, ())

    def _compiled(self, content: bytes, live: "Snapshot") -> "Snapshot":
        policy = read_policy(content)
        settings = self._engine.settings
        state = self._engine.state.under(content, policy, None, settings.owners)
        return compile_policy(
            policy,
            follows=state.follow_lists,
            lists=self._lists.resolve(policy, state.follows),
            owners=settings.owners,
            contributions=state.contributions,
            rate_seconds=settings.rate_seconds,
            plugins=live.plugins,
            before=live,
        )

    def _use(self, pair: Pair | None, problems: tuple[str, ...]) -> None:
        before = self.pair
        if problems and problems != self.problems:
            log.warning("the shadow policy %s is not asked: %s", self.path, "; ".join(problems))
        self.pair, self.problems = pair, problems
        version = None if pair is None else pair.shadow.version
        if version != (None if before is None else before.shadow.version):
            self._counts, self._alike = ShadowCounts(), {"write": 0, "read": 0}
            self.left_out, self.since = 0, time.time()
            if version is not None:
                log.info("the shadow policy %s is asked, and not obeyed: %s", version, self.path)
            elif not problems:
                log.info("there is no shadow policy any more: %s", self.path)
        self.note = None if pair is None else self._noting(pair)
        if pair is not before:
            self._changed()

    # --- questions

    def _noting(self, pair: Pair) -> Note:
        """What notes a question that was decided. Every decision of a relay comes through it."""
        counts, others = self._alike, pair.others_alike
        is_written_alike, others_written = pair.alike["write"].get, others["write"]
        is_read_alike, others_read = pair.alike["read"].get, others["read"]
        waits = self._waiting.append

        def note(
            access: Access, event: Event, context: Context, decision: Decision, seconds: float
        ) -> None:
            if (
                is_written_alike(event.kind, others_written)
                if access == "write"
                else is_read_alike(event.kind, others_read)
            ):
                counts[access] += 1
            elif len(self._waiting) >= MOST_WAITING:
                self.left_out += 1
            else:
                # A tuple: to make an object takes longer than all else here.
                waits(((access, event, context, decision, seconds, time.time()), pair))

        return note

    def counted(self) -> list[ShadowCounted]:
        """How both compared, since this version of it was first asked. From any thread."""
        alike = [
            ShadowCounted(access, ALIKE, "", count)
            for access, count in self._alike.items()
            if count
        ]
        return [*alike, *self._counts.taken()]

    def _ask(self) -> None:
        while not self._stopping.wait(_IDLE_SECONDS if self.pair is None else _PACE_SECONDS):
            while self._waiting and not self._stopping.is_set():
                for _ in range(min(len(self._waiting), _MOST_AT_A_TIME)):
                    fields, pair = self._waiting.popleft()
                    self._ask_one(pair, Asked(*fields))
                self._stopping.wait(0.001)

    def _ask_one(self, pair: Pair, asked: Asked) -> None:
        keys = self._engine.submitters(asked.access, asked.event, asked.context)
        try:
            compared = pair.compare(asked.access, asked.event, keys, int(asked.at), asked.decision)
        except Exception:
            log.exception("the shadow policy could not be asked about %s", asked.event.id)
            return
        if pair.shadow.version != (self.pair.shadow.version if self.pair else None):
            return  # the counts are of another by now
        self._counts.add(asked.access, compared)
        if compared.outcome.startswith("newly"):
            self._differs(asked, compared, pair.shadow.version)
