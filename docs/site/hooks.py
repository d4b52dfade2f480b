"""Pages of the site that are not in docs/, and links that lead out of it.

The README is the site's first page, and three more pages come from elsewhere in the tree; the
reference is made of the program. Links to files of the source, which the site does not have, become
their names.
"""

import re
import sys
from pathlib import Path, PurePosixPath
from posixpath import normpath, relpath
from typing import Any

from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(Path(__file__).parent))

import reference  # noqa: E402 - it lies beside this file, which is no package

# Where a page of the site comes from, by its path in the tree.
PAGES = {
    "README.md": "index.md",
    "CHANGELOG.md": "changelog.md",
    "benchmarks/README.md": "benchmarks.md",
    "client/README.md": "reference/client.md",
}
_SOURCE_OF = {page: source for source, page in PAGES.items()}
_LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)\s]+)\)")
_FENCE = re.compile(r"(^```.*?^```$)", re.MULTILINE | re.DOTALL)


def on_files(files: Files, config: Any) -> Files:  # noqa: ANN401 - mkdocs' own
    """Add what is made here."""
    for source, page in PAGES.items():
        files.append(File.generated(config, page, content=(ROOT / source).read_text("utf-8")))
    for page, text in reference.pages().items():
        files.append(File.generated(config, page, content=text))
    return files


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:  # noqa: ANN401 - mkdocs' own
    """Have every link lead to a page of the site, or be none."""
    here = page.file.src_uri
    source = _SOURCE_OF.get(here, here if here.startswith("reference/") else f"docs/{here}")
    parts = _FENCE.split(markdown)
    parts[::2] = [
        _LINK.sub(lambda match: _link(match, here, PurePosixPath(source).parent), part) for part in parts[::2]
    ]
    return "".join(parts)


def _link(match: re.Match[str], here: str, folder: PurePosixPath) -> str:
    image, words, target = match.groups()
    path, hash_, anchor = target.partition("#")
    if "://" in target or not path or (here.startswith("reference/") and here not in _SOURCE_OF):
        return match[0]
    there = normpath(str(folder / path))
    page = PAGES.get(there) or there.removeprefix("docs/")
    if there not in PAGES and not there.startswith("docs/"):
        return words
    if there.startswith("docs/examples/"):
        return words
    return f"{image}[{words}]({relpath(page, str(PurePosixPath(here).parent))}{hash_}{anchor})"
