"""The documentation's internal links resolve, and those that do not are found."""

import re
from pathlib import Path

import pytest

from scripts.check_links import anchors, broken_links, links, main

ROOT = Path(__file__).parents[1]


def python_files():
    """Return the project's Python files."""
    folders = ("nav", "calibration", "phantoms", "tests", "scripts")
    return [path for folder in folders for path in (ROOT / folder).rglob("*.py")]


@pytest.fixture
def project(tmp_path):
    """Return a function that writes README.md beside docs/guide.md and checks the links."""
    (tmp_path / "docs" / "deep").mkdir(parents=True)
    (tmp_path / "docs" / "guide.md").write_text(
        "# Guide\n\n## What's *new* (2 %)?\n\n## Same\n\n## Same\n"
    )
    (tmp_path / "docs" / "deep" / "page.md").write_text("[up](../guide.md#same)\n")

    def check(readme):
        (tmp_path / "README.md").write_text(readme)
        return broken_links(tmp_path)

    return check


def test_the_documentation_has_no_broken_link():
    assert broken_links(ROOT) == []


@pytest.mark.parametrize("page", ["docs/design.md", "docs/accuracy.md", "CONTRIBUTING.md"])
def test_python_files_that_a_page_names_exist(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    files = [f"/{path.relative_to(ROOT).as_posix()}" for path in python_files()]
    named = set(re.findall(r"`([\w/]+\.py)", text))
    assert {name for name in named if not any(f.endswith(f"/{name}") for f in files)} == set()


@pytest.mark.parametrize(
    "readme",
    [
        "[guide](docs/guide.md)",
        "[a heading](docs/guide.md#whats-new-2-)",
        "[the second of two](docs/guide.md#same-1)",
        "[over two\nlines](docs/guide.md#guide)",
        "[a folder](docs/)",
        "# Here\n\n[this page](#here)",
        "[elsewhere](https://example.org/missing.md#nothing), [mail](mailto:a@b.c)",
        "`[code](missing.md)`",
        "```\n[code](missing.md)\n# comment\n```",
        "[named]\n\n[named]: docs/guide.md#guide",
        "the formula of\n[Somebody 1998]:\n\n    a = b",
    ],
)
def test_links_that_resolve_are_accepted(project, readme):
    assert project(readme) == []


@pytest.mark.parametrize(
    ("readme", "line"),
    [
        ("[a](docs/none.md)", "README.md:1: docs/none.md: no such file"),
        ("\n\n![a](docs/none.png)", "README.md:3: docs/none.png: no such file"),
        ("[a](docs/guide.md#none)", "README.md:1: docs/guide.md#none: no such heading"),
        ("[a](docs/guide.md#same-2)", "README.md:1: docs/guide.md#same-2: no such heading"),
        ("[a](#none)", "README.md:1: #none: no such heading"),
        ("[a](../outside.md)", "README.md:1: ../outside.md: no such file"),
        ("```\n# here\n```\n[a](#here)", "README.md:4: #here: no such heading"),
        ("[a]\n\n[a]: docs/none.md", "README.md:3: docs/none.md: no such file"),
        ("[![a](docs/guide.md)](docs/none.md)", "README.md:1: docs/none.md: no such file"),
    ],
)
def test_a_broken_link_is_one_line(project, readme, line):
    assert project(readme) == [line]


def test_pages_below_docs_are_checked(project, tmp_path):
    project("")
    (tmp_path / "docs" / "deep" / "page.md").write_text("[a](guide.md)\n")
    assert broken_links(tmp_path) == ["docs/deep/page.md:1: guide.md: no such file"]


def test_the_exit_code_is_1_where_a_link_is_broken(project, tmp_path, capsys):
    project("[a](none.md) [b](docs/guide.md#none)")
    assert main([str(tmp_path)]) == 1
    assert len(capsys.readouterr().out.splitlines()) == 2
    project("[a](docs/guide.md)")
    assert main([str(tmp_path)]) == 0


def test_anchors_are_those_of_github():
    text = "# `nav live`: does it *blank*?\n## e²/σ² and C1–C2\n## [Linked](a.md) text\n"
    assert anchors(text) == {"nav-live-does-it-blank", "e²σ²-and-c1c2", "linked-text"}


def test_links_keep_their_line_after_code():
    assert list(links("```\na\n```\n`x\ny` [a](b.md)")) == [(5, "b.md")]
