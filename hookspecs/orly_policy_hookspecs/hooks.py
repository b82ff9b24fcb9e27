"""The hooks, and the markers for declaring and implementing them.

Five decide, or take note: :func:`on_write`, :func:`on_read`, :func:`on_kind3`,
:func:`on_list_event` and :func:`on_policy_event`. The others tell the relay about the plugin, and
the plugin about the relay's life; a plugin that has nothing to say leaves them out. They are
ordinary functions but for :func:`on_start` and :func:`on_stop`.

Of the five, every plugin is asked, and the answers are combined by
:func:`orly_policy_hookspecs.combining.combine`: no plugin can undo another's firm no. Such a hook
may be an ordinary or an ``async def`` function. It must not block: an ordinary one runs on the
relay's event loop. One that raises, or takes longer than the gate's time budget, counts as a
rejection with ``error:`` in its plugin's name. One that is still awaited when another plugin has
said a firm no, when the budget is used up or when the client has gone, is cancelled.

The event is a :class:`.nip01.events.FrozenEvent`: no plugin can change it for another, or for the
host.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any, Final

import pluggy

from .context import Context, StartContext
from .criteria import Criterion
from .decision import Answer, Asked, Decision
from .limits import RelayLimits
from .nip01.addresses import Address
from .nip01.events import Event
from .reading import ReadScopes

if TYPE_CHECKING:
    from .gate import Gate

PROJECT: Final = "orly_policy"
"""The pluggy project name, and the name of the entry-point group."""

POLICY_EVENT_KIND: Final = 12345
"""The kind of the signed events that change the policy (section 8 of the spec)."""

hookspec: Final = pluggy.HookspecMarker(PROJECT)
hookimpl: Final = pluggy.HookimplMarker(PROJECT)
"""Marks a plugin's hooks: ``@hookimpl`` above each."""


@hookspec
def on_write(event: Event, context: Context) -> Answer:
    """May this event be stored?

    Asked once for every event before it is stored, its id and signature verified by the host;
    never for kind 12345.

    :param event: the event to be stored.
    :param context: who sends it, and from where.
    :return: a decision, an awaitable of one, or ``None`` to abstain. An accept is no more than
        "no objection".
    """


@hookspec
def on_read(event: Event, context: Context) -> Answer:
    """May this reader be given this event?

    Asked for every stored event before it is handed out, and for every live one and each of its
    readers. A shadow reject withholds the event like a reject does.

    :param event: a stored event.
    :param context: the reader as of now: on a subscription that stays open, whoever has
        authenticated by then.
    :return: a decision, an awaitable of one, or ``None`` to abstain.
    """


@hookspec
def on_kind3(event: Event, context: Context) -> Awaitable[None] | None:
    """A follow list (kind 3, NIP-02) has been stored.

    Called after the fact, in every worker process, and at start with the lists that the relay
    has stored. There is nothing to answer.

    :param event: the accepted follow list.
    :param context: who sent it; the origin tells a stored one (import) from a new one.
    """


@hookspec
def on_list_event(event: Event, context: Context) -> Awaitable[None] | None:
    """Another list of people has been stored: a mute list (kind 10000) or a follow set (kind
    30000, NIP-51).

    Called as :func:`on_kind3` is.

    :param event: the accepted list. Some of it may be encrypted in the content.
    :param context: who sent it; the origin tells a stored one (import) from a new one.
    """


@hookspec
def on_policy_event(event: Event, context: Context) -> Answer:
    """Somebody sends an event that is to change the policy (kind 12345).

    It is given to this hook alone and never stored. The host need not have verified it: the
    plugin that acts on it verifies it itself. Every plugin is waited for, whatever the others say.

    A deletion (kind 5, NIP-09), verified, is given to it as well, before it is decided whether it
    is stored: it may withdraw what a policy event has added. Abstain where it does not.

    An implementation that is awaited longer than the budget, or whose client has gone, is
    cancelled, and then waited for as long as the budget again. What it owes is the truth:

    - As long as it has changed nothing it gives the change up, for good, and lets the
      ``asyncio.CancelledError`` through. The client is then told "error: the policy took too
      long to answer", and nothing may change any more.
    - Past the point of no return it catches the cancellation, finishes and answers as if there
      had been none. Its answer is what the client is told.

    A thread goes on when what awaits it is cancelled, so ``await asyncio.to_thread(change)`` alone
    breaks the first promise: tell the thread to give up, and wait for it (``asyncio.shield``) to
    have done so or to have finished. Where the second wait is over, too, the client is told that
    it is not known whether the policy has changed. An ordinary function cannot be cancelled: its
    answer counts however late it is, and the log names it.

    :param event: the policy event.
    :param context: who sends it, and from where.
    :return: an accept with a message that says what happened, a reject that says why nothing
        did, an awaitable of either, or ``None`` to abstain. An event that nobody takes is
        rejected.
    """


@hookspec
def on_decided(
    event: Event, context: Context, access: Asked, decision: Decision, seconds: float
) -> None:
    """A decision has been made: for logs and counters.

    Called after every answer of the gate, of all plugins together: to a write, to a read of each
    event that plugins are asked about, to a policy event, and to a deletion that withdraws one. Of
    reads that :func:`read_scopes` decides, alone or with an event's size, nobody is told, as
    nobody is asked. It changes nothing, and what it raises is in the log. It is called before the
    host acts, on the same thread, and must not block.

    :param event: the event that was asked about.
    :param context: who has asked.
    :param access: ``"write"``, ``"read"`` or ``"policy_event"``.
    :param decision: the final one; its source is the plugin that has decided, empty where all had
        no objection.
    :param seconds: that it took, waiting included; of reads that are asked about together, each
        one's share.
    """


@hookspec
def read_scopes(context: Context) -> ReadScopes | None:
    """What can be said of this reader before any event is looked at, kind by kind?

    Asked for every REQ and COUNT, and for live events; it must answer at once. A plugin with
    :func:`on_read` and without this hook is asked about every event.

    :param context: the reader as of now.
    :return: a promise about what :func:`on_read` would answer now, or ``None``.
    """


@hookspec
def relay_limits() -> RelayLimits | None:
    """What is to be told of the policy before anybody connects (NIP-11)?"""


@hookspec
def needed_lists() -> Collection[Address] | None:
    """The lists of people that the plugin needs, of the kinds :data:`.nip01.kinds.LISTS`: whose,
    and of a follow set which ``d`` tag.

    Asked before :func:`on_open` and after every change that the plugin tells of. What the relay
    has stored of them is handed to :func:`on_kind3` and :func:`on_list_event`.
    """


@hookspec
def configure(settings: Mapping[str, Any]) -> Callable[[], None] | None:
    """Check the plugin's settings, and say how to put them in force.

    Called before the relay opens, and each time that they have changed, with all of them: an
    empty mapping where the policy has none for the plugin. An ordinary function, called on any
    thread, one call at a time. What is returned is called if the policy comes into force, soon, or
    never; it must not fail. A change that is made at once holds whatever becomes of the policy.

    :param settings: JSON values, the plugin's own copy.
    :raises InvalidSettings: they cannot be used. The relay does not open; a change of the policy
        is refused, and what was in force stays.
    """


@hookspec
def criteria() -> Collection[Criterion] | None:
    """The fields that the plugin adds to rules: see :mod:`.criteria`. Asked when all plugins are
    registered.
    """


@hookspec
def on_registered(gate: "Gate") -> None:
    """All plugins of the relay are registered, and it is about to open. An ordinary function. What
    it raises keeps the relay closed, and is told to the operator.

    :param gate: for a plugin that is about the others.
    """


@hookspec
def on_unregistered(name: str) -> None:
    """Another plugin was unregistered while the relay runs: for a plugin that holds something of
    it. An ordinary function, called on the thread of whoever unregisters; it must not block. What
    it raises is in the log.

    :param name: of the plugin that is gone.
    """


@hookspec
def on_start(context: StartContext) -> Awaitable[None] | None:
    """A relay is about to open, in this process and on this event loop: open sessions and files
    here. It may be ``async def``.

    Called before any other question, in a server that forks in each worker. What it raises, or
    more time than the gate's budget, keeps the relay closed and is told to the operator with the
    plugin's name.

    :param context: what the relay is, and whom to tell that something has changed.
    """


@hookspec
def on_open() -> None:
    """The stored lists have been handed over, and the relay opens.

    What it raises keeps the relay closed, and is told to the operator.
    """


@hookspec
def on_stop() -> Awaitable[None] | None:
    """The relay has closed: close here what :func:`on_start` has opened. It may be ``async def``.

    Called on the same event loop, of the plugins whose :func:`on_start` has ended well, also where
    the relay did not open in the end. An ordinary function must not block. What it raises, or more
    time than the gate's budget, is in the log.
    """
