"""Start the example relay on loopback."""

import contextlib
import math
import shlex
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

import click
import sqlalchemy as sa
import uvicorn

from orly_policy_hookspecs import GateError, OperatorError
from orly_policy_hookspecs.logs import get_log
from orly_policy_plugin.atomic import write_atomically
from orly_policy_plugin.errors import Unwritable
from orly_policy_plugin.hosts.asgi import App
from orly_policy_plugin.hosts.listening import CannotListen, listen_on
from orly_policy_plugin.hosts.nostr_relay import PolicyApp, create_app
from orly_policy_plugin.hosts.nostr_relay.logs import OURS
from orly_policy_plugin.hosts.websockets import WebSockets
from orly_policy_plugin.policy import InvalidPolicy
from orly_policy_plugin.session import SessionSettings

from .configuration import configuration, is_edited, once_started
from .private import CONFIGURATION, NotPrivate, keep_private
from .showing import PYTHON, program, run, say, tell

if TYPE_CHECKING:
    from .workers import Workers

_DATA: Final = Path("relay-data")
_POLICY: Final = "policy.json"
SAMPLE_POLICY = Path(__file__).with_name("sample-policy.json")


def _finite(_: click.Context, param: click.Parameter, value: float) -> float:
    """NaN is below no bound."""
    if not math.isfinite(value):
        raise click.BadParameter(f"{value} is no number of seconds", param=param)
    return value


def _in_utf8(_: click.Context, param: click.Parameter, value: Path) -> Path:
    """A name that a configuration, and LMDB, can have."""
    try:
        str(value).encode()
    except UnicodeEncodeError as error:
        message = f"the name {str(value)!r} is not in UTF-8"
        raise click.BadParameter(message, param=param) from error
    return value


def _database(_: click.Context, param: click.Parameter, value: str | None) -> sa.URL | None:
    """As nostr-relay is given it: with the driver's name."""
    if value is None:
        return None
    try:
        url = sa.make_url(value)
    except (sa.exc.ArgumentError, ValueError):  # whose text has the password
        url = None
    if url is None or url.drivername not in _POSTGRESQL:
        raise click.BadParameter("postgresql://user:password@host/name is needed", param=param)
    return url.set(drivername="postgresql+asyncpg")


_POSTGRESQL = ("postgresql", "postgres", "postgresql+asyncpg")


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=6969,
    show_default=True,
    help="0 takes a free one.",
)
@click.option(
    "--policy",
    type=click.Path(path_type=Path, readable=False),  # create_app says more than click would
    help="The policy file; without it, policy.json in the data folder, at first a sample.",
)
@click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    callback=_in_utf8,
    default=_DATA,
    show_default=True,
    help="Folder for the database, the configuration and the sample policy.",
)
@click.option(
    "--storage",
    type=click.Choice(["sqlite", "lmdb"]),
    default="sqlite",
    show_default=True,
    help="What the events are kept in, in the data folder.",
)
@click.option(
    "--database",
    metavar="URL",
    callback=_database,
    help="A database of PostgreSQL to keep the events in instead: postgresql://user@host/name. "
    "Relays with the same one share their events.",
)
@click.option(
    "--store",
    metavar="URL",
    help="A database of PostgreSQL to keep the policy in, for all relays with the same one; "
    "`orly-policy store init URL` makes its tables. Without it, what ORLY_POLICY_STORE says.",
)
@click.option(
    "--workers",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="Processes that share the port; all obey the same policy file.",
)
@click.option(
    "--missing-follow-lists",
    type=click.Choice(["stop", "warn"]),
    default="stop",
    show_default=True,
    help="Where the policy needs follow lists that nobody has: do not start, or warn.",
)
@click.option(
    "--require-relay-tag",
    is_flag=True,
    help="Refuse policy events that do not name this relay in a relay tag.",
)
@click.option(
    "--script-failure-write",
    type=click.Choice(["default", "deny"]),
    default="default",
    show_default=True,
    help="What a script's failure on a write comes to: the policy's default_policy, or a denial.",
)
@click.option(
    "--script-failure-read",
    type=click.Choice(["default", "deny"]),
    default="deny",
    show_default=True,
    help="The same on a read.",
)
@click.option(
    "--script-environment",
    multiple=True,
    metavar="NAME",
    help="A variable that scripts find in their environment besides PATH, LANG and HOME; may be "
    "repeated.",
)
@click.option(
    "--script-timeout",
    type=click.FloatRange(0, min_open=True),
    callback=_finite,
    default=5.0,
    show_default=True,
    help="Seconds that a script may take for one event.",
)
def main(
    host: str,
    port: int,
    policy: Path | None,
    data: Path,
    storage: str,
    database: sa.URL | None,
    store: str | None,
    workers: int,
    missing_follow_lists: str,
    require_relay_tag: bool,
    script_failure_write: str,
    script_failure_read: str,
    script_environment: tuple[str, ...],
    script_timeout: float,
) -> None:
    """Run nostr-relay behind a policy file, which may be edited meanwhile."""
    with contextlib.ExitStack() as closing:
        try:
            listening = listen_on(host, port)
        except CannotListen as error:
            _fail(f"{error}; --port 0 takes a free port, --host names an address of this machine")
        port = listening.getsockname()[1]
        try:
            keep_private(data)
            policy_file = policy or _sample_policy(data)
            if database is not None and storage == "lmdb":
                raise click.UsageError(
                    "--database takes the place of --storage lmdb: give one of them"
                )
            events = _storage(data.absolute(), storage, database)
            of_nostr_relay = _configured(host, port, events, workers)
            if is_edited(data / CONFIGURATION):
                tell(
                    f"{data / CONFIGURATION} was edited and is used as it is: its storage and its "
                    "relay_urls count, not those of the options; remove it to have it made anew"
                )
            path, keep = closing.enter_context(configuration(data, of_nostr_relay))
        except NotPrivate as error:
            _fail(str(error))
        except Unwritable as error:
            _fail(f"{error}; or name another folder with --data")
        except OSError as error:
            _fail(f"{error.filename or data}: {error.strerror}; name another folder with --data")
        of_the_store: dict[str, Any] = {} if store is None else {"store": store}
        try:
            app = create_app(
                path,
                policy_file,
                **of_the_store,
                missing_follow_lists=missing_follow_lists,
                require_relay_tag=require_relay_tag,
                script_failure_write=script_failure_write,
                script_failure_read=script_failure_read,
                script_environment=script_environment,
                script_timeout_seconds=script_timeout,
            )
        except InvalidPolicy as error:
            _fail(*map(str, error.problems))
        except (OperatorError, GateError) as error:
            _fail(str(error))
        if workers > 1:
            by_workers = _load_workers()(once_started(app, keep), listening, workers)
            _greet(app, f"ws://{host}:{port}", policy_file)
            by_workers.run()
        else:
            _greet(app, f"ws://{host}:{port}", policy_file)
            _serve(once_started(app, keep), listening)


def _load_workers() -> "type[Workers]":
    """Gunicorn, which a single process does without: it reads the process's arguments."""
    try:
        from .workers import Workers
    except UnicodeDecodeError:
        _fail("gunicorn starts no workers where an argument is not in UTF-8")
    return Workers


def _serve(app: App, listening: socket.socket) -> None:
    get_log("uvicorn.error")  # its handlers are its own
    # Headers of proxies are not believed: on loopback anybody could write them.
    config = uvicorn.Config(
        app,
        proxy_headers=False,
        log_level="warning",
        ws=WebSockets,
        ws_max_size=SessionSettings().frame_bytes,
    )
    server = uvicorn.Server(config)
    with contextlib.suppress(KeyboardInterrupt):  # raised again once it has stopped
        server.run(sockets=[listening])
    if not server.started:
        sys.exit(3)


def _fail(*problems: str) -> NoReturn:
    for line in ("the relay does not start:", *problems):
        tell(line)
    sys.exit(1)


def _sample_policy(data: Path) -> Path:
    """The data folder's policy; the sample is put there the first time."""
    policy = data / _POLICY
    if not policy.exists() and not policy.is_symlink():
        write_atomically(policy, SAMPLE_POLICY.read_bytes())
    return policy


def _configured(host: str, port: int, storage: dict[str, Any], workers: int) -> dict[str, Any]:
    """nostr-relay's configuration, as the options have it."""
    names = {host, "localhost"} if host == "127.0.0.1" else {host}
    return {
        "relay_name": "example relay",
        "relay_description": "nostr-relay with orly_policy_plugin",
        "storage": storage,
        "authentication": {"relay_urls": [f"ws://{name}:{port}" for name in sorted(names)]},
        "gunicorn": {"bind": f"{host}:{port}", "workers": workers},
        "logging": {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {"line": {"format": "%(levelname)s %(message)s"}},
            "filters": {"harmless": {"()": "orly_policy_hookspecs.logs.Harmless"}},
            "handlers": {
                "console": {
                    "class": "logging.StreamHandler",
                    "formatter": "line",
                    "filters": ["harmless"],  # nostr-relay logs what clients send, too
                },
            },
            # Not INFO: what changes is printed.
            "loggers": {name: {"level": "WARNING"} for name in OURS},
            "root": {"level": "WARNING", "handlers": ["console"]},
        },
    }


def _storage(data: Path, storage: str, database: sa.URL | None) -> dict[str, Any]:
    if database is not None:
        return {"sqlalchemy.url": database.render_as_string(hide_password=False)}
    if storage == "lmdb":
        return {
            "class": "nostr_relay.storage.kv.LMDBStorage",
            "path": str(data / "events.lmdb"),
            "map_size": 2**30,
        }
    return {"sqlalchemy.url": f"sqlite+aiosqlite:///{data / 'events.sqlite3'}"}


def _greet(app: PolicyApp, url: str, policy: Path) -> None:
    """Say where the relay is, what it enforces, and how to try it."""
    elsewhere = () if policy == _DATA / _POLICY else ("--policy", str(policy))
    try_it = shlex.join([program(PYTHON), "-m", "example_relay.say", "--relay", url, *elsewhere])
    say(f"relay:   {url}")
    if app.engine is None:
        say("policy:  none is enforced (ORLY_POLICY_ENABLED is false)")
    else:
        say(f"policy:  {policy} (version {app.engine.snapshot.version})")
        app.engine.listen(_tell_change)
    say("try:     in another terminal")
    say(f"         {try_it} hello")
    say(f"         {try_it} --kind 5000 hello")
    say("         then edit the policy file and see what changes here. Ctrl-C stops the relay.")


def _tell_change(old: Any, new: Any) -> None:
    """Print what a saved policy file, or a signed event, changes."""
    lists = new.lists_changed_since(old)
    for changed in lists:
        say(f"policy:  the list is now {changed}")
    if old.version == new.version and not lists:
        say(f"policy:  follow lists changed (version {new.version})")
    if old.version == new.version:
        return
    say(f"policy:  version {old.version} -> {new.version}")
    for difference in new.changes_since(old):
        say(f"         {difference}")


if __name__ == "__main__":
    run(main)
