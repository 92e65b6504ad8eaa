"""Necks by name: sex and size, posture, and the variants that make a puncture dangerous."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any

from nav.core.errors import InputError
from phantoms.anatomy.body_size import SEX, of_size
from phantoms.anatomy.parameters import SIDES, AnatomyParameters

Change = Callable[[AnatomyParameters], AnatomyParameters]


@dataclass(frozen=True)
class Variant:
    """A named change of the standard neck.

    Parameters
    ----------
    name : str
        Its name in a preset.
    what : str
        What it is, for people.
    danger : str
        What it means for a lateral C1-C2 puncture, "" for nothing.
    sided : bool
        Whether it is of one side.
    change : callable
        Changes a neck, called with the neck and the side: "left" or "right", or "" for a variant
        without side.
    """

    name: str
    what: str
    danger: str
    sided: bool
    change: Callable[[AnatomyParameters, str], AnatomyParameters]


def variant_names() -> tuple[str, ...]:
    """List the names of all variants, in order.

    Returns
    -------
    tuple of str
        The keys of VARIANTS.
    """
    return tuple(VARIANTS)


def preset(text: str, base: AnatomyParameters | None = None) -> AnatomyParameters:
    """Return the neck that a preset's text means: "standard", or variants joined by "+".

    A sided variant applies to the left; NAME:right and NAME:both say otherwise. Sizes are applied
    first, wherever they are in the text. Example: "female+intersegmental:right+narrow-gap".

    Parameters
    ----------
    text : str
        The preset.
    base : AnatomyParameters, optional
        The neck to change; the standard one by default.

    Returns
    -------
    AnatomyParameters
        Not checked for being possible.

    Raises
    ------
    InputError
        An unknown name, a side that a variant does not have, or two variants that exclude each
        other.
    """
    p = base or AnatomyParameters()
    words = [word.strip() for word in text.split("+")]
    taken: set[tuple[str, str]] = set()
    for word in sorted(words, key=lambda word: word not in SEX):
        name, colon, side = word.partition(":")
        if colon and not side:
            raise InputError(f"preset {text!r}: {word!r} lacks its side; leave the colon out")
        if name == "standard" and not side:
            continue
        if name not in VARIANTS:
            known = ", ".join(("standard", *VARIANTS))
            raise InputError(f"preset {text!r}: {name!r} is not known; there are {known}")
        variant = VARIANTS[name]
        if side and not variant.sided:
            raise InputError(f"preset {text!r}: {name} has no side; leave out ':{side}'")
        if side not in ("", *SIDES, "both"):
            raise InputError(f"preset {text!r}: {name}: expected left, right or both, got {side!r}")
        sides = SIDES if side == "both" else (side or "left",)
        for one in sides if variant.sided else ("",):
            for other in _opposed(name):
                if (other, one) in taken:
                    raise InputError(
                        f"preset {text!r}: {other} and {name} cannot be combined"
                        if other != name
                        else f"preset {text!r}: {name} appears twice"
                    )
            taken.add((name, one))
            p = variant.change(p, one)
    return p


def _opposed(name: str) -> tuple[str, ...]:
    """Return the variants that exclude this one on the same side, itself among them."""
    return next((group for group in OPPOSED if name in group), (name,))


def _whole(change: Change) -> Callable[[AnatomyParameters, str], AnatomyParameters]:
    return lambda p, side: change(p)


def _size(sex: str) -> Callable[[AnatomyParameters, str], AnatomyParameters]:
    """Return a change to the sizes of a sex, on a neck that may have been changed already."""

    def change(p: AnatomyParameters, side: str) -> AnatomyParameters:
        target, standard = of_size(sex), AnatomyParameters()
        changed = {}
        for member in fields(AnatomyParameters):
            new, old = getattr(target, member.name), getattr(standard, member.name)
            if new != old:
                changed[member.name] = _ratio(getattr(p, member.name), new, old)
        return replace(p, **changed)

    return change


def _ratio(value: Any, new: Any, old: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(v * n / o for v, n, o in zip(value, new, old, strict=True))
    return value * new / old


def scaled(p: AnatomyParameters, names: tuple[str, ...], factor: float) -> AnatomyParameters:
    """Multiply some measures of a neck by a factor.

    Parameters
    ----------
    p : AnatomyParameters
        The neck.
    names : tuple of str
        Fields that are numbers or tuples of numbers.
    factor : float
        The factor.

    Returns
    -------
    AnatomyParameters
        A changed copy.
    """
    changed: dict[str, Any] = {}
    for name in names:
        value = getattr(p, name)
        changed[name] = (
            tuple(v * factor for v in value) if isinstance(value, tuple) else value * factor
        )
    return replace(p, **changed)


CANALS = ("c1_canal_ap", "c2_canal_ap", "c3_canal_ap", "c4_canal_ap")


def _canal(bone: float, sac: float, dorsal: float) -> Callable[..., AnatomyParameters]:
    def change(p: AnatomyParameters, side: str) -> AnatomyParameters:
        return scaled(scaled(scaled(p, CANALS, bone), ("sac_ap",), sac), ("dorsal_csf",), dorsal)

    return change


def _artery(**changed: Any) -> Callable[[AnatomyParameters, str], AnatomyParameters]:
    def change(p: AnatomyParameters, side: str) -> AnatomyParameters:
        artery = replace(p.artery(side), **changed)
        return replace(p, artery_left=artery) if side == "left" else replace(p, artery_right=artery)

    return change


def _diameters(left: float, right: float) -> Callable[[AnatomyParameters, str], AnatomyParameters]:
    return lambda p, side: _artery(diameter=left)(_artery(diameter=right)(p, "right"), "left")


OPPOSED = (
    ("female", "male"),
    ("narrow-canal", "wide-canal"),
    ("flexed", "extended"),
    ("rotated-left", "rotated-right"),
    ("left-dominant", "right-dominant"),
    ("intersegmental", "fenestrated"),
    ("ponticulus", "ponticulus-incomplete"),
)
_DIRECT = "direct: in the window, about 1 mm beside the planned needle"

VARIANTS = {
    v.name: v
    for v in (
        Variant("female", "sizes of women, 1626 mm", "", False, _size("female")),
        Variant("male", "sizes of men, 1755 mm", "", False, _size("male")),
        Variant(
            "narrow-canal",
            "sac at the 5th percentile, bony canal near the 20th",
            "less room on both sides of the aim",
            False,
            _canal(0.93, 0.87, 0.75),
        ),
        Variant(
            "wide-canal", "canal and sac at the 95th percentile", "", False, _canal(1.12, 1.13, 1.2)
        ),
        Variant(
            "narrow-gap",
            "window between C1 and C2 of 7 mm, 5 mm before the spinolaminar line; less behind",
            "the needle must be aimed by less than half of the usual margin",
            False,
            _whole(lambda p: replace(p, window_height=7.0)),
        ),
        Variant(
            "flexed",
            "chin down by 12 degrees",
            "the window opens, the free space behind the cord thins",
            False,
            _whole(lambda p: scaled(replace(p, head_flexion=12.0), ("dorsal_csf",), 0.88)),
        ),
        Variant(
            "extended",
            "chin up by 8 degrees",
            "the window closes",
            False,
            _whole(lambda p: scaled(replace(p, head_flexion=-8.0), ("dorsal_csf",), 1.1)),
        ),
        Variant(
            "rotated-left",
            "C1 turned to the left by 20 degrees",
            "landmarks on a lateral view mislead; canal and arteries are turned",
            False,
            _whole(lambda p: replace(p, c1_rotation=20.0)),
        ),
        Variant(
            "rotated-right",
            "C1 turned to the right by 20 degrees",
            "as rotated-left",
            False,
            _whole(lambda p: replace(p, c1_rotation=-20.0)),
        ),
        Variant(
            "left-dominant",
            "left artery 5, right one 3 mm",
            "a larger artery on the usual side",
            False,
            _diameters(5.0, 3.0),
        ),
        Variant("right-dominant", "right artery 5, left one 3 mm", "", False, _diameters(3.0, 5.0)),
        Variant(
            "hypoplastic",
            "an artery of 2 mm",
            "the other artery is all there is",
            True,
            _artery(diameter=2.0),
        ),
        Variant(
            "posterior-loop",
            "the loop between C2 and C1 bows back by 7 mm",
            "about 4 mm instead of 8 to 11 before the needle",
            True,
            _artery(loop=7.0),
        ),
        Variant(
            "intersegmental",
            "persistent first intersegmental artery: enters the canal below C1",
            _DIRECT,
            True,
            _artery(course="intersegmental", diameter=4.0),
        ),
        Variant(
            "fenestrated",
            "fenestration: a second limb of the artery enters the canal below C1",
            _DIRECT,
            True,
            _artery(course="fenestrated"),
        ),
        Variant(
            "low-pica",
            "the posterior inferior cerebellar artery loops down behind the cord",
            "direct: it lies where the needle is aimed",
            True,
            _artery(pica="low"),
        ),
        Variant(
            "high-riding",
            "the artery turns 3 mm higher in C2",
            "little here; matters for screws",
            True,
            _artery(rise=3.0),
        ),
        Variant(
            "ponticulus",
            "a bridge of bone over the artery's groove on C1",
            "none in the window; the arch looks higher on a lateral view",
            True,
            _artery(ponticulus="complete"),
        ),
        Variant(
            "ponticulus-incomplete",
            "spurs over the artery's groove on C1",
            "as ponticulus",
            True,
            _artery(ponticulus="incomplete"),
        ),
    )
}
