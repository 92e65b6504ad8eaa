"""Guess what a structure is from its name: English, German, Latin, and TotalSegmentator's."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal
from unicodedata import combining, normalize

from nav.model.case import Role

LEFT_OUT: Final = "none"  # what --role calls a structure that is not imported
Guess = Role | Literal["none"]


@dataclass(frozen=True)
class NamedRole:
    """A structure's name in the case, and its role.

    Parameters
    ----------
    name : str
        In the case.
    role : str or None
        None where the name does not tell it; "none" where it is known and not navigated (a kidney).
    """

    name: str
    role: Guess | None


# words between which other words may stand, of a name in small letters without accents
LEVEL = r"(?:c|hwk|hw|cervical|vertebrae?|wirbel|halswirbel)[ ]?0?([1-7])"
ORDINAL = re.compile(r"^([1-7]) (?:hals ?wirbel|cervical vertebra|vertebra cervicalis)")
VERTEBRA = re.compile(
    rf"^(?:(?:vertebrae?|cervical|wirbel|halswirbel|bone|knochen|os)[ ])*{LEVEL}"
    r"(?:[ ](?:vertebrae?|vertebral|body|bone|wirbel|knochen|cervicalis))*$"
)
ATLAS = re.compile(r"\b(atlas)\b")
AXIS = re.compile(r"\b(axis|epistropheus)\b")
BONES = re.compile(
    r"\b(vertebrae?|\w*wirbel\w*|bones?|\w*knochen|os|ossa|occiput|occipital|occipitale|\w*schadel\w*|"
    r"skull|cranium|spine|columna vertebralis|hws|dens|c ?[0-7]|[tl] ?\d{1,2}|sacrum)\b"
)
VERTEBRAL_ARTERY = re.compile(
    r"\b(vertebral arter(?:y|ies)|vertebral a|a(?:rteria|a)? ?vertebralis|"
    r"vertebralarterie\w*|wirbelarterie\w*|vertebralis|va)\b"
)
ARTERIES = re.compile(r"\b(arter(?:y|ies|ia|iae|ie|ien)|\w*arterie\w*|carotid\w*|carotis)\b")
CORD = re.compile(r"\b(spinal ?cord|cord|medulla spinalis|myelon|ruckenmark|spinalmark)\b")
DURA = re.compile(
    r"\b(dura(?: mater)?|dural sac|thecal(?: sac)?|dural?sack|duraschlauch|saccus durae?(?:lis)?|"
    r"thecalsac)\b"
)
SKIN = re.compile(r"\b(skin|\w*haut|haut\w*|cutis|integument\w*)\b")
BODY = re.compile(
    r"^(?:the )?(body|korper|corpus|external|patient)(?: (?:surface|outline|contour|trunc))?$"
)
SUPPORT = re.compile(r"\b(supports?|holders?|stutzen?|halter\w*|frame|rahmen|base ?plate)\b")
OTHERS: tuple[tuple[re.Pattern[str], Role], ...] = (
    (CORD, "cord"),
    (DURA, "dura"),
    (SUPPORT, "support"),
)
# words that make the words above mean something else
NOT_THAT = re.compile(
    r"\b(dis[ck]s?|bandscheibe\w*|discus|nerves?|nerv|nervus|roots?|wurzel\w*|ligament\w*|muscles?|muskel\w*|"
    r"musculus|veins?|vena|venae|vene\w*|vocal|umbilical|canal\w*|\w*kanal|screws?|schraube\w*|"
    r"foramen|joints?|gelenk\w*|tumou?r|lesion|target|ziel|plan|csf|liquor|process\w*|arch|bogen)\b"
)
ELSEWHERE = re.compile(  # TotalSegmentator's other classes, and what scenes hold besides anatomy
    r"^(spleen|kidney.*|gallbladder|liver|stomach|pancreas|adrenal gland.*|lung.*|esophagus|"
    r"trachea|thyroid gland|small bowel|duodenum|colon|urinary bladder|prostate|heart|aorta|"
    r"pulmonary vein|brachiocephalic.*|subclavian artery.*|atrial appendage.*|.*vena cava|"
    r"portal vein.*|iliac.*|humerus.*|scapula.*|clavicula.*|femur.*|hip.*|gluteus.*|autochthon.*|"
    r"iliopsoas.*|brain|rib (?:left|right).*|sternum|costal cartilages|coccyx|"
    r"(?:red|green|yellow)(?: volume)? slice|vertebrae? [tl]\d+|vertebrae? s1|sacrum)$"
)
SIDES = (
    (re.compile(r"\b(left|links?|linke[rs]?|sinistra|sinister|sin|l)\b"), "left"),
    (re.compile(r"\b(right|rechts?|rechte[rs]?|dextra|dexter|dext?|r)\b"), "right"),
)
FILLERS = re.compile(r"\b(model|segment|surface|mesh|export(?:ed)?|3 ?d|smoothed?|final|copy)\b")


def guess_role(name: str) -> NamedRole:
    """Guess the role of a structure, and the name that it has in a case.

    Vertebrae are called C1 to C7, vertebral arteries with their side, since planning looks for
    these; other names are kept.

    Parameters
    ----------
    name : str
        In the source.

    Returns
    -------
    NamedRole
        Without a role where the name is ambiguous.
    """
    text = plain(name)
    if ELSEWHERE.match(text):
        return NamedRole(name, LEFT_OUT)
    if NOT_THAT.search(text):
        return NamedRole(name, None)
    text = " ".join(FILLERS.sub(" ", text).split()) or text
    found: list[NamedRole] = []
    sided = [side for pattern, side in SIDES if pattern.search(text)]
    without_sides = text
    for pattern, _ in SIDES:
        without_sides = " ".join(pattern.sub(" ", without_sides).split())
    if VERTEBRAL_ARTERY.search(text):
        own = f"vertebral artery {sided[0]}" if len(sided) == 1 else name
        found.append(NamedRole(own, "artery"))
        text = VERTEBRAL_ARTERY.sub(" ", text)
    elif ARTERIES.search(text):
        found.append(NamedRole(name, "artery"))
        text = ARTERIES.sub(" ", text)
    bone = _bone(name, text if found else without_sides)
    if bone is not None:
        found.append(bone)
    for pattern, role in OTHERS:
        if pattern.search(text):
            found.append(NamedRole(name, role))
    if SKIN.search(text) or BODY.match(text):
        found.append(NamedRole(name, "skin"))
    return found[0] if len({f.role for f in found}) == 1 else NamedRole(name, None)


def _bone(name: str, text: str) -> NamedRole | None:
    level = VERTEBRA.match(text) or ORDINAL.match(text)
    if level:
        return NamedRole(f"C{level[1]}", "bone")
    for pattern, own in ((ATLAS, "C1"), (AXIS, "C2")):
        if pattern.search(text):
            rest = pattern.sub(" ", text)
            numbers = re.findall(r"\bc ?(\d)\b", rest)
            return NamedRole(own, "bone") if set(numbers) <= {own[1]} else NamedRole(name, None)
    levels = re.findall(r"\bc ?([0-7])\b", text)
    if BONES.search(text):
        return NamedRole(f"C{levels[0]}" if len(levels) == 1 else name, "bone")
    return None


def plain(name: str) -> str:
    """Return a name in small letters, without accents, words separated by single blanks.

    Parameters
    ----------
    name : str
        Any text.

    Returns
    -------
    str
        a to z, 0 to 9 and blanks; words joined by capitals (spinalCord) are separated.
    """
    text = "".join(c for c in normalize("NFKD", name.replace("ß", "ss")) if not combining(c))
    text = re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", text)  # spinalCord
    return " ".join(re.sub(r"[^a-z0-9]+", " ", text.lower()).split())
