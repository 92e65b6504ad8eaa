"""The visible parts of the standard tools: carrier, markers, shaft and hub."""

from dataclasses import replace

import numpy as np

from calibration.printing.standard_tools import (
    NEEDLE_FACE,
    NEEDLE_SIDES,
    REFERENCE_PITCH,
    needle_apothem,
    needle_side,
    reference_plates,
    standard_needle,
    standard_reference,
)
from nav.core.frames import Array
from nav.tracking.tool import Tool, ToolTip
from phantoms.twin.simulated_bodies import Body, plate, tool_rectangles

NEEDLE_LENGTH = 110.0  # mm from the carrier's centre to the tip
HUB_LENGTH, HUB_DIAMETER = 14.0, 8.0  # mm
TUOHY_17G = 1.47  # mm outer diameter, ISO 9626


def needle_tool(tip: Array | None = None) -> Tool:
    """Build the needle with its carrier: z along the shaft towards the tip, origin in the carrier.

    Parameters
    ----------
    tip : ndarray, shape (3,), optional
        Tool frame, mm; of a slightly bent needle by default.

    Returns
    -------
    Tool
        The needle.
    """
    position = np.array([0.35, -0.22, NEEDLE_LENGTH]) if tip is None else np.asarray(tip, float)
    axis = position / np.linalg.norm(position)
    tip_known = ToolTip(position, axis, np.zeros((3, 3)))
    return replace(
        standard_needle(), tip=tip_known, scale_sd=0.0
    )  # drawn as large as its file says


def needle_body(tool: Tool) -> Body:
    """Build the visible parts of the needle: carrier faces, markers, shaft.

    Parameters
    ----------
    tool : Tool
        The needle, with its tip.

    Returns
    -------
    Body
        In the tool's frame.
    """
    plates = []
    for side in range(NEEDLE_SIDES):
        normal, right = needle_side(side)
        half = np.array([0.0, 0.0, NEEDLE_FACE])
        plates.append(plate(normal * needle_apothem(), right * NEEDLE_FACE / 2, half, 0.88))
    assert tool.tip is not None
    end = np.array([0.0, 0.0, NEEDLE_FACE])
    hub_end = np.array([0.0, 0.0, NEEDLE_FACE + HUB_LENGTH])
    shafts = ((end, tool.tip.position, TUOHY_17G), (end, hub_end, HUB_DIAMETER))
    carrier = (-end, end, 2 * needle_apothem())
    return Body(tool.name, tool_rectangles(tool, tuple(plates)), shafts, (carrier, *shafts))


def reference_tool() -> Tool:
    """Build the reference body: two plates of four markers, tilted sideways; z towards the viewer.

    Returns
    -------
    Tool
        The reference body.
    """
    return replace(standard_reference(), scale_sd=0.0)


def reference_body(tool: Tool) -> Body:
    """Build the visible parts of the reference body.

    Parameters
    ----------
    tool : Tool
        The reference body.

    Returns
    -------
    Body
        In the tool's frame.
    """
    plates = tuple(
        plate(centre, right * REFERENCE_PITCH, down * REFERENCE_PITCH, 0.88)
        for centre, right, down in reference_plates()
    )
    return Body(tool.name, tool_rectangles(tool, plates))
