"""The one place where codes and facts become sentences, in English or another language."""

import gettext
import logging
import os
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

from nav.core.errors import InputError
from nav.core.notice import Notice
from nav.text.camera_sentences import CAMERAS
from nav.text.capture_sentences import CAPTURE
from nav.text.case_labels import CASE
from nav.text.command_sentences import COMMANDS
from nav.text.link_sentences import LINKS
from nav.text.po import translations
from nav.text.reconstruction_sentences import RECONSTRUCTION
from nav.text.recording_sentences import RECORDING
from nav.text.registration_sentences import REGISTRATION
from nav.text.replay_labels import REPLAY
from nav.text.session_sentences import SESSION
from nav.text.template import Filler, Parts, Plural, Template
from nav.text.tracking_sentences import TRACKING
from nav.text.window_labels import WINDOW

TEMPLATES: Mapping[str, Template] = {
    **TRACKING, **CAMERAS, **REGISTRATION, **RECONSTRUCTION, **SESSION, **RECORDING, **COMMANDS,
    **WINDOW, **LINKS, **CAPTURE,
    **REPLAY, **CASE,
}  # fmt: skip
LOCALE = Path(__file__).parent.parent / "locale"
SOURCE = "en"
LANGUAGE_VARIABLE = "C1C2NAV_LANGUAGE"
log = logging.getLogger(__name__)


class Catalogue:
    """Templates by code, with their translation to one language.

    Parameters
    ----------
    translated : gettext.NullTranslations, optional
        To another language; by default the templates are used as they are.
    templates : mapping of str to Template, optional
        English, by code.
    """

    def __init__(
        self,
        translated: gettext.NullTranslations | None = None,
        templates: Mapping[str, Template] = TEMPLATES,
    ) -> None:
        self.translated = translated or gettext.NullTranslations()
        self.templates = templates
        self.filler = Filler(self.parts)

    def sentence(self, notice: Notice) -> str:
        """Return the whole sentence of a notice; it never fails."""
        return self.filler.sentence(notice)

    def sentences(self, notices: Iterable[Notice]) -> str:
        """Return several notices on one line."""
        return "; ".join(map(self.sentence, notices))

    def parts(self, notice: Notice) -> tuple[str, str]:
        """Return headline and detail; the detail is empty where the sentence has one part."""
        try:
            template = self.templates[notice.code]
            texts = self._translated(notice, template)
            head, *rest = (self.filler.fill(text, notice.facts) for text in texts)
        except (KeyError, ValueError, TypeError) as error:
            log.error("no sentence for %s: %s", notice, error)
            return f"{notice.code} {dict(notice.facts)}", ""
        return head, rest[0] if rest else ""

    def label(self, code: str) -> str:
        """Return a text without facts, for a label or a button."""
        return self.sentence(Notice(code))

    def _translated(self, notice: Notice, template: Template) -> tuple[str, ...]:
        code = notice.code
        if isinstance(template, Parts):
            return (
                self.translated.pgettext(code, template.headline),
                self.translated.pgettext(detail_context(code), template.detail),
            )
        if isinstance(template, Plural):
            counted = notice.facts[template.by]
            count = len(counted) if isinstance(counted, tuple) else counted
            return (self.translated.npgettext(code, template.one, template.other, count),)
        return (self.translated.pgettext(code, template),)


def detail_context(code: str) -> str:
    """Return the context of a sentence's second part in .po files.

    Parameters
    ----------
    code : str
        Of the notice.

    Returns
    -------
    str
    """
    return f"{code}/detail"


def languages() -> tuple[str, ...]:
    """Return the languages that there are: English, and every folder of `nav/locale`.

    Returns
    -------
    tuple of str
        Codes as of ISO 639.
    """
    return (SOURCE, *sorted(path.parts[-3] for path in LOCALE.glob("*/LC_MESSAGES/nav.po")))


@cache
def catalogue_of(language: str) -> Catalogue:
    """Return the catalogue of a language.

    Parameters
    ----------
    language : str
        As of `languages`.

    Returns
    -------
    Catalogue
    """
    if language == SOURCE:
        return Catalogue()
    return Catalogue(translations(LOCALE / language / "LC_MESSAGES" / "nav.po"))


ENGLISH = catalogue_of(SOURCE)  # of files and logs, whatever is shown
_chosen = ENGLISH


def choose_language(language: str | None = None) -> None:
    """Choose the language of windows and terminal for this process.

    Parameters
    ----------
    language : str, optional
        As of `languages`; else the environment's C1C2NAV_LANGUAGE; else English.

    Raises
    ------
    InputError
        There is no such language.
    """
    global _chosen
    wanted = language or os.environ.get(LANGUAGE_VARIABLE) or SOURCE
    if wanted not in languages():
        where = "--language" if language else LANGUAGE_VARIABLE
        raise InputError(f"{where}: expected one of {', '.join(languages())}, got {wanted}")
    _chosen = catalogue_of(wanted)


def chosen() -> Catalogue:
    """Return the catalogue of the language that was chosen.

    Returns
    -------
    Catalogue
    """
    return _chosen


def sentence(notice: Notice) -> str:
    """Return the sentence of a notice in the chosen language.

    Parameters
    ----------
    notice : Notice
        A `Lost` too.

    Returns
    -------
    str
        One line.
    """
    return _chosen.sentence(notice)


def label(code: str) -> str:
    """Return a text without facts in the chosen language.

    Parameters
    ----------
    code : str
        Of the label.

    Returns
    -------
    str
    """
    return _chosen.label(code)
