"""The core stays pure, and the contract stays small: what may be imported where."""

import ast
import functools
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ENGINE = ROOT / "orly_policy_plugin"
CONTRACT = ROOT / "hookspecs" / "orly_policy_hookspecs"
CRITERIA = ROOT / "criteria" / "orly_policy_criteria"

PURE_OF_SESSION = {"closing", "deletions", "messages", "narrowing", "settings"}
PURE_OF_POSTGRES = {"line", "rows", "trust"}
PURE_OF_UPSTREAM = {"information", "paging"}
PURE_OF_SHADOW = {"comparing", "counting"}
PURE_OF_DESK = {"counts", "erasing", "wanted"}
PURE_OF_LISTS = {"content", "members", "nostr_json"}
PURE_OF_SCRIPTS = {
    "asked", "askers", "attentive_clock", "backoff", "killers", "lines", "mentions", "our_replies",
    "protocol", "questions", "window",
}  # fmt: skip
PURE = sorted(
    [
        *(ENGINE / "policy").rglob("*.py"),
        *(ENGINE / "decisions").rglob("*.py"),
        *(ENGINE / "authority").rglob("*.py"),
        *(ENGINE / "follows").rglob("*.py"),
        *(ENGINE / "lint").rglob("*.py"),
        *(ENGINE / "recipes").rglob("*.py"),
        *(ENGINE / "schemas").rglob("*.py"),
        *(ENGINE / "witnesses").rglob("*.py"),
        *(ENGINE / "state").glob("*.py"),
        ENGINE / "addresses.py",
        ENGINE / "counted.py",
        ENGINE / "event_size.py",
        ENGINE / "fair_queue.py",
        *(ENGINE / "scripts" / f"{name}.py" for name in PURE_OF_SCRIPTS),
        *(ENGINE / "desk" / f"{name}.py" for name in PURE_OF_DESK),
        *(ENGINE / "shadow" / f"{name}.py" for name in PURE_OF_SHADOW),
        *(ENGINE / "lists" / f"{name}.py" for name in PURE_OF_LISTS),
        *(ENGINE / "session" / f"{name}.py" for name in PURE_OF_SESSION),
        *(ENGINE / "state" / "postgres" / f"{name}.py" for name in PURE_OF_POSTGRES),
        ENGINE / "hazards" / "networks.py",
        ENGINE / "hosts" / "monstr" / "rows.py",
        ENGINE / "hosts" / "nostr_relay" / "logs.py",
        ENGINE / "hosts" / "nostr_relay" / "announcements.py",
        *(ENGINE / "hosts" / "upstream" / f"{name}.py" for name in PURE_OF_UPSTREAM),
        *(
            CONTRACT / f"{name}.py"
            for name in ("at_once", "combining", "context", "decision", "printing")
        ),
        *(CONTRACT / "nip01").rglob("*.py"),
    ]
)
PURE_MODULES = {
    "__future__", "bisect", "collections", "contextlib", "copy", "dataclasses", "difflib", "enum",
    "fractions", "functools", "hashlib", "heapq", "ipaddress", "itertools", "json", "math",
    "operator", "re", "string", "textwrap", "types", "typing", "urllib.parse",
    "attrs", "bech32", "cattrs", "coincurve", "orjson", "re2", "orly_policy_hookspecs",
}  # fmt: skip
PURE_SIBLINGS = {
    "addresses", "authority", "counted", "decisions", "errors", "event_size", "fair_queue",
    "follows", "policy", "state",
}  # fmt: skip
BELOW = {
    "policy": {"counted", "errors"},
    "authority": {"counted", "errors", "event_size", "policy"},
    "follows": {"authority", "policy"},
    "decisions": {"authority", "counted", "event_size", "policy"},
    "lint": {"counted", "decisions", "event_size", "policy"},
    "recipes": {"decisions"},
    "schemas": {"authority", "policy"},
    "witnesses": {"authority", "decisions", "event_size", "policy"},
}
"""What each folder of the core may import besides itself: nothing that builds on it."""
IMPURE_CALLS = {"open", "print", "input", "exec", "eval", "compile", "__import__", "breakpoint"}


def imports(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """The level (0 is absolute) and the module's name of every import, also inside functions."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((0, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            if node.module:
                yield node.level, node.module
            else:
                yield from ((node.level, alias.name) for alias in node.names)


@functools.cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), str(path))


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def impurities(path: Path, tree: ast.Module) -> Iterator[str]:
    """What a pure module does not do."""
    for level, module in imports(tree):
        first = module.split(".")[0]
        if level == 0 and not {first, module} & PURE_MODULES:
            yield f"imports {module}"
        if level and path.is_relative_to(ENGINE) and not _is_near(path, level, first):
            yield f"imports {'.' * level}{module}"
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            called = node.func.id
            if called in IMPURE_CALLS:
                yield f"calls {called} in line {node.lineno}"
        if isinstance(node, ast.Global):
            yield f"assigns a global in line {node.lineno}"


def _is_near(path: Path, level: int, first: str) -> bool:
    """Whether a relative import is one of the folder's own, or of a pure one beside it."""
    folders = path.parent.relative_to(ENGINE).parts
    if level == len(folders) + 1:
        return first in PURE_SIBLINGS or not folders
    return level <= len(folders)


@pytest.mark.parametrize("folder", BELOW)
def test_what_is_below_does_not_know_what_builds_on_it(folder: str) -> None:
    """A policy is data; who may change it, and what it decides, come after."""
    for path in (ENGINE / folder).rglob("*.py"):
        to_the_top = len(path.parent.relative_to(ENGINE).parts) + 1
        for level, module in imports(parsed(path)):
            assert not module.startswith("orly_policy_plugin"), path
            if level == to_the_top:
                assert module.split(".")[0] in BELOW[folder], f"{name_of(path)}: {module}"


def test_the_core_is_pure() -> None:
    """No clock, file, environment, thread, logger or event loop: functions of their arguments."""
    for path in PURE:
        assert (name_of(path), list(impurities(path, parsed(path)))) == (name_of(path), [])


def test_the_contract_needs_little() -> None:
    """The standard library, pluggy and attrs; to sign events in tests, what an extra brings; never
    the engine.
    """
    for path in sorted(CONTRACT.rglob("*.py")):
        allowed = sys.stdlib_module_names | {"pluggy", "attrs"}
        if path.name == "testing.py":
            allowed |= {"coincurve"}
        for level, module in imports(parsed(path)):
            assert level <= 1, f"{name_of(path)}: {'.' * level}{module} is outside the contract"
            assert level == 1 or module.split(".")[0] in allowed, f"{name_of(path)}: {module}"


def test_the_pack_of_criteria_needs_the_contract_alone() -> None:
    """Like a plugin of anybody else's: never the engine."""
    for path in sorted(CRITERIA.rglob("*.py")):
        allowed = sys.stdlib_module_names | {"attrs", "re2", "orly_policy_hookspecs"}
        for level, module in imports(parsed(path)):
            assert level <= 1, f"{name_of(path)}: {'.' * level}{module} is outside the pack"
            assert level == 1 or module.split(".")[0] in allowed, f"{name_of(path)}: {module}"


_BESIDE_A_SESSION = {"addresses", "authority", "counted", "event_size", "fair_queue"}
"""Of the engine's distribution, what a session may import."""


def test_a_session_needs_no_engine() -> None:
    """No framework, database or socket either: the contract, and the check of signatures."""
    for path in sorted((ENGINE / "session").rglob("*.py")):
        allowed = sys.stdlib_module_names | {"attrs", "orjson", "orly_policy_hookspecs"}
        forbidden = {"socket", "ssl", "threading", "multiprocessing", "subprocess", "sqlite3"}
        for level, module in imports(parsed(path)):
            first = module.split(".")[0]
            if level == 0:
                assert first in allowed - forbidden, f"{name_of(path)}: {module}"
            else:
                assert level == 1 or module in _BESIDE_A_SESSION, f"{name_of(path)}: {module}"


def test_a_watcher_needs_no_engine() -> None:
    """It is given what reads the file; the errors apart, it knows nothing of a policy."""
    for path in sorted((ENGINE / "reload").rglob("*.py")):
        for level, module in imports(parsed(path)):
            assert level < 2 or module == "errors", f"{name_of(path)}: {module}"
            assert level > 0 or module.split(".")[0] != "orly_policy_plugin", (
                f"{name_of(path)}: {module}"
            )


NAMES_THE_FILES = {
    "orly_policy_plugin/stores.py",
    "orly_policy_plugin/state/postgres/copy.py",
}
"""What chooses the store of files, or keeps a copy in one. All others know the port alone."""


def test_nothing_knows_how_the_store_of_files_is_made() -> None:
    """Its parts are its own, and it is one store of several."""
    for path in sorted(ENGINE.rglob("*.py")):
        if path.is_relative_to(ENGINE / "state" / "files"):
            continue
        for level, module in imports(parsed(path)):
            names = module.split(".")
            inside = "files" in names and (
                "state" in names
                or (level == 1 and path.parent.name == "state")
                or (level == 2 and path.parent.parent.name == "state")
            )
            if inside:
                assert names[-1] == "files", f"{name_of(path)}: {module} is the store's own"
                assert name_of(path) in NAMES_THE_FILES, module


def test_a_store_needs_no_engine() -> None:
    """Only who puts a relay together loads the policy."""
    for path in sorted((ENGINE / "hosts").rglob("*.py")):
        if path.name in ("app.py", "running.py", "__main__.py"):
            continue
        for level, module in imports(parsed(path)):
            assert level < 3 or module.split(".")[0] in {
                *("authority", "counted", "errors", "session", "socket_paths"),
            }, f"{name_of(path)}: {module}"


def test_there_is_something_to_look_at() -> None:
    """A folder that was moved does not make these tests pass."""
    names = {path.name for path in PURE}
    assert {"reading.py", "regexes.py", "deciding.py", "explaining.py", "combining.py"} <= names
    assert list(CRITERIA.glob("*.py"))
    assert all(path.exists() for path in PURE)


@pytest.mark.parametrize(
    "source",
    [
        "import os",
        "import time",
        "from datetime import datetime",
        "import threading",
        "import logging",
        "import asyncio",
        "import subprocess, re",
        "import socket",
        "from pathlib import Path",
        "import random",
        "import io",
        "import os.path",
        "from ..live import InForce",
        "from .. import plugin",
        "from ..settings import Settings",
        "def f():\n    import os",
        "open('x')",
        "def f():\n    return open('x')",
        "print('x')",
        "__import__('os')",
        "def f():\n    global x\n    x = 1",
    ],
)
def test_what_would_be_found(source: str) -> None:
    """The walk sees what it is there to see."""
    assert list(impurities(ENGINE / "policy" / "x.py", ast.parse(source)))


def test_importing_the_contract_loads_no_engine() -> None:
    """Nor does a module of it reach the engine by another name."""
    for path in CONTRACT.rglob("*.py"):
        assert "orly_policy_plugin" not in path.read_text(), path
