"""Check that every internal link of the documentation resolves.

Relative links and #anchors in README.md, CONTRIBUTING.md, CHANGELOG.md and docs/**/*.md are
checked; links with a scheme (https:, mailto:) are not. One line per broken link, and exit code 1
if there is any.

    python scripts/check_links.py [ROOT]
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from urllib.parse import unquote

FENCE = re.compile(r"^ {0,3}(```+|~~~+)")
HEADING = re.compile(r"^ {0,3}#{1,6}\s+(.*?)(?:\s+#+)?\s*$")
INLINE_CODE = re.compile(r"(`+)(?!`)(.+?)(?<!`)\1(?!`)", re.DOTALL)
LINK = re.compile(r"\]\(\s*<?([^\s<>()]*(?:\([^\s()]*\)[^\s<>()]*)*)>?(?:\s+[\"'][^)]*)?\s*\)")
REFERENCE = re.compile(r"^ {0,3}\[[^\]]+\]:[ \t]*<?([^\s>]+)>?", re.MULTILINE)
EXPLICIT_ANCHOR = re.compile(r"<a\s+(?:id|name)=[\"']([^\"']+)[\"']")
SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:|//")


def pages(root: Path) -> list[Path]:
    """Return the checked pages below a project's root folder, sorted."""
    named = [root / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")]
    return [page for page in named if page.is_file()] + sorted((root / "docs").rglob("*.md"))


def without_fences(text: str) -> str:
    """Blank out fenced code blocks; the number of lines stays the same."""
    kept, fence = [], ""
    for line in text.splitlines():
        mark = FENCE.match(line)
        if fence:
            if mark and mark[1].startswith(fence) and line.strip() == mark[1]:
                fence = ""
            kept.append("")
        elif mark:
            fence = mark[1]
            kept.append("")
        else:
            kept.append(line)
    return "\n".join(kept)


def slug(heading: str) -> str:
    """Return the anchor that GitHub makes of a heading."""
    text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", heading)  # of a link its text
    return re.sub(r"[^\w\- ]", "", text.strip().lower()).replace(" ", "-")


def anchors(text: str) -> set[str]:
    """Return the anchors of a page: headings, numbered where they repeat, and <a id=...>."""
    text = without_fences(text)
    found = set(EXPLICIT_ANCHOR.findall(text))
    times: dict[str, int] = {}
    for line in text.splitlines():
        if heading := HEADING.match(line):
            name = slug(heading[1])
            count = times.get(name, 0)
            times[name] = count + 1
            found.add(f"{name}-{count}" if count else name)
    return found


def links(text: str) -> Iterator[tuple[int, str]]:
    """Yield line number and target of every link and image outside of code."""
    text = without_fences(text)
    text = INLINE_CODE.sub(lambda code: re.sub(r"[^\n]", " ", code[0]), text)
    for pattern in (LINK, REFERENCE):
        for match in pattern.finditer(text):
            yield text.count("\n", 0, match.start(1)) + 1, match[1]


def broken_links(root: Path) -> list[str]:
    """Return one line per broken link: page, line number, target and reason."""
    root = root.resolve()

    @cache
    def anchors_of(path: Path) -> set[str]:
        return anchors(path.read_text(encoding="utf-8"))

    found = []
    for page in pages(root):
        for line, target in sorted(links(page.read_text(encoding="utf-8"))):
            if SCHEME.match(target):
                continue
            name, _, anchor = unquote(target).partition("#")
            path = (page.parent / name).resolve() if name else page
            if not path.is_relative_to(root) or not path.exists():
                reason = "no such file"
            elif anchor and path.suffix == ".md" and anchor not in anchors_of(path):
                reason = "no such heading"
            else:
                continue
            found.append(f"{page.relative_to(root)}:{line}: {target}: {reason}")
    return found


def main(arguments: list[str]) -> int:
    """Print the broken links; return the exit code."""
    root = Path(arguments[0]) if arguments else Path(__file__).parents[1]
    broken = broken_links(root)
    for line in broken:
        print(line)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
