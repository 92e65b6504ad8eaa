"""A design in space: cameras, reference body and needle, in the model frame."""

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import RigidTransform, Rotation

from nav.accuracy.study.anatomy_places import Places, spread_choice
from nav.accuracy.study.designs import Design
from nav.accuracy.study.pose_bound import PoseErrors, Sharpness, pose_errors
from nav.accuracy.study.tool_layouts import needle_body, reference_body
from nav.camera.rig import Camera
from nav.core.frames import Array, point_jacobian
from nav.tracking.tool import Tool

# across and along the baseline's plane, in halves of the baseline
SIDES = {
    1: ((0.0, 0.0),),
    2: ((-1.0, 0.0), (1.0, 0.0)),
    3: ((-1.0, -0.6), (1.0, -0.6), (0.0, 1.1)),
    4: ((-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)),
}
TOUCH_TILT = np.radians(20.0)  # of the shaft from upright, in a divot


class NotSeen(Exception):
    """A tool that the cameras of a design do not see well enough: which, and where."""


@dataclass(frozen=True)
class TipErrors:
    """How the tip errs at one place, relative to the reference body; model frame.

    Parameters
    ----------
    place, heading : ndarray, shape (3,)
        Of the tip, mm, and unit vector of the shaft.
    random : ndarray, shape (3, 3)
        Covariance of one frame, mm^2.
    shared : ndarray, shape (3, m)
        By the errors that last: in units of their standard deviations, mm.
    motion : ndarray, shape (3, 3 n)
        By what each camera sees of the needle displaced, per mm.
    rolling : ndarray, shape (3, 3)
        The same by rows.
    rotation : ndarray, shape (3, 3)
        Model from needle.
    """

    place: Array
    heading: Array
    random: Array
    shared: Array
    motion: Array
    rolling: Array
    rotation: Array


@dataclass(frozen=True)
class Setting:
    """Everything of a design that does not change from trial to trial.

    Parameters
    ----------
    reference : RigidTransform
        True model_from_reference.
    touches : tuple of TipErrors
        One of each fiducial.
    at_target : TipErrors
        At the plan's target.
    """

    reference: RigidTransform
    touches: tuple[TipErrors, ...]
    at_target: TipErrors


def build_setting(design: Design, places: Places, view_from: Array, reference: Array) -> Setting:
    """Place cameras and tools, and predict the tip's errors in every divot and at the target.

    Parameters
    ----------
    design : Design
        Values of all quantities.
    places : Places
        Of the case.
    view_from : ndarray, shape (3,)
        Direction from the target to the cameras.
    reference : ndarray, shape (3,)
        Place of the reference body, mm from the target.

    Returns
    -------
    Setting

    Raises
    ------
    NotSeen
        The cameras do not see a tool well enough.
    """
    needle, body = design_tools(design)
    upwards = view_from / np.linalg.norm(view_from)
    along = _across(np.array([1.0, 0.0, 0.0]), upwards)
    axes = np.stack([along, np.cross(upwards, along), upwards], axis=1)
    at_reference = RigidTransform.from_components(
        places.target + reference, Rotation.from_matrix(axes)
    )
    heading = (places.target - places.entry) / np.linalg.norm(places.target - places.entry)
    length = float(design["needle"]["length"])
    carrier = places.target - length * heading
    cameras = design_cameras(design, (carrier + at_reference.translation) / 2.0, axes)
    fixed = _errors(cameras, body, at_reference, design)
    if fixed is None:
        raise NotSeen("the reference body is not seen well enough")
    touched = spread_choice(places.fiducials, int(design["fiducials"]["count"]))
    lean = np.random.default_rng(0).uniform(0.0, 2.0 * np.pi, len(touched))
    shafts = [
        -np.cos(TOUCH_TILT) * upwards
        + np.sin(TOUCH_TILT) * (np.cos(angle) * axes[:, 0] + np.sin(angle) * axes[:, 1])
        for angle in lean
    ]
    found = []
    for name, place, shaft in (
        *((f"divot {k + 1}", p, s) for k, (p, s) in enumerate(zip(touched, shafts, strict=True))),
        ("the target", places.target, heading),
    ):
        pose = _needle_at(place, shaft, length, upwards)
        moving = _errors(cameras, needle, pose, design)
        if moving is None:
            raise NotSeen(f"the needle is not seen well enough at {name}")
        found.append(_tip_errors(place, shaft, pose, moving, fixed, design))
    return Setting(at_reference, tuple(found[:-1]), found[-1])


def design_tools(design: Design) -> tuple[Tool, Tool]:
    """Return needle and reference body of a design.

    Parameters
    ----------
    design : Design
        Values of all quantities.

    Returns
    -------
    needle, reference : Tool
    """
    t = {key: float(value) for key, value in design["tools"].items()}
    needle = needle_body(
        int(t["needle_sides"]), int(t["needle_rows"]), t["needle_marker"],
        t["margin"] * t["needle_marker"], float(design["needle"]["length"]),
    )  # fmt: skip
    reference = reference_body(
        int(t["reference_grid"]), t["reference_marker"], t["margin"] * t["reference_marker"],
        float(np.radians(t["tilt"])),
    )  # fmt: skip
    return needle, reference


def design_cameras(design: Design, aim: Array, axes: Array) -> tuple[Camera, ...]:
    """Return the cameras of a design; the rig's frame is the model's.

    Parameters
    ----------
    design : Design
        Values of all quantities.
    aim : ndarray, shape (3,)
        What all of them look at, mm.
    axes : ndarray, shape (3, 3)
        Columns: along the baseline, across it, towards the cameras.

    Returns
    -------
    tuple of Camera
        Without distortion.
    """
    c = {key: float(value) for key, value in design["cameras"].items()}
    size = (int(c["width"]), int(c["height"]))
    focal = size[0] / 2.0 / np.tan(np.radians(c["view"]) / 2.0)
    middle = [(size[0] - 1) / 2.0, (size[1] - 1) / 2.0]
    matrix = np.array([[focal, 0.0, middle[0]], [0.0, focal, middle[1]], [0.0, 0.0, 1.0]])
    cameras = []
    for number, (right, up) in enumerate(SIDES[int(c["count"])]):
        aside = c["baseline"] / 2.0 * (right * axes[:, 0] + up * axes[:, 1])
        # all at the same distance, but not nearer than half of it where the baseline is very long
        height = np.sqrt(max(c["distance"] ** 2 - float(aside @ aside), c["distance"] ** 2 / 4.0))
        eye = aim + aside + height * axes[:, 2]
        z = (aim - eye) / np.linalg.norm(aim - eye)
        x = _across(axes[:, 0], z)
        rotation = Rotation.from_matrix(np.array([x, np.cross(z, x), z]))
        place = RigidTransform.from_components(-rotation.apply(eye), rotation)
        cameras.append(Camera(f"camera{number + 1}", size, matrix, np.zeros(5), place))
    return tuple(cameras)


def _across(vector: Array, direction: Array) -> Array:
    """Return the unit vector nearest to one that is perpendicular to a direction."""
    part = vector - (vector @ direction) * direction
    if np.linalg.norm(part) < 0.1:
        return _across(np.array([0.0, 1.0, 0.0]), direction)
    return np.asarray(part / np.linalg.norm(part))


def _needle_at(place: Array, heading: Array, length: float, upwards: Array) -> RigidTransform:
    y = _across(np.cross(upwards, heading) + 1e-3 * upwards, heading)
    axes = np.stack([np.cross(y, heading), y, heading], axis=1)
    return RigidTransform.from_components(place - length * heading, Rotation.from_matrix(axes))


def _errors(
    cameras: tuple[Camera, ...], tool: Tool, pose: RigidTransform, design: Design
) -> PoseErrors | None:
    c = design["cameras"]
    seen = Sharpness(float(c["noise"]), float(c["contrast"]), float(c["blur"]))
    return pose_errors(cameras, tool, pose, seen)


def _tip_errors(
    place: Array,
    heading: Array,
    pose: RigidTransform,
    moving: PoseErrors,
    fixed: PoseErrors,
    design: Design,
) -> TipErrors:
    c, tools = design["cameras"], design["tools"]
    focal = float(c["width"]) / 2.0 / np.tan(np.radians(float(c["view"])) / 2.0)
    at_tip = point_jacobian(place)[0]
    shared = np.concatenate(
        [
            (moving.turns - fixed.turns) * float(c["calibration"]) / focal,
            moving.places * float(tools["placement"]),
            -fixed.places * float(tools["placement"]),
            ((moving.scale - fixed.scale) * float(tools["scale"]))[:, None],
        ],
        axis=1,
    )
    return TipErrors(
        place,
        heading,
        at_tip @ (moving.random + fixed.random) @ at_tip.T,
        at_tip @ shared,
        at_tip @ moving.motion,
        at_tip @ moving.rolling,
        pose.rotation.as_matrix(),
    )
