"""Check that a marker body is plausible: printable squares, visible from in front."""

from collections.abc import Sequence
from itertools import combinations
from typing import TYPE_CHECKING

import cv2
import numpy as np

from nav.core.errors import InputError
from nav.core.frames import Array
from nav.core.plausibility import Limits, check_same_unit

if TYPE_CHECKING:
    from nav.tracking.tool import Marker, Tool

# mm, side of a marker. Below 4 a printer's dots and a metre's distance leave no cells; 200 fills a
# sheet of paper
SIDE = Limits(1.5, 4.0, 200.0, 800.0)
EXTENT = Limits(1.5, 4.0, 600.0, 3000.0)  # mm, over all markers: what a hand or a table holds
TIP_DISTANCE = Limits(0.0, 5.0, 400.0, 2000.0)  # mm, tip to the nearest marker's centre
UNEQUAL_SIDES = 20.0  # largest to smallest side: one of them is in another unit
SQUARE = 0.05  # of the mean: sides and diagonals may differ by it, as folded paper does
PLANAR = 0.02  # of the side: corners off their common plane
COPLANAR = 0.5  # mm, between the planes of two markers that lie on one face
PARALLEL = 0.985  # cosine: 10 degrees
OVERLAP = 0.05  # of the smaller marker's area
OUTWARD = 0.2  # cosine of normal and direction from the body's middle: less says nothing
FACES = 3  # at least, with normals apart, for inside and outside to be told
MOST_SCALE_SD = 0.1  # relative: a ruler's reading in millimetres or percent, not a share
WIDE_SCALE_SD = 0.02  # relative: no print is that uncertain; percent
THIN_QUIET = 0.05  # mm: thinner than any printed zone; metres
WIDE_QUIET = 2.0  # sides: wider than any printed zone


def check_square(corners: Array) -> None:
    """Refuse four corners that are not a square in order round it.

    Parameters
    ----------
    corners : ndarray, shape (4, 3)
        In mm.

    Raises
    ------
    ValueError
        Not a square, not flat, or not in order.
    """
    sides = np.linalg.norm(np.roll(corners, -1, axis=0) - corners, axis=1)
    diagonals = np.linalg.norm(corners[2:] - corners[:2], axis=1)
    shown = np.round(sides, 3).tolist()
    if sides.min() <= 0:
        raise ValueError(f"expected a square, got sides of {shown} mm")
    lengths = np.sort([*sides, *diagonals])
    if np.ptp(lengths[:4]) <= SQUARE * lengths[:4].mean() < lengths[4] / 1.3 and (
        np.ptp(sides) > SQUARE * sides.mean()
    ):
        raise ValueError(
            f"expected the corners in order round the square, got sides of {shown} mm: are two of "
            "them exchanged?"
        )
    if np.ptp(sides) > SQUARE * sides.mean():
        raise ValueError(f"expected a square, got sides of {shown} mm")
    centred = corners - corners.mean(axis=0)
    off = float(np.abs(centred @ np.linalg.svd(centred)[2][2]).max())
    if off > PLANAR * sides.mean():
        raise ValueError(f"expected a flat square, got corners up to {off:.3g} mm off its plane")
    if np.ptp(diagonals) > SQUARE * diagonals.mean():
        raise ValueError(
            f"expected a square, got diagonals of {np.round(diagonals, 3).tolist()} mm"
        )


def check_tool(tool: "Tool", where: str) -> tuple[str, ...]:
    """Check that a marker body and its tip are plausible.

    Parameters
    ----------
    tool : Tool
        As its file has it.
    where : str
        The file, for the sentences.

    Returns
    -------
    tuple of str
        Warnings for what is unusual, a sentence each.

    Raises
    ------
    InputError
        What is impossible, with the unit that was likely meant.
    """
    found = [*_sizes(tool.markers, where), *_scale(tool, where), *_quiet(tool, where)]
    _check_overlap(tool.markers, where)
    found.append(_inward(tool.markers, where))
    if tool.tip is not None:
        found += _tip(tool, where)
    return tuple(sentence for sentence in found if sentence)


def _sizes(markers: Sequence["Marker"], where: str) -> list[str | None]:
    sides = sorted(marker.side for marker in markers)
    check_same_unit(
        {str(marker.id): marker.side for marker in markers},
        UNEQUAL_SIDES,
        where,
        "marker {} is {:.4g} mm wide",
    )
    middle = sides[len(sides) // 2]
    corners = np.concatenate([marker.corners for marker in markers])
    extent = float(np.linalg.norm(np.ptp(corners, axis=0)))
    return [
        SIDE.judge(middle, f"{where}: markers are {middle:.3g} mm wide"),
        EXTENT.judge(extent, f"{where}: the markers reach over {extent:.4g} mm"),
    ]


def _scale(tool: "Tool", where: str) -> list[str]:
    if tool.scale_sd is None or tool.scale_sd <= WIDE_SCALE_SD:
        return []
    said = (
        f"{where}: scale_sd: {tool.scale_sd:g} of the size is {100 * tool.scale_sd:.3g} %; is it "
        "in percent? Write 0.0005 for 0.05 %"
    )
    if tool.scale_sd > MOST_SCALE_SD:
        raise InputError(said)
    return [said]


def _quiet(tool: "Tool", where: str) -> list[str | None]:
    side = min(marker.side for marker in tool.markers)
    if tool.quiet is None or tool.quiet == 0.0:
        return []
    said = f"{where}: quiet: a white zone of {tool.quiet:g} mm round markers of {side:.3g} mm"
    if tool.quiet < THIN_QUIET or tool.quiet > WIDE_QUIET * side:
        return [f"{said} is unusual; write millimetres"]
    return []


def _check_overlap(markers: Sequence["Marker"], where: str) -> None:
    """Refuse prints that overlap: two on one face cannot share paper."""
    for one, other in combinations(markers, 2):
        if one.normal @ other.normal < PARALLEL:
            continue
        if abs((other.centre - one.centre) @ one.normal) > COPLANAR:
            continue
        across = one.corners[1] - one.corners[0]
        across /= np.linalg.norm(across)
        axes = np.array([across, np.cross(one.normal, across)])
        flat = [((m.corners - one.centre) @ axes.T).astype(np.float32) for m in (one, other)]
        shared = float(cv2.intersectConvexConvex(*flat)[0])
        if shared > OVERLAP * min(one.side, other.side) ** 2:
            raise InputError(
                f"{where}: markers {one.id} and {other.id} overlap; expected the place of each on "
                "the tool"
            )


def _inward(markers: Sequence["Marker"], where: str) -> str | None:
    """Warn of normals that face inwards, as counter-clockwise corners make them on a solid body."""
    middle = np.mean([marker.centre for marker in markers], axis=0)
    normals = np.array([marker.normal for marker in markers])
    away = np.array([marker.centre - middle for marker in markers])
    lengths = np.linalg.norm(away, axis=1)
    cosines = (normals * away).sum(axis=1) / np.maximum(lengths, 1e-9)
    apart: list[Array] = []
    for normal in normals:
        if all(normal @ known < PARALLEL for known in apart):
            apart.append(normal)
    telling = np.abs(cosines) > OUTWARD
    if len(apart) < FACES or not telling.any():
        return None
    inward = [
        marker.id for marker, cosine in zip(markers, cosines, strict=True) if cosine < -OUTWARD
    ]
    order = "top-left, top-right, bottom-right, bottom-left as seen from the front"
    if len(inward) == telling.sum():
        raise InputError(
            f"{where}: all markers face inwards: are the corners counter-clockwise, or the tool "
            f"mirrored? Expected {order}"
        )
    if inward and len(inward) <= len(markers) / 3:
        ids = ", ".join(map(str, inward))
        return (
            f"{where}: of its markers only {ids} face{'s' * (len(inward) == 1)} inwards; expected "
            f"corners {order}"
        )
    return None


def _tip(tool: "Tool", where: str) -> list[str | None]:
    assert tool.tip is not None
    centres = np.array([marker.centre for marker in tool.markers])
    distance = float(np.linalg.norm(centres - tool.tip.position, axis=1).min())
    found = [TIP_DISTANCE.judge(distance, f"{where}: tip: {distance:.4g} mm from the markers")]
    corners = np.concatenate([marker.corners for marker in tool.markers])
    inside = (corners.min(axis=0) - 1.0 < tool.tip.position) & (
        tool.tip.position < corners.max(axis=0) + 1.0
    )
    if inside.all() and not any(found):
        found.append(
            f"{where}: tip: lies among the markers, which is unusual; if these are metres, write "
            "millimetres"
        )
    return found
