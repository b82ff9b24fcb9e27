"""Roles, rights and versions of the tables; and no password in what is said."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from click.testing import CliRunner, Result
from live.making import admin, eventually, follows, friend, owner, policy, signed, withdrawing

pytest.importorskip("psycopg", reason="install orly-policy-plugin[postgres]")

import psycopg
from psycopg import sql

from orly_policy_plugin.cli.command import orly_policy
from orly_policy_plugin.errors import Busy, PolicyError, Unreachable, Unreadable, Unwritable
from orly_policy_plugin.settings import Settings
from orly_policy_plugin.state.address import Address
from orly_policy_plugin.state.postgres import schema
from orly_policy_plugin.state.postgres.faults import translated
from orly_policy_plugin.state.postgres.init import init_store
from orly_policy_plugin.state.postgres.link import Patience
from orly_policy_plugin.state.postgres.schema import make_tables

from .nodes import Nodes

SECRET = "s3cr3t:/@%"

Init = Callable[..., Result]


@pytest.fixture
def role(nodes: Nodes) -> Iterator[str]:
    """A role that may log in, and nothing else."""
    name = f"relay_{abs(hash(nodes.fleet)) % 10**9}"
    nodes.run(sql.SQL("CREATE ROLE {} LOGIN PASSWORD 'x'").format(sql.Identifier(name)))
    yield name
    nodes.stop()
    nodes.run(sql.SQL("DROP OWNED BY {}").format(sql.Identifier(name)))
    nodes.run(sql.SQL("DROP ROLE {}").format(sql.Identifier(name)))


@pytest.fixture
def database(nodes: Nodes) -> Iterator[str]:
    """An empty database of its own: its URL."""
    name = f"empty_{abs(hash(nodes.fleet)) % 10**9}"
    with psycopg.connect(nodes.url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    nodes.url = nodes.url.replace("/postgres?", f"/{name}?")
    yield nodes.url
    nodes.stop()
    with psycopg.connect(nodes.url.replace(f"/{name}?", "/postgres?"), autocommit=True) as again:
        again.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.mark.parametrize(
    ("error", "made"),
    [
        (psycopg.OperationalError("no answer in time"), Unreachable),
        (psycopg.errors.AdminShutdown("the database system is shutting down"), Unreachable),
        (psycopg.errors.DiskFull("could not extend file: No space left on device"), Unwritable),
        (psycopg.errors.ReadOnlySqlTransaction("cannot execute UPDATE"), Unwritable),
        (psycopg.errors.LockNotAvailable("canceling statement due to lock timeout"), Busy),
        (psycopg.errors.UndefinedTable('relation "orly_policy.fleet"'), Unreadable),
    ],
)
def test_what_the_database_says_is_told(error: psycopg.Error, made: type[PolicyError]) -> None:
    """As one of the engine's errors, in one line, and without the password, should it be in it."""
    address = Address.parse("postgresql://u:s3cr3t%2F@host/db?password=other")
    found = translated(type(error)(f"{error} s3cr3t%2F s3cr3t/ other\nLINE 1: ..."), address)
    assert type(found) is made
    assert "s3cr3t" not in str(found)
    assert "other" not in str(found)
    assert "\n" not in str(found)


def init(*arguments: str) -> Result:
    return CliRunner().invoke(orly_policy, ["store", "init", *arguments], catch_exceptions=False)


def as_role(nodes: Nodes, role: str) -> str:
    return nodes.url.replace("postgres@", f"{role}:{quote(SECRET, safe='')}@")


def test_a_role_with_the_rights_of_a_relay(nodes: Nodes, role: str) -> None:
    """It can do all that a node does."""
    result = init(nodes.url, "--fleet", nodes.fleet, "--role", role)
    assert result.exit_code == 0, result.output
    node = nodes.new(policy(), url=as_role(nodes, role)).start()
    now = int(time.time())
    contribution = signed(admin, {"kind_blacklist_add": [9]}, now + 1)
    following = policy(rules={"1": {"follows_whitelist_admins": [admin.pubkey]}})
    node.applied(contribution)
    node.applied(withdrawing(admin, contribution, created_at=now + 2))
    node.applied(signed(owner, following, now + 3))
    for n in (4, 5):
        node.follow(follows(admin, friend, created_at=now + n))
    node.save(policy(kind={"blacklist": [7]}))
    eventually(lambda: node.plugin.snapshot.policy.kind.blacklist == (7,))
    assert not node.problems
    assert nodes.history() == ["hand edit", "event", "withdrawal", "contribution", "start"]


def test_a_role_without_rights(nodes: Nodes, role: str) -> None:
    """It is told what gives them, without its password."""
    with pytest.raises(PolicyError, match="store init URL --role") as raised:
        nodes.new(policy(), url=as_role(nodes, role)).start()
    assert "s3cr3t" not in str(raised.value)
    assert "permission denied" in str(raised.value)


def test_a_role_that_may_only_read(nodes: Nodes, role: str) -> None:
    """What is in the store is in force; changes are refused."""
    nodes.started(1)
    for right in schema.RIGHTS[:2]:
        nodes.run(sql.SQL(right).format(role=sql.Identifier(role)))
    node = nodes.new(url=as_role(nodes, role)).start()
    assert node.version == nodes.all[0].version
    answer = node.apply(signed(owner, policy(), int(time.time())))
    assert answer.message.startswith("error: the policy")


def test_a_role_that_may_make_nothing(database: str, role: str, nodes: Nodes) -> None:
    result = init(as_role(nodes, role))
    assert result.exit_code == 2
    assert "a role is needed that may create a schema" in result.output
    assert "s3cr3t" not in result.output


def test_the_rights_are_in_the_page() -> None:
    page = (Path(__file__).parents[2] / "docs" / "fleet.md").read_text()
    for right in schema.RIGHTS:
        assert f"{right.format(role='relay')};\n" in page


def test_init_may_be_repeated(database: str, nodes: Nodes) -> None:
    """The second time it changes nothing; it prints the rights that a relay's role needs."""
    first, second = (init(database, "--fleet", "x") for _ in range(2))
    assert "made" in first.output
    assert "there already" in second.output
    assert "GRANT USAGE ON SCHEMA orly_policy TO ROLE;" in second.output
    assert init(database, "--role", "nobody that is").exit_code == 2


def test_a_database_without_an_encoding(nodes: Nodes) -> None:
    """As ``initdb`` makes it where the machine has no locale."""
    everywhere, name = nodes.url, f"ascii_{abs(hash(nodes.fleet)) % 10**9}"
    with psycopg.connect(everywhere, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} ENCODING SQL_ASCII TEMPLATE template0")
    nodes.url = everywhere.replace("/postgres?", f"/{name}?")
    try:
        nodes.init()
        one, two = nodes.started(2)
        one.applied(signed(owner, policy(kind={"blacklist": [7]}), int(time.time())))
        eventually(lambda: two.version == one.version)
    finally:
        nodes.stop()
        with psycopg.connect(everywhere, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def test_init_waits_for_nobody_for_long(nodes: Nodes) -> None:
    """Such as somebody who has begun to make the tables, and has gone for lunch."""
    address = Address.parse(nodes.url, nodes.fleet)
    with psycopg.connect(nodes.url) as somebody:
        make_tables(somebody, nodes.fleet)
        with pytest.raises(Busy):
            init_store(address, patience=Patience(lock_seconds=0.1))
    assert not init_store(address)


@pytest.mark.parametrize("end", ["#", "?"])
def test_a_password_that_python_and_libpq_read_otherwise(end: str) -> None:
    """Else messages would have its first digits, as a port."""
    with pytest.raises(PolicyError, match="is no URL") as raised:
        Address.parse(f"postgresql://u:31415{end}s3cr3t@host/db")
    assert "31415" not in str(raised.value)


def test_no_tables_yet(database: str, nodes: Nodes) -> None:
    with pytest.raises(PolicyError, match="has no tables yet; `orly-policy store init URL`"):
        nodes.new(policy()).start()


def test_no_such_fleet(nodes: Nodes) -> None:
    nodes.fleet = "another"
    with pytest.raises(PolicyError, match=r"no such fleet.*store init URL --fleet another"):
        nodes.new(policy()).start()


@pytest.mark.parametrize(
    ("version", "told"),
    [(0, "store init URL` brings them there"), (99, "install the newer orly-policy-plugin")],
)
def test_tables_of_another_version(database: str, nodes: Nodes, version: int, told: str) -> None:
    init(database, "--fleet", nodes.fleet)
    nodes.run("UPDATE orly_policy.tables SET version = %s", version)
    with pytest.raises(PolicyError, match=told):
        nodes.new(policy()).start()
    if version == 99:
        result = init(database)
        assert result.exit_code == 2
        assert "this orly-policy knows 1" in result.output


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+asyncpg://u:s3cr3t@host/db",
        "host=here password=s3cr3t",
        "postgresql://u:s3cr3t@rest@host/db",
        "postgresql://u:s3cr3t/x@host/db",
        "mysql://u:s3cr3t@host/db",
        "postgresql://u:s3cr3t@127.0.0.1:1/db",
        "postgresql://u:s3cr3t@127.0.0.1:1/db?nonsense=s3cr3t",
        "postgresql://u@127.0.0.1:1/db?password=s3cr3t",
        "postgresql://u:s3cr3t%zz@127.0.0.1:1/db",
    ],
)
def test_no_password_is_told(url: str, nodes: Nodes) -> None:
    """Not where the URL cannot be used, and not where nobody answers."""
    settings = Settings(path=nodes.folder / "policy.json", store=url)
    assert "s3cr3t@" not in repr(settings)
    assert "password=s3cr3t" not in repr(settings)
    with pytest.raises(PolicyError) as raised:
        nodes.new(policy(), url=url).start()
    assert "s3cr3t" not in str(raised.value)
    result = init(url)
    assert result.exit_code == 2
    assert "s3cr3t" not in result.output
    history = CliRunner().invoke(orly_policy, ["history", "--store", url])
    assert history.exit_code == 2
    assert "s3cr3t" not in history.output
