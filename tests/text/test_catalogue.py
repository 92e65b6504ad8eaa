"""Every code has a sentence, every sentence gets its facts, and German has them all."""

import json
import pickle

import pytest
from babel.messages.pofile import read_po as babels_read_po
from hypothesis import given
from hypothesis import strategies as st

from nav.core.errors import InputError, Lost, lost_by
from nav.core.notice import Notice, NoticeCount, notice_from_json
from nav.text import catalogue as catalogue_module
from nav.text.camera_sentences import CAMERAS
from nav.text.capture_sentences import CAPTURE
from nav.text.case_labels import CASE
from nav.text.catalogue import (
    ENGLISH,
    LANGUAGE_VARIABLE,
    LOCALE,
    TEMPLATES,
    Catalogue,
    catalogue_of,
    choose_language,
    chosen,
    detail_context,
    languages,
    sentence,
)
from nav.text.command_sentences import COMMANDS
from nav.text.link_sentences import LINKS
from nav.text.po import read_po
from nav.text.reconstruction_sentences import RECONSTRUCTION
from nav.text.recording_sentences import RECORDING
from nav.text.registration_sentences import REGISTRATION
from nav.text.replay_labels import REPLAY
from nav.text.session_sentences import SESSION
from nav.text.template import Parts, Plural, placeholders, texts
from nav.text.tracking_sentences import TRACKING
from nav.text.window_labels import WINDOW
from tests.text.sources import made_notices, texts_of_sources

GERMAN = LOCALE / "de" / "LC_MESSAGES" / "nav.po"
TABLES = (
    TRACKING, CAMERAS, REGISTRATION, RECONSTRUCTION, SESSION, RECORDING, COMMANDS, WINDOW, LINKS,
    CAPTURE, REPLAY, CASE,
)  # fmt: skip
# codes that only the catalogue itself uses, to join lists and name markers
OWN = {"and", "and_more", "markers"}


def needed(code: str) -> set[str]:
    """Return the facts without which a code has no sentence."""
    template = TEMPLATES[code]
    names = {name for text in texts(template) for name in placeholders(text)}
    return names | ({template.by} if isinstance(template, Plural) else set())


def test_no_code_stands_twice():
    assert sum(map(len, TABLES)) == len(TEMPLATES)


def test_every_notice_of_the_sources_has_a_template_and_gives_its_facts():
    made = made_notices()
    assert len(made) > 100
    unknown = {notice.where: notice.code for notice in made if notice.code not in TEMPLATES}
    assert not unknown
    lacking = {
        notice.where: (notice.code, needed(notice.code) - notice.facts)
        for notice in made
        if notice.facts is not None and needed(notice.code) - notice.facts
    }
    assert not lacking


def test_every_template_is_used():
    assert not set(TEMPLATES) - texts_of_sources() - OWN


def test_notices_whose_facts_are_made_elsewhere_are_few():
    """Most notices write their facts where they are made, so that the test above sees them."""
    unseen = [notice for notice in made_notices() if notice.facts is None]
    assert len(unseen) <= 3, unseen


# --- languages ------------------------------------------------------------------------------


def test_german_has_every_text_none_is_fuzzy_and_none_superfluous():
    entries = {(e.context, e.text, e.plural): e for e in read_po(GERMAN)[1:]}
    assert set(entries) == set(messages())
    assert [key for key, entry in entries.items() if not entry.complete] == []


def test_german_sentences_use_the_same_facts():
    for entry in read_po(GERMAN)[1:]:
        wanted = placeholders(entry.text) | placeholders(entry.plural)
        for translated in entry.translated.values():
            assert placeholders(translated) == wanted, entry
            assert "".join(sorted(formats(translated))) == "".join(sorted(formats(entry.text)))


def formats(text: str) -> list[str]:
    """Return how many decimals and what joins a text's facts are given with."""
    import string

    return [f"{name}:{spec}" for _, name, spec, _ in string.Formatter().parse(text) if name]


def messages() -> list[tuple[str, str, str]]:
    """Return context, text and plural of everything that is translated."""
    found = []
    for code, template in TEMPLATES.items():
        if isinstance(template, Parts):
            found += [(code, template.headline, "")]
            found += [(detail_context(code), template.detail, "")]
        elif isinstance(template, Plural):
            found += [(code, template.one, template.other)]
        else:
            found += [(code, template, "")]
    return found


def test_po_files_are_read_as_babel_reads_them():
    with GERMAN.open("rb") as file:
        theirs = babels_read_po(file, locale="de")
    ours = {(e.context, e.text): e for e in read_po(GERMAN)[1:]}
    assert len(theirs) == len(ours)
    for message in theirs:
        if message.id:
            plural = not isinstance(message.id, str)
            text = message.id[0] if plural else message.id
            strings = message.string if plural else (message.string,)
            assert tuple(ours[message.context, text].translated.values()) == tuple(strings)


def test_a_fuzzy_or_empty_translation_stays_english(tmp_path, monkeypatch):
    folder = tmp_path / "xx" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    (folder / "nav.po").write_text(
        'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=UTF-8\\n"\n'
        '"Plural-Forms: nplurals=3; plural=n==1 ? 0 : n==2 ? 1 : 2;\\n"\n\n'
        '#, fuzzy\nmsgctxt "level_clear"\nmsgid "clear"\nmsgstr "perhaps"\n\n'
        'msgctxt "level_danger"\nmsgid "danger"\nmsgstr ""\n\n'
        'msgctxt "level_caution"\nmsgid "caution"\nmsgstr "vor"\n"sicht"\n\n'
        'msgctxt "markers"\nmsgid "marker {ids:first 6}"\nmsgid_plural "markers {ids:first 6}"\n'
        'msgstr[0] "ein {ids}"\nmsgstr[1] "zwei {ids}"\nmsgstr[2] "viele {ids}"\n',
        encoding="utf-8",
    )
    monkeypatch.setattr(catalogue_module, "LOCALE", tmp_path)
    assert languages() == ("en", "xx")
    made = catalogue_of.__wrapped__("xx")
    assert (made.label("level_clear"), made.label("level_danger")) == ("clear", "danger")
    assert made.label("level_caution") == "vorsicht"
    said = [made.sentence(Notice("markers", {"ids": ids})) for ids in ([4], [4, 5], [4, 5, 6])]
    assert said == ["ein 4", "zwei 4, 5", "viele 4, 5, 6"]


@pytest.mark.parametrize(
    "line", ['msgfoo "x"', 'msgstr "open', "msgstr 5 +", 'msgstr[x] "y"'], ids=str
)
def test_lines_that_gettext_does_not_know_are_refused(tmp_path, line):
    path = tmp_path / "nav.po"
    path.write_text(f'msgid "a"\n{line}\n', encoding="utf-8")
    with pytest.raises(ValueError, match="line 2"):
        read_po(path)


@pytest.fixture
def english_again():
    yield
    choose_language("en")


def test_the_language_is_chosen_by_option_then_environment(monkeypatch, english_again):
    lost = Lost("no_plan")
    monkeypatch.setenv(LANGUAGE_VARIABLE, "de")
    choose_language()
    german = sentence(lost)
    assert german != ENGLISH.sentence(lost)
    choose_language("en")
    assert sentence(lost) == ENGLISH.sentence(lost) == "the case has no plan"
    monkeypatch.delenv(LANGUAGE_VARIABLE)
    monkeypatch.setenv("LANG", "de_DE.UTF-8")  # logs and scripts do not change by themselves
    choose_language()
    assert chosen() is ENGLISH


@pytest.mark.parametrize(("option", "variable"), [("klingon", "de"), (None, "klingon")])
def test_a_language_that_is_not_there_is_refused_in_one_line(
    monkeypatch, english_again, option, variable
):
    monkeypatch.setenv(LANGUAGE_VARIABLE, variable)
    name = "--language" if option else LANGUAGE_VARIABLE
    with pytest.raises(InputError, match=f"{name}: expected one of en, de, got klingon"):
        choose_language(option)


# --- notices --------------------------------------------------------------------------------

PLAIN = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
CODES = st.sampled_from(sorted(TEMPLATES)) | st.text()
NOTICES = st.recursive(
    st.builds(Notice, CODES, st.dictionaries(st.text(), PLAIN | st.lists(PLAIN, max_size=3))),
    lambda inner: st.builds(
        Notice,
        CODES,
        st.dictionaries(st.sampled_from(["reason", "reasons", "x"]), inner | st.lists(inner)),
    ),
    max_leaves=6,
)


@given(NOTICES)
def test_notices_travel_between_processes_and_through_json(notice):
    assert pickle.loads(pickle.dumps(notice)) == notice
    assert notice_from_json(json.loads(json.dumps(notice.to_json()))) == notice
    assert hash(notice_from_json(notice.to_json())) == hash(notice)
    lost = Lost(notice.code, notice.facts)
    assert pickle.loads(pickle.dumps(lost)) == lost
    assert not lost
    assert notice_from_json(lost.to_json()) == notice


@given(NOTICES)
def test_a_sentence_never_fails_in_any_language(notice):
    for language in languages():
        made = catalogue_of(language)
        assert isinstance(made.sentence(notice), str)
        assert isinstance(made.parts(notice)[1], str)


def test_facts_are_plain_values_and_cannot_be_changed():
    import numpy as np

    notice = Notice("markers", {"ids": np.array([3, 4])[:1].tolist(), "px": np.float32(0.5)})
    assert notice.facts == {"ids": (3,), "px": 0.5}
    assert type(Notice("a", {"n": np.int64(3)}).facts["n"]) is int
    with pytest.raises(TypeError):
        notice.facts["px"] = 1.0
    with pytest.raises(TypeError, match="not a fact"):
        Notice("markers", {"ids": np.zeros(3)})


def test_notices_that_differ_in_measured_numbers_count_as_one():
    count = NoticeCount()
    for off in (0.1, 0.2, 0.3):
        count.add(Notice("geometry_doubtful", {"corners_px": off}))
    count.add(Notice("marker_left_out", {"marker": 3, "camera": "left"}))
    count.add(Notice("marker_left_out", {"marker": 4, "camera": "left"}))
    assert count.total() == 5
    first, *others = count.most_common()
    assert first == (Notice("geometry_doubtful", {"corners_px": 0.1}), 3)
    assert [times for _, times in others] == [1, 1]


def test_reasons_are_joined_and_keep_their_codes():
    one, two = Notice("hidden", {"cameras": ["left"]}), Notice("too_dark", {"cameras": ["right"]})
    both = Lost("reference_lost", {"reason": lost_by([one, two])})
    assert both.codes == ("reference_lost", "hidden", "too_dark")
    said = "reference lost: hidden from left; too dark for right"
    assert ENGLISH.sentence(both) == said
    assert ENGLISH.parts(both) == ("reference lost", "hidden from left; too dark for right")
    assert lost_by([one]) == Lost("hidden", {"cameras": ["left"]})


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("{names}", "a, b, c"),
        ("{names:and}", "a and b and c"),
        ("{names:semicolons}", "a; b; c"),
        ("{names:first 2}", "a, b and 1 more"),
        ("{names:first 3}", "a, b, c"),
        ("{ids:markers}", "markers 1, 2, 3, 4, 5, 6 and 1 more"),
        ("{one:markers}", "marker 9"),
        ("{number:.2f} mm", "1.50 mm"),
        ("{nothing}.", "."),
        ("{lost:headline}|{lost:detail}|{lost}", "x lost|y|x lost: y"),
        ("{label:headline}|{label:detail}", "clear|clear"),
    ],
)
def test_facts_are_written_as_the_template_asks(template, said):
    facts = {
        "names": ["a", "b", "c"], "ids": range(1, 8), "one": [9], "number": 1.5, "nothing": None,
        "lost": Notice("tool_lost", {"tool": "x", "reason": "y"}), "label": Notice("level_clear"),
    }  # fmt: skip
    facts["ids"] = list(facts["ids"])
    made = Catalogue(templates={**TEMPLATES, "asked": template})
    assert made.sentence(Notice("asked", facts)) == said


def test_a_code_without_a_template_shows_itself_and_is_logged(caplog):
    assert ENGLISH.sentence(Notice("unheard_of", {"x": 3})) == "unheard_of {'x': 3}"
    assert "no sentence for" in caplog.text
