"""A language's file follows the English texts; what a translator wrote is never lost."""

import sys

import pytest

from nav.text import merge_po
from nav.text.catalogue import LOCALE, TEMPLATES
from nav.text.po import read_po
from nav.text.template import Plural


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(merge_po, "LOCALE", tmp_path)
    path = tmp_path / "xx" / "LC_MESSAGES" / "nav.po"

    def call() -> tuple:
        monkeypatch.setattr(sys, "argv", ["merge_po", "xx"])
        merge_po.main()
        return path, capsys.readouterr().out

    return call


def test_the_german_file_is_as_the_tool_writes_it(run, tmp_path):
    german = (LOCALE / "de" / "LC_MESSAGES" / "nav.po").read_text(encoding="utf-8")
    (tmp_path / "xx" / "LC_MESSAGES").mkdir(parents=True)
    path = tmp_path / "xx" / "LC_MESSAGES" / "nav.po"
    path.write_text(german, encoding="utf-8")
    _, told = run()
    assert path.read_text(encoding="utf-8") == german
    assert " 0 of them to be translated" in told


def test_a_new_language_begins_with_every_text_empty(run):
    path, told = run()
    header, *texts = read_po(path)
    assert "Language: xx" in header.translated[0]
    assert {e.context.removesuffix("/detail") for e in texts} == set(TEMPLATES)
    assert not any(entry.complete for entry in texts)
    assert f"{len(texts)} texts, {len(texts)} of them" in told
    plural = next(e for e in texts if e.context == "markers")
    assert isinstance(TEMPLATES["markers"], Plural)
    assert set(plural.translated) == {0, 1}


def test_a_translation_of_a_text_that_changed_is_kept_as_fuzzy(run, monkeypatch):
    path, _ = run()
    text = path.read_text(encoding="utf-8").replace(
        'msgid "clear"\nmsgstr ""', 'msgid "clear"\nmsgstr "klar"'
    )
    path.write_text(text, encoding="utf-8")
    monkeypatch.setitem(TEMPLATES, "level_clear", "all clear")
    path, _ = run()
    (entry,) = (e for e in read_po(path) if e.context == "level_clear")
    assert (entry.text, entry.translated, entry.fuzzy) == ("all clear", {0: "klar"}, True)
    assert not entry.complete


def test_how_it_is_called_is_said(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["merge_po"])
    with pytest.raises(SystemExit, match="usage"):
        merge_po.main()
