"""The example relay on PostgreSQL: ``python -m hosts.kit.on_postgres`` with its options."""

import os
from typing import Any

from example_relay import __main__ as example_relay

URL = "ORLY_POLICY_TEST_POSTGRES"


def _storage(*_: object) -> dict[str, Any]:
    return {"sqlalchemy.url": os.environ[URL]}


if __name__ == "__main__":
    vars(example_relay)["_storage"] = _storage
    example_relay.main()
