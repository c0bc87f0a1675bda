"""What MkDocs does not do by itself: links from pages to files of the repository that are not pages.

Pages say `[hello.py](../examples/hello.py)`, which works on GitHub and in an editor. On the site, such a link leads to
the file in the repository. MkDocs loads this file by its path, so it imports nothing of the project.
"""

import posixpath
import re
from pathlib import Path
from typing import Any

BRANCH = "main"
OUTWARD = re.compile(r"\]\((\.\./[^)\s#]+)(#[^)\s]*)?\)")
"""A link in Markdown that goes up at least one directory."""


def on_page_markdown(markdown: str, *, page: Any, config: Any, **_: Any) -> str:
    """Lead each link that leaves `docs/` to the repository."""
    return rewritten(markdown, page.file.src_uri, Path(config.docs_dir), config.repo_url)


def rewritten(markdown: str, page: str, docs: Path, repository: str) -> str:
    """The text of a page, which has the path `page` below `docs`, as the site needs it."""

    def absolute(link: re.Match[str]) -> str:
        path = posixpath.normpath(posixpath.join(docs.name, posixpath.dirname(page), link[1]))
        if path.startswith(f"{docs.name}/"):
            return link[0]
        kind = "tree" if (docs.parent / path).is_dir() else "blob"
        return f"]({repository}/{kind}/{BRANCH}/{path}{link[2] or ''})"

    return OUTWARD.sub(absolute, markdown)
