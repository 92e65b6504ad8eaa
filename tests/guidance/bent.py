"""A needle in a block of tissue, for the tests of bending."""

from typing import get_args

import numpy as np

from nav.bevels import Bevel
from nav.core.errors import Lost
from nav.core.frames import Array, Pose, rigid
from nav.core.tracked_frame import TrackedFrame, TrackedTool
from nav.model.case import Case
from nav.pipeline import Guidance, Pipeline
from nav.registration.registration_result import Registration
from nav.tracking.needle import NeedleKind
from nav.tracking.tool import Tool, ToolTip
from tests.solids import box, structure
from tests.synthetic import square_marker

BEVELS: tuple[Bevel, ...] = get_args(Bevel)
_, Y, Z = np.eye(3)
# the neck: tissue where z is below 0
SKIN = structure("skin", "skin", box([-90.0, -90.0, -120.0], [90.0, 90.0, 0.0]), None, None)
ARTERY = structure("artery", "artery", box([20.0, -80.0, -120.0], [60.0, 80.0, 0.0]))
LEFT_ARTERY = structure("left", "artery", box([-60.0, -80.0, -120.0], [-20.0, 80.0, 0.0]))
NECK = Case("neck", (SKIN, ARTERY, LEFT_ARTERY))

TIP_OFFSET = np.array([0.3, -0.2, 110.0])
MODEL_FROM_REFERENCE = Pose(rigid([0.4, -0.9, 1.3], [12.0, -35.0, 80.0]), 1e-6 * np.eye(6))
RIG_FROM_REFERENCE = Pose(rigid([-0.2, 0.5, 0.1], [30.0, -20.0, 600.0]))
REGISTERED = Registration(MODEL_FROM_REFERENCE, 0.3, np.zeros(0))
AT = np.array([4.0, -3.0, -50.0])


class Hand:
    """Stands for the source of poses: one pose of needle and reference body, for ever."""

    def __init__(self, needle: Pose | Lost, reference: Pose) -> None:
        seen = needle if isinstance(needle, Lost) else TrackedTool(needle, (1, 2), 0.02)
        self.tools = {"needle": seen, "reference": TrackedTool(reference, (3,), 0.02)}

    def track(self) -> TrackedFrame:
        return TrackedFrame(0, 0.0, self.tools)


def needle(kind: NeedleKind | None) -> Tool:
    """A calibrated needle, its axis along z."""
    point = ToolTip(TIP_OFFSET, Z, np.diag([0.05, 0.05, 0.1]) ** 2)
    return Tool("needle", "DICT_4X4_50", (square_marker(1),), point, needle=kind)


def hand(at: Array = AT, turn: float = 0.0) -> Hand:
    """The needle straight down into the neck with its tip at `at`, turned about its axis."""
    upright = rigid([np.pi, 0.0, 0.0], [0.0, 0.0, 0.0]) * rigid([0.0, 0.0, turn], [0.0, 0.0, 0.0])
    place = rigid([0.0, 0.0, 0.0], at - upright.apply(TIP_OFFSET)) * upright
    model_from_rig = MODEL_FROM_REFERENCE.transform * RIG_FROM_REFERENCE.transform.inv()
    return Hand(Pose(model_from_rig.inv() * place, 1e-8 * np.eye(6)), RIG_FROM_REFERENCE)


def step(kind: NeedleKind | None, by: Hand, case: Case = NECK, known: bool = True) -> Guidance:
    """One frame set; known: registered."""
    pipeline = Pipeline(needle(kind), case, REGISTERED if known else None)
    return pipeline.step(by.track())
