"""The pages as a site: ``python3 run.py docs`` builds it with Sphinx, and checks its links.

The pages are plain Markdown, which reads as well on a code host: links are relative, to ``.md``.
Sphinx reads them from the project's folder, so that they may lead to the pages there.
"""

project = "orly_policy_plugin"
html_title = "orly_policy_plugin"
extensions = ["myst_parser"]
html_theme = "furo"
html_copy_source = False
html_show_copyright = False
html_extra_path = ["site"]  # the first page, which leads to ours

root_doc = "docs/index"
include_patterns = ["*.md", "docs/*.md"]
exclude_patterns = [".*", "build"]

myst_heading_anchors = 4
linkcheck_timeout = 20
"""Seconds."""
