# ruff: noqa: RUF009 - the calls make fields
"""Parameters of the anatomy: unit, default, range and source of each."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

LEVELS = ("C1", "C1-C2", "C2", "C3", "C4")  # where cord and sac are measured, from above
SIDES = ("left", "right")

Levels = tuple[float, float, float, float, float]
Course = Literal["normal", "intersegmental", "fenestrated"]
Pica = Literal["normal", "low"]
Ponticulus = Literal["none", "incomplete", "complete"]


@dataclass(frozen=True)
class Measure:
    """What is known of a parameter that is a number.

    Parameters
    ----------
    unit : str
        "mm" or "degrees".
    low, high : float
        Inclusive range that can be built.
    spread : float
        Standard deviation, as a share of the default, that random necks are drawn with; 0 where
        they keep the default.
    what : str
        What is measured.
    source : str
        Where the default comes from; "chosen" is by us, within what is published.
    """

    unit: str
    low: float
    high: float
    spread: float
    what: str
    source: str


def _mm(default: Any, low: float, high: float, what: str, source: str, spread: float = 0.08) -> Any:
    return field(
        default=default, metadata={"measure": Measure("mm", low, high, spread, what, source)}
    )


def _degrees(default: float, low: float, high: float, what: str, source: str) -> Any:
    return field(
        default=default, metadata={"measure": Measure("degrees", low, high, 0.0, what, source)}
    )


def _kind(default: str, what: str, source: str) -> Any:
    return field(default=default, metadata={"what": what, "source": source})


@dataclass(frozen=True)
class ArteryParameters:
    """The vertebral artery of one side, and what goes with it."""

    diameter: float = _mm(
        5.0, 2.0, 6.0,
        "outer diameter; the kit's silicone tubes are 2, 3, 4, 5 and 6 wide",
        "10.4103/jcvjs.JCVJS_125_17 (4.7 right, 5.2 left, 10 cadavers)",
        0.15,
    )  # fmt: skip
    loop: float = _mm(
        0.0, 0.0, 8.0,
        "how far the loop between C2 and C1 bows backwards, over C2's articular pillar",
        "10.1097/AAP.0000000000000734 (on 42 to 56 % of sides); J Neurosurg Spine 2010;13:451",
        0.0,
    )  # fmt: skip
    rise: float = _mm(
        0.0, 0.0, 4.0,
        "how much higher than usual the artery turns within C2 (a high-riding artery: 3)",
        "World Neurosurg 2020;143:e474 (high-riding in 25 % of people)",
        0.0,
    )  # fmt: skip
    course: Course = _kind(
        "normal",
        "intersegmental: enters the canal below C1; fenestrated: a second limb does",
        "10.1007/s00234-023-03223-9 (1.8 % and 0.7 % of 10 820)",
    )
    pica: Pica = _kind(
        "normal",
        "low: the posterior inferior cerebellar artery loops down behind the cord at C1-C2",
        "10.1007/s00234-023-03223-9 (origin between C1 and C2: 1.6 %)",
    )
    ponticulus: Ponticulus = _kind(
        "none",
        "bridge of bone over the artery's groove on C1",
        "10.3171/2017.1.SPINE161092 (complete 9.1 %, incomplete 13.6 % of 55 985)",
    )


@dataclass(frozen=True)
class AnatomyParameters:
    """Adult upper cervical spine, mean of women and men.

    AP is antero-posterior. The spinolaminar line runs down the front of the posterior arches.
    """

    c1_width: float = _mm(
        72.0, 60.0, 84.0, "C1 over its transverse processes",
        "Patel, Int J Res Med Sci (71.2, n 100); Rekha, IJAR.2016.125 (72.5, n 100)",
    )  # fmt: skip
    c1_canal_ap: float = _mm(
        29.0, 25.0, 34.0, "C1: back of the anterior to front of the posterior arch",
        "Kaur 2017, 10.16965/ijar.2017.454 (29.9 top, 28.8 bottom, n 50); Patel (28.2)",
    )  # fmt: skip
    c1_canal_width: float = _mm(
        27.5, 23.0, 32.0, "C1's canal, widest",
        "Kaur 2017 (26.6 to 26.9); Rekha 2016 (27.4)",
    )  # fmt: skip
    c1_anterior_height: float = _mm(
        10.4, 8.0, 13.0, "C1's anterior arch at the midline", "Patel (10.2)"
    )
    c1_posterior_height: float = _mm(
        9.7, 7.0, 12.5, "C1's posterior arch beside the tubercle",
        "Chan, Asian Spine J 2021;15(1) (9.8, n 330)",
    )  # fmt: skip
    c1_posterior_thickness: float = _mm(
        7.2, 5.0, 10.0, "through C1's posterior tubercle", "Chan 2021 (7.2)"
    )
    c1_groove_thickness: float = _mm(
        3.9, 3.0, 5.5, "C1's arch under the artery, vertical",
        "Ebraheim, Spine 1998;23:320 (about 4); Patel (4.0 to 4.2)",
    )  # fmt: skip
    c1_foramen_width: float = _mm(
        6.1, 5.0, 8.0, "C1's foramen transversarium, across",
        "Kaur 2023, 10.16965/ijar.2023.143 (6.1 right, 6.0 left)",
    )  # fmt: skip
    c1_foramen_ap: float = _mm(7.7, 6.0, 9.5, "the same, AP", "Kaur 2023 (7.7 right, 7.6 left)")
    c1_foramen_lateral: float = _mm(
        25.8, 22.0, 30.0, "the same, its centre from the midline",
        "Patel; Rekha 2016 (25.1, from its margins)",
    )  # fmt: skip

    dens_ap: float = _mm(10.6, 8.5, 13.0, "dens", "core.ac.uk/works/303973137 (n 52)")
    dens_width: float = _mm(9.8, 8.0, 12.0, "dens", "core.ac.uk/works/303973137 (n 52)")
    dens_height: float = _mm(
        16.0, 13.0, 19.0, "dens above its shoulders",
        "Gosavi and Swamy 2012 (14.9, n 100); core.ac.uk/works/303973137 (17.6)",
    )  # fmt: skip
    dens_gap: float = _mm(1.2, 0.6, 2.8, "anterior arch to dens", "chosen (normal below 3)", 0.0)
    c2_body_ap: float = _mm(
        14.9, 12.0, 18.0, "C2's body", "core.ac.uk/works/303973137 (14.8 to 14.9)"
    )
    c2_lamina_height: float = _mm(
        12.5, 9.5, 15.5, "C2's lamina",
        "scienceopen 890c34bb (13.0, n 150); Chan 2021 (11.8, n 330)",
    )  # fmt: skip
    c2_lamina_thickness: float = _mm(
        6.5, 4.5, 9.0, "C2's lamina", "10.4184/asj.2015.9.2.205 (6.6, n 200)"
    )
    c2_canal_ap: float = _mm(
        18.5, 15.5, 22.0, "C2's canal, square to it",
        "Kaur 2017 (19.1 at the top, 15.2 at the bottom)",
    )  # fmt: skip
    c2_canal_width: float = _mm(
        23.6, 20.0, 28.0, "C2's canal, widest", "Kaur 2017 (23.1 at the top, 23.9 at the bottom)"
    )
    c2_spinous_length: float = _mm(
        15.7, 10.0, 22.0, "C2's spinous process behind the spinolaminar line",
        "scienceopen 890c34bb (15.7, n 150)",
    )  # fmt: skip
    c2_tilt: float = _degrees(
        15.0, 5.0, 25.0, "C2's lower end plate, anterior end down",
        "chosen; the dens then leans back by 7",
    )  # fmt: skip

    c3_canal_ap: float = _mm(
        15.5, 13.0, 19.0, "C3's canal, clear opening", "Reed and Jones, UMTRI-2017-1 (15.5)"
    )
    c3_canal_width: float = _mm(
        21.8, 18.5, 26.0, "C3's canal, clear opening", "Reed and Jones, UMTRI-2017-1 (21.8)"
    )
    c3_width: float = _mm(
        49.9, 42.0, 60.0, "C3 over its transverse processes", "Reed and Jones, UMTRI-2017-1"
    )
    c4_canal_ap: float = _mm(
        15.0, 13.0, 19.0, "C4's canal, clear opening", "Reed and Jones, UMTRI-2017-1 (15.0)"
    )
    c4_canal_width: float = _mm(
        23.0, 19.0, 27.0, "C4's canal, clear opening", "Reed and Jones, UMTRI-2017-1 (23.0)"
    )
    c4_width: float = _mm(
        51.7, 43.0, 62.0, "C4 over its transverse processes", "Reed and Jones, UMTRI-2017-1"
    )
    body_height: float = _mm(
        13.3, 10.5, 16.0, "bodies of C3 and C4, at the back",
        "Reed and Jones, UMTRI-2017-1 (12.2 women, 14.2 to 14.5 men)",
    )  # fmt: skip
    lamina_gap_c2_c3: float = _mm(
        4.0, 2.0, 7.0, "C2 to C3 on the spinolaminar line",
        "Reed and Jones, UMTRI-2017-1 (3.7 women, 4.2 men)", 0.0,
    )  # fmt: skip
    lamina_gap_c3_c4: float = _mm(
        4.5, 2.0, 7.0, "C3 to C4 on the spinolaminar line",
        "Reed and Jones, UMTRI-2017-1 (4.3 women, 4.8 men)", 0.0,
    )  # fmt: skip
    lower_foramen: float = _mm(
        6.0, 4.0, 7.8, "foramen transversarium of C3 and C4",
        "Anat Res Int 2015:391823 (5.5, 2.5 to 7.8, C3 to C6)", 0.1,
    )  # fmt: skip

    window_height: float = _mm(
        11.0, 6.0, 17.0,
        "free height seen from the side between C1's arch and C2's lamina, head in neutral",
        "from Reed and Jones, UMTRI-2017-1: 10 (women), 12 (men) with open joints",
        0.12,
    )  # fmt: skip
    joint_gap: float = _mm(
        1.0, 0.6, 2.5, "between the facets of C1 and C2",
        "chosen (bone without its cartilage)", 0.0,
    )  # fmt: skip
    head_flexion: float = _degrees(
        0.0, -10.0, 20.0,
        "of the head on C2, chin down; half of it between C1 and C2",
        "chosen; C1-C2 moves 10 to 20 in all",
    )  # fmt: skip
    c1_rotation: float = _degrees(
        0.0, -40.0, 40.0, "of C1 on C2 about the dens, to the left",
        "10.1053/crad.2001.0703 (32.4 right, 34.2 left, 13 to 53, n 28)",
    )  # fmt: skip

    cord_ap: Levels = _mm(
        (8.11, 7.94, 7.76, 7.59, 7.62), 5.5, 10.5, "cord",
        "Valosek 2024, 10.1162/imag_a_00075 (203 adults)", 0.065,
    )  # fmt: skip
    cord_width: Levels = _mm(
        (11.37, 11.59, 11.73, 12.14, 12.93), 8.5, 16.0, "cord", "Valosek 2024", 0.065
    )
    sac_ap: Levels = _mm(
        (15.6, 15.8, 14.5, 13.1, 12.8), 9.5, 20.0, "thecal sac",
        "Valosek 2024; at C1 0.4 narrower than its mean of 16.0, for the dens", 0.10,
    )  # fmt: skip
    sac_width: Levels = _mm(
        (23.3, 22.6, 22.2, 20.8, 21.0), 16.0, 29.0, "thecal sac", "Valosek 2024", 0.08
    )
    dorsal_csf: float = _mm(
        4.2, 1.8, 6.5, "behind the cord between C1 and C2",
        "10.3174/ajnr.A4564 (3.6 flexed to 5.0 extended, n 10)", 0.12,
    )  # fmt: skip
    epidural_gap: float = _mm(
        1.4, 0.5, 3.5, "spinolaminar line to the sac between C1 and C2",
        "chosen, for a canal of 20 to 21 AP", 0.0,
    )  # fmt: skip

    artery_wall_gap: float = _mm(
        0.5, 0.25, 1.5, "between artery and bone where the bone leaves it room",
        "chosen, for a tube to be pushed through", 0.0,
    )  # fmt: skip
    artery_left: ArteryParameters = field(default_factory=ArteryParameters)
    artery_right: ArteryParameters = field(default_factory=ArteryParameters)

    neck_width: float = _mm(
        120.0, 95.0, 150.0, "neck at C1-C2, across",
        "from circumferences of 387 (men) and 333 (women): 125 and 115", 0.06,
    )  # fmt: skip
    neck_ap: float = _mm(115.0, 90.0, 145.0, "neck at C1-C2, AP", "as its width", 0.06)

    def artery(self, side: str) -> ArteryParameters:
        """Return the parameters of the artery of a side, "left" or "right"."""
        return self.artery_left if side == "left" else self.artery_right
