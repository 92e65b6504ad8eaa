"""Rows of poses.csv, computed for many frames at once."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import RigidTransform

from nav.core.covariance import covariance_root
from nav.core.errors import Lost
from nav.core.frames import Array, Pose, point_jacobian
from nav.core.notice import Notice
from nav.core.tracked_frame import TrackedFrame, TrackedTool
from nav.text.catalogue import ENGLISH
from nav.tracking.tool import Tool

UPPER = [(i, j) for i in range(6) for j in range(i, 6)]
COLUMNS = (
    *("frame", "time", "tool", "status"),
    *("tx", "ty", "tz", "qx", "qy", "qz", "qw"),
    *("tip_x", "tip_y", "tip_z"),
    *("tip_cxx", "tip_cxy", "tip_cxz", "tip_cyy", "tip_cyz", "tip_czz"),
    *("markers", "rms_px", "reason"),
    *(f"p{i}{j}" for i, j in UPPER),
    *("tip_sxx", "tip_sxy", "tip_sxz", "tip_syy", "tip_syz", "tip_szz"),
    "reason_code",
)
REASON = COLUMNS.index("reason")
UPPER_3, UPPER_6 = np.triu_indices(3), np.triu_indices(6)
POSE_DIGITS, TIP_DIGITS, SPREAD_DIGITS, COVARIANCE_DIGITS = (
    ",".join([digits] * count)
    for digits, count in (("%.9g", 7), ("%.7g", 3), ("%.6g", 6), ("%.8g", 21))
)
NO_TIP, NO_SPREAD = [""] * 9, [""] * 6


@dataclass(frozen=True, eq=False)
class _Poses:
    """Poses of a tool in n frames.

    Parameters
    ----------
    transforms : RigidTransform
        n of them, frame_from_tool, mm.
    random, systematic : ndarray, shape (n, 6, 6)
        Covariances of the poses.
    scale_sd : ndarray, shape (n,)
        Relative error of the tip's place by the scale of the print.
    """

    transforms: RigidTransform
    random: Array
    systematic: Array
    scale_sd: Array


def pose_rows(
    frames: Sequence[TrackedFrame], tools: Sequence[Tool], relative_to: str | None = None
) -> list[list[str]]:
    """Return the rows of poses.csv of some frames.

    Parameters
    ----------
    frames : sequence of TrackedFrame
        In their order.
    tools : sequence of Tool
        One row each per frame.
    relative_to : str, optional
        Poses are ``T_from_tool`` for this tool T, else ``rig_from_tool``.

    Returns
    -------
    list of list of str
        The fields of COLUMNS.
    """
    by_tool = [_rows_of(frames, tool, relative_to) for tool in tools]
    return [row for rows in zip(*by_tool, strict=True) for row in rows]


def pose_columns(pose: Pose, tool: Tool) -> list[str]:
    """Return the columns tx to tip_czz of a pose.

    Parameters
    ----------
    pose : Pose
        Of the tool, in the table's frame.
    tool : Tool
        For its tip.

    Returns
    -------
    list of str
        Empty tip columns for a tool without a tip.
    """
    transforms = RigidTransform(pose.transform.as_matrix()[None], normalize=False)
    none = np.zeros((1, 6, 6))
    begin, _, _ = _columns_of(_Poses(transforms, pose.covariance[None], none, np.zeros(1)), tool)
    return begin[0]


def _rows_of(
    frames: Sequence[TrackedFrame], tool: Tool, relative_to: str | None
) -> list[list[str]]:
    heads = [[str(f.number), f"{f.time:.6f}", tool.name] for f in frames]
    rows: dict[int, list[str]] = {}
    known: list[tuple[int, TrackedTool, Pose, Pose]] = []
    for k, tracked in enumerate(frames):
        pose, seen = tracked.pose(tool.name, relative_to), tracked.tools[tool.name]
        systematic = tracked.systematic_pose(tool.name, relative_to)
        if isinstance(pose, Lost) or isinstance(systematic, Lost) or isinstance(seen, Lost):
            # a lost reference body: TrackedFrame.pose names it
            rows[k] = _lost_row(heads[k], (pose,) if isinstance(pose, Lost) else ())
        else:
            known.append((k, seen, pose, systematic))
    if known:
        _, tools, poses, systematics = zip(*known, strict=True)
        stacked = _Poses(
            RigidTransform(
                np.stack([pose.transform.as_matrix() for pose in poses]), normalize=False
            ),
            np.stack([pose.covariance for pose in poses]),
            np.stack([pose.covariance for pose in systematics]),
            np.array([seen.tip_scale_sd for seen in tools]),
        )
        first, covariances, spreads = _columns_of(stacked, tool)
        for (k, seen, _, _), *columns in zip(known, first, covariances, spreads, strict=True):
            begin, covariance, spread = columns
            codes = _codes(seen.warnings)
            rows[k] = [*heads[k], "tracked", *begin, *_quality(seen), *covariance, *spread, codes]
    return [rows[k] for k in range(len(frames))]


def _lost_row(head: list[str], reasons: Sequence[Lost]) -> list[str]:
    row = [*head, "lost", *[""] * (len(COLUMNS) - len(head) - 1)]
    row[REASON] = ENGLISH.sentences(reasons)
    row[-1] = _codes(reasons)
    return row


def _quality(seen: TrackedTool) -> list[str]:
    rms = "" if seen.rms_px is None else f"{seen.rms_px:.4f}"
    return [str(len(seen.marker_ids)), rms, ENGLISH.sentences(seen.warnings)]


def _codes(notices: Sequence[Notice]) -> str:
    """Return the codes of notices and of the reasons in them, separated by spaces."""
    return " ".join(code for notice in notices for code in notice.codes)


def _columns_of(
    poses: _Poses, tool: Tool
) -> tuple[list[list[str]], list[list[str]], list[list[str]]]:
    """Return tx to tip_czz, p00 to p55, and tip_sxx to tip_szz, each by frame."""
    rotations = poses.transforms.rotation
    places = np.hstack([poses.transforms.translation, rotations.as_quat(canonical=True)])
    begin = _texts(places, POSE_DIGITS)
    covariances = _texts(poses.random[:, *UPPER_6], COVARIANCE_DIGITS)
    if tool.tip is None:
        return [[*row, *NO_TIP] for row in begin], covariances, [NO_SPREAD] * len(begin)
    tips = poses.transforms.apply(tool.tip.position)
    jacobians, turns = point_jacobian(tips), rotations.as_matrix()
    calibration = turns @ covariance_root(tool.tip.covariance)
    spreads = _carried(jacobians, poses.random) + calibration @ calibration.swapaxes(1, 2)
    scaled = poses.scale_sd[:, None] * (turns @ tool.tip.position)
    systematic = _carried(jacobians, poses.systematic) + scaled[:, :, None] * scaled[:, None, :]
    place_texts = _texts(tips, TIP_DIGITS)
    spread_texts = _texts(spreads[:, *UPPER_3], SPREAD_DIGITS)
    begin = [[*b, *p, *s] for b, p, s in zip(begin, place_texts, spread_texts, strict=True)]
    return begin, covariances, _texts(systematic[:, *UPPER_3], SPREAD_DIGITS)


def _carried(jacobians: Array, covariances: Array) -> Array:
    return np.asarray(jacobians @ covariances @ jacobians.swapaxes(1, 2))


def _texts(numbers: Array, digits: str) -> list[list[str]]:
    return [(digits % tuple(row)).split(",") for row in numbers.tolist()]
