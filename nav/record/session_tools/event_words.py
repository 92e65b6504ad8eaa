"""Events of a session in words, for the terminal and the report."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from nav.core.notice import Notice
from nav.record.session.session_format import SessionEvent
from nav.text.catalogue import ENGLISH

Facts = Mapping[str, Any]


def event_words(event: SessionEvent) -> str:
    """Return what happened as a short text.

    Parameters
    ----------
    event : SessionEvent
        Of any kind.

    Returns
    -------
    str
    """
    try:
        return _words(event)
    except (
        AttributeError,
        KeyError,
        TypeError,
        ValueError,
        OverflowError,
    ):  # changed by another program
        return notice_words(event.notice)


def _words(event: SessionEvent) -> str:
    if event.kind in ("stage", "command"):
        return f"{event.code} {event.facts.get('argument', '')}".rstrip()
    if event.kind == "ended" and not event.code:
        return "ended"
    known = WORDS.get((event.kind, event.code))
    if known is not None:
        return known(event.facts)
    if event.code.startswith("level_") and "structure" in event.facts:
        return _level(event.code.removeprefix("level_"), event.facts)
    return notice_words(event.notice) if event.code else event.kind


def notice_words(notice: Notice) -> str:
    """Return a notice's sentence, or its code and facts where it has none.

    Parameters
    ----------
    notice : Notice
        Of any code.

    Returns
    -------
    str
    """
    if notice.code in ENGLISH.templates:
        return ENGLISH.sentence(notice)
    facts = ", ".join(f"{name} {_short(value)}" for name, value in notice.facts.items())
    return f"{notice.code.replace('_', ' ')} ({facts})" if facts else notice.code.replace("_", " ")


def cut_words(cut: Notice) -> str:
    """Return how a session ends that has no proper end.

    Parameters
    ----------
    cut : Notice
        As of `SessionReader.cut`.

    Returns
    -------
    str
    """
    repaired = " (it was cut, and has been repaired)" if cut.code == "session_without_end" else ""
    return f"{notice_words(cut)}{repaired}"


def _short(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.2f}"
    if isinstance(value, Notice):
        return notice_words(value)
    return ", ".join(map(_short, value)) if isinstance(value, tuple) else str(value)


def _mm(facts: Facts, name: str) -> str:
    value = facts.get(name)
    return "?" if value is None else f"{value:.2f} mm"


def _level(level: str, facts: Facts) -> str:
    word = "no data" if level == "unknown" else level
    bound = f", bound {facts['bound_mm']:.1f} mm" if "bound_mm" in facts else ""
    return f"{facts['structure']}: {word}{bound}"


def _touched(facts: Facts) -> str:
    return f"{facts.get('label')} touched, wander {_mm(facts, 'wander_mm')}"


def _checked(facts: Facts) -> str:
    passed = "passed" if facts.get("passed") else "FAILED"
    off, limit = _mm(facts, "distance_mm"), _mm(facts, "limit_mm")
    return f"check {facts.get('label')}: {off} off (limit {limit}), {passed}"


def _registered(facts: Facts) -> str:
    target = "" if facts.get("tre_mm") is None else f", predicted TRE {_mm(facts, 'tre_mm')}"
    touches = ", ".join(map(str, facts.get("labels", ())))
    number = facts.get("registration")
    return f"registration {number} made of {touches}: FRE {_mm(facts, 'fre_mm')}{target}"


def _in_use(facts: Facts) -> str:
    number = facts.get("registration")
    if number is None:
        return "no registration in use"
    return "the registration given in use" if number == 0 else f"registration {number} in use"


WORDS: Mapping[tuple[str, str], Callable[[Facts], str]] = {
    ("started", ""): lambda _: "started",
    ("mark", ""): lambda facts: str(facts.get("text") or f"mark {facts.get('mark', '')}").rstrip(),
    ("touch", "touched"): _touched,
    ("touch", "forgotten"): lambda facts: f"{facts.get('label')}: touch taken back",
    ("verification", "touched"): _checked,
    ("verification", "touched_again"): _checked,
    ("verification", "forgotten"): lambda facts: f"check {facts.get('label')} taken back",
    ("verification", "verified"): lambda _: "registration verified",
    ("verification", "unverified"): lambda _: "registration no longer verified",
    ("registration", "made"): _registered,
    ("registration", "in_use"): _in_use,
    ("registration", "taken_back"): lambda f: f"back to registration {f.get('registration')}",
    ("registration", "given_up"): lambda _: "registration given up",
    ("plan", "followed"): lambda facts: f"plan followed: {facts.get('plan') or 'none'}",
    ("camera", "camera_back"): lambda facts: f"camera {facts.get('camera')} gives images again",
}
