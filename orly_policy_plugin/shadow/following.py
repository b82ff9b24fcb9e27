"""The second policy of a running relay: its file, followed like the policy's own, and the thread
on which it is asked.

Of kinds on which both policies decide alike nobody is asked: how many were decided is counted
already. On other kinds a decision is noted, and waits for the thread.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

import attrs

from orly_policy_hookspecs import Context, Decision, Event
from orly_policy_hookspecs.decision import Asked as Question
from orly_policy_hookspecs.logs import get_log

from ..decisions import compile_policy
from ..errors import PolicyError
from ..lists import KnownLists
from ..policy import InvalidPolicy, read_policy
from ..policy.fields import Access
from ..policy_file import read_policy_file
from ..reload import ContentLook, FileWatcher
from .comparing import ALIKE, Compared, Pair
from .counting import ShadowCounted, ShadowCounts, added

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


Note = Callable[[Question, Event, Context, Decision, float], None]
"""Takes what was asked, the decision, and the seconds that it took."""
_Fields = tuple[Access, Event, Context, Decision, float, float]
"""Of :class:`Asked`."""
Decided = Callable[[], Mapping[Access, int]]
"""How many questions were decided until now. From any thread."""
Differs = Callable[[Asked, Compared, str], None]
"""Told of each question on which the second policy differs, with that one's version."""


@attrs.define
class _Since:
    """What became of questions since a version of the second policy was first asked."""

    at: float = 0.0
    """Unix seconds."""
    before: Mapping[Access, int] = attrs.field(factory=dict)
    """How many were decided until then."""
    noted: dict[Access, int] = attrs.field(factory=lambda: {"write": 0, "read": 0})
    """Those of kinds on which the policies may differ."""
    left_out: int = 0
    """Those of them that came too many at a time."""
    counts: ShadowCounts = attrs.field(factory=ShadowCounts)
    """Those of them that were asked."""

    def alike(self, decided: Mapping[Access, int]) -> list[ShadowCounted]:
        """The others.

        :param decided: all that were decided until now.
        """
        rest = {
            access: count - self.before.get(access, count) - self.noted[access]
            for access, count in decided.items()
        }
        return [
            ShadowCounted(access, ALIKE, "", count) for access, count in rest.items() if count > 0
        ]


class Shadow:
    """The second policy, while its file is there."""

    def __init__(
        self,
        engine: "PolicyPlugin",
        decided: Decided,
        differs: Differs,
        changed: Callable[[], None],
    ) -> None:
        """:param changed: called when other questions are to be noted, or other reads to be asked
        about.
        """
        self._engine = engine
        self._decided = decided
        self._differs = differs
        self._changed = changed
        self._lists = KnownLists(engine.status.path.parent)
        self.path = shadow_file(engine.status.path)
        self.pair: Pair | None = None
        """``None`` where there is no second policy, or none that can be used."""
        self.note: Note = _not_noted
        """Notes a question that was decided, where nobody knows yet whether both decide alike."""
        self.problems: tuple[str, ...] = ()
        """What is wrong with its file; empty where nothing is, and where there is none."""
        self._content: bytes | None = None
        self._since = _Since()
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
        version = None if pair is None else pair.shadow.version
        is_other = version != (None if before is None else before.shadow.version)
        if is_other:
            self._since = _Since(time.time(), self._decided())
        self.pair, self.problems = pair, problems
        if is_other:
            if version is not None:
                log.info("the shadow policy %s is asked, and not obeyed: %s", version, self.path)
            elif not problems:
                log.info("there is no shadow policy any more: %s", self.path)
        self.note = _not_noted if pair is None else self._noting(pair)
        if pair is not before:
            self._changed()

    # --- questions

    def _noting(self, pair: Pair) -> Note:
        since, waiting = self._since, self._waiting

        def note(
            access: Question, event: Event, context: Context, decision: Decision, seconds: float
        ) -> None:
            if access == "policy_event" or pair.is_alike(access, event.kind):
                return
            since.noted[access] += 1
            if len(waiting) >= MOST_WAITING:
                since.left_out += 1
            else:
                # A tuple: to make an object takes longer than all else here.
                waiting.append(((access, event, context, decision, seconds, time.time()), pair))

        return note

    @property
    def since(self) -> float:
        """Unix seconds: when this version of it was first asked."""
        return self._since.at

    @property
    def left_out(self) -> int:
        """Questions that it was not asked: too many came at a time."""
        return self._since.left_out

    def counted(self) -> list[ShadowCounted]:
        """How both compared, since this version of it was first asked. From any thread."""
        since = self._since
        alike = [] if self.pair is None else since.alike(self._decided())
        return added([*alike, *since.counts.taken()])

    def _ask(self) -> None:
        while not self._stopping.wait(_IDLE_SECONDS if self.pair is None else _PACE_SECONDS):
            while self._waiting and not self._stopping.is_set():
                for _ in range(min(len(self._waiting), _MOST_AT_A_TIME)):
                    self._ask_one(*self._waiting.popleft())
                self._stopping.wait(0.001)

    def _ask_one(self, fields: _Fields, pair: Pair) -> None:
        access, event, context, decision, _, at = fields
        keys = self._engine.submitters(access, event, context)
        try:
            compared = pair.compare(access, event, keys, int(at), decision)
        except Exception:
            log.exception("the shadow policy could not be asked about %s", event.id)
            return
        if pair.shadow.version != (self.pair.shadow.version if self.pair else None):
            return  # the counts are of another by now
        self._since.counts.add(access, compared)
        if compared.outcome.startswith("newly"):
            self._differs(Asked(*fields), compared, pair.shadow.version)


def _not_noted(*_: object) -> None:
    """Nobody is to be asked."""
