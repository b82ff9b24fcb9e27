"""For the tests of plugins: signed events, and a plugin that is asked as a relay asks it.

::

    import members  # the plugin
    from orly_policy_hookspecs.testing import Key, Running, ask, by

    ALICE = Key("alice")


    def test_strangers_are_refused():
        assert not ask(members, ALICE.event(1, "hello"), by(ALICE)).accepted


    async def test_members_may_write():
        async with Running(members, settings={"keys": [ALICE.pubkey]}) as gate:
            assert (await gate.write(ALICE.event(1, "hello"), by(ALICE))).accepted

A :class:`Key` needs coincurve, which the extra ``testing`` brings; all else is the contract's own.
"""

import hashlib
import time
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from types import MappingProxyType
from typing import Any, Final

from .blocking import BlockingGate
from .context import Context, Origin
from .decision import Asked, Decision
from .gate import Gate, GateSettings
from .nip01.events import Event, FrozenEvent
from .nip01.ids import event_id

NOBODY: Final = Context()
"""A client that has not authenticated."""
NO_SETTINGS: Final[Mapping[str, Any]] = MappingProxyType({})


class Key:
    """A secret key, which makes signed events of its owner's."""

    def __init__(self, name: str | None = None) -> None:
        """Make the key of this name, the same each time; a new one without a name.

        :raises ImportError: coincurve is not installed.
        """
        try:
            from coincurve import PrivateKey
        except ImportError as error:
            raise ImportError(
                "signing events needs coincurve: pip install 'orly-policy-hookspecs[testing]'"
            ) from error
        self._secret = PrivateKey(None if name is None else hashlib.sha256(name.encode()).digest())
        self.pubkey: str = self._secret.public_key_xonly.format().hex()
        """64 lowercase hex characters."""

    def event(
        self,
        kind: int = 1,
        content: str = "",
        tags: Iterable[Iterable[str]] = (),
        created_at: int | None = None,
    ) -> FrozenEvent:
        """Make an event with its id and signature (NIP-01).

        :param created_at: Unix seconds; now where not given.
        """
        at = int(time.time()) if created_at is None else created_at
        unsigned = FrozenEvent("", self.pubkey, at, kind, tags, content, "")
        identity = event_id(unsigned)
        signature = self._secret.sign_schnorr(bytes.fromhex(identity)).hex()
        return unsigned._replace(id=identity, sig=signature)


def by(
    *authenticated: Key | str,
    ip: str = "",
    connection: object = None,
    origin: Origin = Origin.CLIENT,
) -> Context:
    """The context of a client that has authenticated with these keys. Parameters as in
    :class:`.Context`.

    :param authenticated: keys, or pubkeys of 64 lowercase hex characters.
    """
    keys = tuple(key.pubkey if isinstance(key, Key) else key for key in authenticated)
    return Context(keys, ip, connection, origin)


class Running:
    """A relay's gate with a plugin, for tests: what a host does, without a host. To be entered::

        with Running(plugin) as gate:
            gate.write(event, by(alice))

        async with Running(plugin) as gate:
            await gate.write(event, by(alice))

    Entering it has the plugin check its settings, starts and opens it; leaving it stops it. In
    between all is as in a relay: wrappers, answers that are awaited, the budget.
    """

    def __init__(
        self,
        plugin: object,
        *others: object,
        name: str | None = None,
        settings: Mapping[str, Any] = NO_SETTINGS,
        may_vouch: bool = True,
        budget_seconds: float = 10.0,
        relay_urls: Iterable[str] = (),
    ) -> None:
        """:param others: plugins that are asked as well, under their modules' or classes' names.
        :param name: the plugin's; its module's or class's where not given.
        :param settings: the plugin's section in the policy file.
        :param may_vouch: whether the host lets the plugin vouch, for writes and reads.
        :param budget_seconds: how long one question may wait for plugins.
        :param relay_urls: what the plugin is told when it starts.
        :raises PluginError: one of them cannot work as it is written.
        """
        self.name = name or _name_of(plugin)
        """The plugin's name: the source of its decisions."""
        vouching = frozenset({self.name} if may_vouch else ())
        self.gate = Gate(GateSettings(vouching, vouching, budget_seconds))
        """The gate, for the questions that are never awaited, such as its ``relay_limits()``."""
        self._settings = settings
        self._relay_urls = tuple(relay_urls)
        self.gate.register(plugin, self.name)
        for other in others:
            self.gate.register(other, _name_of(other))

    def __enter__(self) -> BlockingGate:
        blocking = self.gate.blocking
        self._configure()
        with ExitStack() as failing:
            failing.callback(blocking.close)
            blocking.start(relay_urls=self._relay_urls)
            failing.callback(blocking.stop)
            self.gate.open()
            failing.pop_all()
        return blocking

    def __exit__(self, *_: object) -> None:
        self.gate.blocking.stop()
        self.gate.blocking.close()

    async def __aenter__(self) -> Gate:
        self._configure()
        await self.gate.start(relay_urls=self._relay_urls)
        try:
            self.gate.open()
        except BaseException:
            await self.gate.stop()
            raise
        return self.gate

    async def __aexit__(self, *_: object) -> None:
        await self.gate.stop()

    def _configure(self) -> None:
        put_in_force = self.gate.configure(self.name, self._settings)
        put_in_force()
        self.gate.check()


def ask(
    plugin: object, event: Event, context: Context = NOBODY, access: Asked = "write", **how: Any
) -> Decision:
    """Ask a plugin one question, as a relay with no other plugin would. Where an event loop runs:
    :func:`ask_async`.

    :param access: ``"write"``, ``"read"`` or ``"policy_event"``.
    :param how: the keyword arguments of :class:`Running`.
    :return: the gate's decision: an accept without a source where the plugin abstains.
    """
    with Running(plugin, **how) as gate:
        decision: Decision = getattr(gate, access)(event, context)
    return decision


async def ask_async(
    plugin: object, event: Event, context: Context = NOBODY, access: Asked = "write", **how: Any
) -> Decision:
    """As :func:`ask`, on the event loop that runs."""
    async with Running(plugin, **how) as gate:
        decision: Decision = await getattr(gate, access)(event, context)
    return decision


def _name_of(plugin: object) -> str:
    return str(getattr(plugin, "__name__", type(plugin).__name__))
