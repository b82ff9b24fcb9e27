"""Fleets in a database, and what another hand does to their rows."""

import secrets
from typing import Any

import attrs
import psycopg

from orly_policy_plugin.state.address import Address
from orly_policy_plugin.state.postgres import Patience, PostgresStore
from orly_policy_plugin.state.postgres.writing import channel_of

PATIENCE = Patience(connect_seconds=2, answer_seconds=20, lock_seconds=10)


@attrs.define
class Fleet:
    """A fleet, and the stores that look at it."""

    url: str
    name: str
    patience: Patience = PATIENCE
    stores: list[PostgresStore] = attrs.Factory(list)

    @property
    def address(self) -> Address:
        return Address.parse(self.url, self.name)

    def store(self, **options: Any) -> PostgresStore:
        """As another node looks at it."""
        made = PostgresStore(self.address, **{"patience": self.patience, **options})
        self.stores.append(made)
        return made

    def hasty_store(self) -> PostgresStore:
        """The same, which does not wait for whoever changes the fleet."""
        return self.store(patience=attrs.evolve(self.patience, lock_seconds=0.1))

    def close(self) -> None:
        while self.stores:
            self.stores.pop().close()

    def edit(self, content: bytes | None) -> None:
        """Another hand puts a policy there, or takes it away."""
        self.run("UPDATE orly_policy.fleet SET content = %s WHERE name = %s", content, self.name)
        self.count_up()

    def count_up(self) -> None:
        """As whoever changes rows by hand has to."""
        [(revision,)] = self.run(
            "UPDATE orly_policy.fleet SET revision = revision + 1 WHERE name = %s "
            "RETURNING revision",
            self.name,
        )
        token = secrets.token_hex(16)
        self.run("INSERT INTO orly_policy.change VALUES (%s, %s, %s)", self.name, revision, token)
        self.run("SELECT pg_notify(%s, %s)", channel_of(self.name), "")

    def run(self, query: Any, *values: Any) -> list[Any]:
        """Run a statement as the database's owner."""
        with psycopg.connect(self.url) as connection:
            cursor = connection.execute(query, values)
            return cursor.fetchall() if cursor.description else []
