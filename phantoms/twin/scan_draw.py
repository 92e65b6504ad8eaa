"""Random scans: a standard set with moderate variation, and a hard one.

The ranges are chosen to cover what clinical CT of the neck shows, not to follow its frequencies: a
segmentation that is tested on them meets the rare scan often.
"""

from __future__ import annotations

import numpy as np

from nav.core.errors import InputError
from phantoms.twin.scan_kernel import paint_parts
from phantoms.twin.scan_parameters import (
    JOINTS,
    Artefacts,
    ArteryState,
    BoneLook,
    Contrast,
    Kernel,
    Osteophyte,
    ScanParameters,
    View,
)

LATERAL = tuple(name for name in JOINTS if not name.endswith("dens"))
FUSABLE = (("C1-C2 left", "C1-C2 right"), ("C2-C3 left", "C2-C3 right"))
MOST_PAINTED = 520  # parts of voxels in a row
WHOLE = (-56.0, 34.0)  # mm, heights between which C1 to C4 are complete in every neck


def draw_scan(seed: int, hard: bool = False) -> ScanParameters:
    """Draw a scan's parameters; the same seed always gives the same scan.

    Parameters
    ----------
    seed : int
        0 or more.
    hard : bool, optional
        Of the hard set; otherwise of the standard one (0.5 x 0.5 x 0.6 mm, both arteries filled, C1
        to C4 whole).

    Returns
    -------
    ScanParameters
        The parameters.

    Raises
    ------
    InputError
        The seed is below 0.
    """
    if seed < 0:
        raise InputError(f"--seed: expected 0 or more, got {seed}")
    rng = np.random.default_rng([seed, 1602, int(hard)])
    return _hard(rng, seed) if hard else _standard(rng, seed)


def _standard(rng: np.random.Generator, seed: int) -> ScanParameters:
    hu = _between(rng, 280, 430)
    return ScanParameters(
        spacing_mm=(0.5, 0.5, 0.6),
        bone=BoneLook(
            cortex_hu=_between(rng, 700, 1100),
            cortex_mm=_between(rng, 0.8, 1.4),
            cortex_variation=_between(rng, 0.2, 0.4),
            trabecular_hu=_between(rng, 200, 350),
            texture_hu=_between(rng, 25, 60),
            texture_mm=_grains(rng),
        ),
        kernel=Kernel(
            "soft",
            sd_mm=_between(rng, 0.36, 0.48),
            enhancement=_between(rng, 0.0, 0.6),
            slice_mm=_between(rng, 0.6, 0.9),
        ),
        contrast=Contrast(
            artery_hu=(hu, round(hu * float(rng.uniform(0.9, 1.1)), 1)),
            decay_hu_per_mm=_between(rng, 0.0, 0.4),
        ),
        view=View(
            low_mm=_between(rng, -84, WHOLE[0] - 4),
            high_mm=_between(rng, WHOLE[1] + 2, 56),
            side_mm=_between(rng, 140, 165),
            centre_mm=(_between(rng, -6, 6), _between(rng, -12, 0)),
            rotation_deg=_turn(rng, 3.0),
            shift_mm=_shift(rng),
            couch=bool(rng.random() < 0.3),
        ),
        artefacts=Artefacts(
            noise_hu=_between(rng, 10, 22),
            shoulders=_between(rng, 0.0, 0.3),
            metal=0,
            hardening=_between(rng, 0.5, 1.5),
            cupping_hu=_between(rng, 0, 5),
            scale=round(float(rng.uniform(0.985, 1.015)), 4),
            offset_hu=_between(rng, -5, 5),
        ),
        joints_mm=tuple((name, _between(rng, 0.7, 1.6)) for name in JOINTS),
        seed=seed,
    )


def _hard(rng: np.random.Generator, seed: int) -> ScanParameters:
    in_plane = round(float(np.exp(rng.uniform(np.log(0.3), np.log(1.25)))), 3)
    thick = _between(rng, 0.6, 2.0)
    step = round(float(np.clip(thick * rng.uniform(0.5, 1.0), 0.5, 1.25)), 3)
    fused: tuple[str, ...] = FUSABLE[rng.integers(len(FUSABLE))] if rng.random() < 0.25 else ()
    if fused and rng.random() < 0.4:
        fused = fused[:1]
    low, high = _heights(rng)
    kernel = _hard_kernel(rng, in_plane, thick)
    parts = paint_parts((in_plane, in_plane, step), kernel)[0]
    return ScanParameters(
        spacing_mm=(in_plane, in_plane, step),
        bone=_hard_bone(rng),
        kernel=kernel,
        contrast=_hard_contrast(rng),
        view=View(
            low_mm=low,
            high_mm=high,
            side_mm=round(min(_between(rng, 110, 220), MOST_PAINTED * in_plane / float(parts)), 3),
            centre_mm=(_between(rng, -10, 10), _between(rng, -20, 5)),
            rotation_deg=_turn(rng, 15.0),
            shift_mm=_shift(rng),
            couch=bool(rng.random() < 0.5),
        ),
        artefacts=Artefacts(
            noise_hu=round(float(np.exp(rng.uniform(np.log(8), np.log(60)))), 1),
            shoulders=_between(rng, 0.0, 1.0),
            metal=int(rng.integers(1, 6)) if rng.random() < 0.4 else 0,
            hardening=_between(rng, 0.0, 5.0),
            cupping_hu=_between(rng, -10, 15),
            scale=round(float(rng.uniform(0.97, 1.03)), 4),
            offset_hu=_between(rng, -10, 10),
        ),
        joints_mm=tuple((name, _joint(rng)) for name in JOINTS if name not in fused),
        fused=fused,
        osteophytes=_osteophytes(rng, fused),
        seed=seed,
        hard=True,
    )


def _hard_bone(rng: np.random.Generator) -> BoneLook:
    porous = bool(rng.random() < 0.35)  # osteoporosis: a thin cortex, marrow turned to fat
    return BoneLook(
        cortex_hu=_between(rng, 350, 1200),
        cortex_mm=_between(rng, 0.35, 0.7) if porous else _between(rng, 0.6, 1.8),
        cortex_variation=_between(rng, 0.3, 0.6),
        trabecular_hu=_between(rng, 20, 160) if porous else _between(rng, 120, 420),
        texture_hu=_between(rng, 40, 140),
        texture_mm=_grains(rng),
    )


def _hard_kernel(rng: np.random.Generator, in_plane: float, thick: float) -> Kernel:
    sharp = bool(rng.random() < 0.45)
    # a kernel passes little more than the voxels can hold
    sd = max(_between(rng, 0.34, 0.8), 0.4 * in_plane)
    if sharp:
        return Kernel("sharp", sd, _between(rng, 1.3, 3.0), thick, _between(rng, 0.1, 0.25))
    return Kernel("soft", sd, _between(rng, 0.0, 0.8), thick, _between(rng, 0.1, 0.25))


def _hard_contrast(rng: np.random.Generator) -> Contrast:
    if rng.random() < 0.25:
        return Contrast(
            phase="none", artery_hu=(45.0, 45.0), decay_hu_per_mm=0.0, plaques=_plaques(rng)
        )
    left = _between(rng, 180, 500)
    right = round(float(np.clip(left * rng.uniform(0.6, 1.4), 180, 500)), 1)
    state: list[ArteryState] = ["normal", "normal"]
    drawn = rng.random()
    if drawn < 0.4:
        state[rng.integers(2)] = "occluded" if drawn < 0.2 else "hypoplastic"
    return Contrast(
        artery_hu=(left, right),
        decay_hu_per_mm=_between(rng, 0.0, 1.2),
        state=(state[0], state[1]),
        hypoplastic_share=_between(rng, 0.35, 0.6),
        occluded_from=0.0 if rng.random() < 0.5 else _between(rng, 0.2, 0.7),
        plexus_hu=_between(rng, 90, 260) if rng.random() < 0.5 else 0.0,
        plaques=_plaques(rng),
    )


def _heights(rng: np.random.Generator) -> tuple[float, float]:
    """Draw lowest and highest slice; one in two cuts a bone that is to be segmented."""
    low, high = _between(rng, -88, WHOLE[0] - 2), _between(rng, WHOLE[1], 58)
    if rng.random() < 0.5:
        if rng.random() < 0.5:
            low = _between(rng, -46, -28)  # through C4 or C3
        else:
            high = _between(rng, 4, 30)  # through C1 or the condyles
    return low, high


def _osteophytes(rng: np.random.Generator, fused: tuple[str, ...]) -> tuple[Osteophyte, ...]:
    if rng.random() < 0.4:
        return ()
    names = [name for name in LATERAL if name not in fused]
    chosen = rng.choice(len(names), int(rng.integers(1, 5)), replace=False)
    return tuple(
        Osteophyte(
            names[i], _between(rng, 0, 360), _between(rng, 1.0, 3.5), _between(rng, 0.3, 0.9)
        )
        for i in chosen
    )


def _joint(rng: np.random.Generator) -> float:
    return round(float(np.exp(rng.uniform(np.log(0.3), np.log(2.0)))), 3)


def _plaques(rng: np.random.Generator) -> int:
    return int(rng.integers(1, 7)) if rng.random() < 0.4 else 0


def _grains(rng: np.random.Generator) -> tuple[float, float, float]:
    flat = _between(rng, 1.0, 2.2)
    return flat, round(flat * float(rng.uniform(0.8, 1.25)), 2), _between(rng, 1.5, 4.0)


def _turn(rng: np.random.Generator, most: float) -> tuple[float, float, float]:
    """Draw a rotation about x, y and z, by at most so many degrees in total."""
    way = rng.standard_normal(3)
    way *= most * float(rng.random()) / np.linalg.norm(way)
    return round(float(way[0]), 2), round(float(way[1]), 2), round(float(way[2]), 2)


def _shift(rng: np.random.Generator) -> tuple[float, float, float]:
    return _between(rng, -30, 30), _between(rng, -30, 30), _between(rng, -200, 200)


def _between(rng: np.random.Generator, low: float, high: float) -> float:
    return round(float(rng.uniform(low, high)), 3)
