"""``orly-policy schema``."""

import json
import subprocess
from collections.abc import Callable

import pytest
from click.testing import Result

from orly_policy_plugin.cli.suite_schema import suite_schema
from orly_policy_plugin.schemas import contribution_schema, policy_schema

Invoke = Callable[..., Result]
Run = Callable[..., subprocess.CompletedProcess[str]]


def test_a_policys_is_printed_where_nothing_is_said(invoke: Invoke) -> None:
    """The criteria of installed plugins aside, it is the one that the tests ask."""
    printed = json.loads(invoke("schema").stdout)
    for definition in ("rule", "global_rule"):
        fields = printed["$defs"][definition]["properties"]
        printed["$defs"][definition]["properties"] = {
            key: field for key, field in fields.items() if not key.startswith("x_")
        }
    assert printed == policy_schema()
    assert invoke("schema", "policy").stdout == invoke("schema").stdout


def test_the_others_are_printed(invoke: Invoke) -> None:
    assert json.loads(invoke("schema", "contribution").stdout) == contribution_schema()
    printed = json.loads(invoke("schema", "suite").stdout)
    assert (
        printed["$defs"]["suite"]["properties"]["cases"]
        == (suite_schema({})["$defs"]["suite"]["properties"]["cases"])
    )


@pytest.mark.parametrize("document", ["polcy", "event"])
def test_another_document_is_exit_2(document: str, run: Run) -> None:
    done = run("schema", document)
    assert (done.returncode, done.stdout) == (2, "")
    assert "policy" in done.stderr


def test_an_editor_is_told_by_a_comment(invoke: Invoke) -> None:
    """``$schema`` in a policy is a comment, and right by the schema."""
    policy = {"$schema": "./policy.schema.json", "kind": {"whitelist": [1]}}
    assert invoke("check", "-", stdin=json.dumps(policy)).exit_code == 0
