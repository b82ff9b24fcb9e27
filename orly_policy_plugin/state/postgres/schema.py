"""The tables, in a schema of their own, and the rights that a relay's role needs.

Every row names its fleet, and the revision of the fleet in which it was last changed: so a reader
asks for what is newer than what he knows.
"""

import secrets
from typing import Any, Final, LiteralString

import psycopg
from psycopg import sql

from ...errors import PolicyError
from ..address import Address

SCHEMA: Final = "orly_policy"
VERSION: Final = 1
"""Of the tables that this code knows."""

_MIGRATIONS: Final[tuple[LiteralString, ...]] = (
    """
    CREATE TABLE orly_policy.fleet (
        name text PRIMARY KEY,
        revision bigint NOT NULL DEFAULT 0,
        content bytea,
        event text
    );
    COMMENT ON COLUMN orly_policy.fleet.content IS 'the policy; null: there is none yet';
    COMMENT ON COLUMN orly_policy.fleet.event IS 'the owner''s signed event that it came in';

    CREATE TABLE orly_policy.change (
        fleet text NOT NULL REFERENCES orly_policy.fleet ON DELETE CASCADE,
        revision bigint NOT NULL,
        token text NOT NULL,
        PRIMARY KEY (fleet, revision)
    );
    COMMENT ON TABLE orly_policy.change IS
        'a random token for each revision: who has seen one knows an older or another database';

    CREATE TABLE orly_policy.mark (
        fleet text NOT NULL REFERENCES orly_policy.fleet ON DELETE CASCADE,
        author text NOT NULL,
        created_at bigint NOT NULL,
        event_id text COLLATE "C" NOT NULL,
        PRIMARY KEY (fleet, author)
    );
    COMMENT ON TABLE orly_policy.mark IS
        'the newest event of each admin that was applied; of the owners: their author is empty';

    CREATE TABLE orly_policy.contribution (
        fleet text NOT NULL REFERENCES orly_policy.fleet ON DELETE CASCADE,
        event_id text NOT NULL,
        revision bigint NOT NULL,
        event text NOT NULL,
        difference bytea,
        PRIMARY KEY (fleet, event_id)
    );
    CREATE INDEX ON orly_policy.contribution (fleet, revision);

    CREATE TABLE orly_policy.withdrawal (
        fleet text NOT NULL REFERENCES orly_policy.fleet ON DELETE CASCADE,
        event_id text NOT NULL,
        revision bigint NOT NULL,
        author text NOT NULL,
        created_at bigint NOT NULL,
        by text NOT NULL,
        PRIMARY KEY (fleet, event_id)
    );
    CREATE INDEX ON orly_policy.withdrawal (fleet, revision);

    CREATE TABLE orly_policy.list (
        fleet text NOT NULL REFERENCES orly_policy.fleet ON DELETE CASCADE,
        key text NOT NULL,
        revision bigint NOT NULL,
        created_at bigint NOT NULL,
        event_id text COLLATE "C" NOT NULL,
        event text NOT NULL,
        PRIMARY KEY (fleet, key)
    );
    CREATE INDEX ON orly_policy.list (fleet, revision);
    COMMENT ON TABLE orly_policy.list IS
        'the newest signed lists of people: of an author, or by the SHA-256 of the name of a list';

    CREATE TABLE orly_policy.history (
        fleet text NOT NULL REFERENCES orly_policy.fleet ON DELETE CASCADE,
        number bigint NOT NULL,
        version text NOT NULL,
        recorded_at bigint NOT NULL,
        how text NOT NULL,
        author text,
        event_id text,
        content bytea NOT NULL,
        digest bytea NOT NULL,
        contributions text[] NOT NULL,
        event text,
        by_user text,
        PRIMARY KEY (fleet, number)
    );

    CREATE TABLE orly_policy.said (
        fleet text NOT NULL REFERENCES orly_policy.fleet ON DELETE CASCADE,
        event_id text NOT NULL,
        canonical bytea NOT NULL,
        PRIMARY KEY (fleet, event_id)
    );
    COMMENT ON TABLE orly_policy.said IS 'what contributions of the history said';

    CREATE TABLE orly_policy.unusable (
        fleet text NOT NULL REFERENCES orly_policy.fleet ON DELETE CASCADE,
        recorded_at bigint NOT NULL,
        content bytea NOT NULL
    );
    COMMENT ON TABLE orly_policy.unusable IS 'what stood in place of the policy and was none';

    CREATE UNLOGGED TABLE orly_policy.rate (
        fleet text NOT NULL,
        node text NOT NULL CHECK (length(node) <= 32),
        place text NOT NULL CHECK (length(place) <= 100),
        submitter text NOT NULL CHECK (length(submitter) <= 64),
        average float8 NOT NULL CHECK (average >= 0 AND average < 'Infinity'),
        at timestamptz NOT NULL,
        written xid8 NOT NULL,
        PRIMARY KEY (fleet, node, place, submitter)
    );
    CREATE INDEX ON orly_policy.rate (fleet, written);
    COMMENT ON TABLE orly_policy.rate IS 'what each node has let through, in bytes a second';
    """,
)
"""Each makes the tables of one version of those of the version before."""

RIGHTS: Final[tuple[LiteralString, ...]] = (
    "GRANT USAGE ON SCHEMA orly_policy TO {role}",
    "GRANT SELECT ON ALL TABLES IN SCHEMA orly_policy TO {role}",
    "GRANT UPDATE ON orly_policy.fleet TO {role}",
    "GRANT INSERT, DELETE ON orly_policy.change, orly_policy.history, orly_policy.said TO {role}",
    "GRANT INSERT, UPDATE, DELETE ON orly_policy.contribution TO {role}",
    "GRANT INSERT, UPDATE ON orly_policy.mark, orly_policy.list TO {role}",
    "GRANT INSERT ON orly_policy.withdrawal, orly_policy.unusable TO {role}",
    "GRANT INSERT, UPDATE, DELETE ON orly_policy.rate TO {role}",
)
"""What a relay's role may do. It makes and drops nothing."""


def check_version(connection: psycopg.Connection[Any], address: Address) -> None:
    """Check that the tables are those that this code knows.

    :raises PolicyError: they are not; the message says what to do.
    """
    found = _version(connection)
    if found is None:
        raise WrongTables(
            f"{address} has no tables yet; `orly-policy store init URL` makes them, called by a "
            "role that may create a schema"
        )
    if found < VERSION:
        raise WrongTables(
            f"{address} has tables of version {found}, and {VERSION} is needed; "
            "`orly-policy store init URL` brings them there, and loses nothing"
        )
    if found > VERSION:
        raise WrongTables(
            f"{address} has tables of version {found}, and this orly-policy knows {VERSION}; "
            "install the newer orly-policy-plugin here, too"
        )


class WrongTables(PolicyError):
    """The tables are not there, or of another version."""


def make_tables(connection: psycopg.Connection[Any], fleet: str) -> bool:
    """Make the tables, or bring them to this version, and add a fleet. May be repeated.

    :param connection: in a transaction.
    :return: whether anything was changed.
    :raises WrongTables: they are of a newer version.
    """
    connection.execute("SELECT pg_advisory_xact_lock(hashtext('orly_policy'))")
    found = _version(connection) or 0
    if found > VERSION:
        raise WrongTables(
            f"the tables are of version {found}, and this orly-policy knows {VERSION}"
        )
    if not found:
        connection.execute("CREATE SCHEMA IF NOT EXISTS orly_policy")
        connection.execute("CREATE TABLE orly_policy.tables (version integer NOT NULL)")
        connection.execute("INSERT INTO orly_policy.tables VALUES (0)")
    for migration in _MIGRATIONS[found:]:
        connection.execute(migration)
    connection.execute("UPDATE orly_policy.tables SET version = %s", [VERSION])
    added = connection.execute(
        "INSERT INTO orly_policy.fleet (name) VALUES (%s) ON CONFLICT DO NOTHING", [fleet]
    )
    if added.rowcount:
        first = [fleet, secrets.token_hex(16)]
        connection.execute("INSERT INTO orly_policy.change VALUES (%s, 0, %s)", first)
    return found < VERSION or added.rowcount > 0


def grant_rights(connection: psycopg.Connection[Any], role: str) -> None:
    """Give a relay's role its rights. May be repeated."""
    for right in RIGHTS:
        connection.execute(sql.SQL(right).format(role=sql.Identifier(role)))


def _version(connection: psycopg.Connection[Any]) -> int | None:
    there = connection.execute("SELECT to_regclass('orly_policy.tables') IS NOT NULL").fetchone()
    if there is None or not there[0]:
        return None
    row = connection.execute("SELECT version FROM orly_policy.tables").fetchone()
    return None if row is None else int(row[0])
