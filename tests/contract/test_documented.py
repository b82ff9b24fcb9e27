"""The examples of docs/plugins.md and of the contract's own page: they are run as they stand."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = {
    "members": (ROOT / "docs" / "plugins.md", "4 passed"),
    "no_advertisements": (ROOT / "hookspecs" / "README.md", "1 passed"),
}


@pytest.mark.parametrize("plugin", PAGES)
@pytest.mark.heavy
def test_the_tests_of_the_example_pass(plugin: str, tmp_path: Path) -> None:
    """The page's first plugin, and what the page tests it with."""
    page, passed = PAGES[plugin]
    examples = re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL)
    (tests,) = (each for each in examples if "orly_policy_hookspecs.testing" in each)
    (tmp_path / f"{plugin}.py").write_text(examples[0])
    (tmp_path / "test_it.py").write_text(tests)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_it.py"],
        cwd=tmp_path,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path]),
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        },
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert passed in done.stdout, done.stdout + done.stderr
