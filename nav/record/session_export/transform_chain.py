"""Poses of a session as named transforms between frames, as PLUS and 3D Slicer have them."""

import re
from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
from scipy.spatial.transform import RigidTransform, Rotation

from nav.core.errors import InputError, Lost
from nav.record.session_export.session_content import ExportedFrame, SessionContent
from nav.tracking.tool import Tool

RAS_FROM_LPS = RigidTransform.from_rotation(Rotation.from_matrix(np.diag([-1.0, -1.0, 1.0])))
WORD = re.compile(r"[0-9A-Za-z]+")
TRACKER = "Tracker"  # PLUS's name of the frame in which a tracker reports; our rig
Transform: TypeAlias = RigidTransform | None


class FrameNames(NamedTuple):
    """The names of frames in a format.

    Parameters
    ----------
    tools : dict of str to str
        By the tool's own name.
    ras : str
        Of the patient's frame, RAS.
    """

    tools: dict[str, str]
    ras: str = "Ras"


def frame_names(tools: Sequence[Tool], ras: str = "Ras") -> FrameNames:
    """Name the frames of tools as PLUS requires: ``needle-2`` becomes ``Needle2``.

    Parameters
    ----------
    tools : sequence of Tool
        All of a session.
    ras : str
        Name of the patient's frame.

    Returns
    -------
    FrameNames

    Raises
    ------
    InputError
        Two tools would have the same name, or one would have that of another frame.
    """
    names: dict[str, str] = {}
    for tool in tools:
        words = WORD.findall(tool.name)
        # one To of a transform's name separates its two frames
        name = "".join(word[:1].upper() + word[1:] for word in words).replace("To", "to")
        name = (name[:1].upper() + name[1:]) or "Tool"
        taken = {other.casefold() for other in (*names.values(), TRACKER, ras)}
        if name.casefold() in taken:
            raise InputError(
                f"tool {tool.name}: its frame would be called {name}, as another one; this format "
                "has only letters and digits: export CSV instead"
            )
        names[tool.name] = name
    return FrameNames(names, ras)


def transforms_of_frame(
    content: SessionContent, frame: ExportedFrame, names: FrameNames
) -> dict[str, Transform]:
    """Return the transforms of one frame.

    Parameters
    ----------
    content : SessionContent
        The session.
    frame : ExportedFrame
        One of its frames.
    names : FrameNames
        Of its tools.

    Returns
    -------
    dict of str to RigidTransform or None
        By name, mm. ``NeedleToReference`` is reference_from_needle, for every tool but the
        reference body; ``ReferenceToTracker`` is rig_from_reference; ``ReferenceToRas``, in
        sessions with a registration, is ras_from_reference. None where it is not known.
    """
    reference = content.reference
    base = TRACKER if reference is None else names.tools[reference]
    transforms: dict[str, Transform] = {}
    for tool in content.tools:
        own = tool.name == reference
        pose = frame.tracked.pose(tool.name, None if own else reference)
        name = f"{names.tools[tool.name]}To{TRACKER if own else base}"
        transforms[name] = None if isinstance(pose, Lost) else pose.transform
    if content.registrations and reference is not None:
        transforms[f"{base}To{names.ras}"] = ras_from_reference(content, frame)
    return transforms


def ras_from_reference(content: SessionContent, frame: ExportedFrame) -> Transform:
    """Return the registration in use as a transform to the patient's frame.

    Parameters
    ----------
    content : SessionContent
        The session.
    frame : ExportedFrame
        One of its frames.

    Returns
    -------
    RigidTransform or None
        ras_from_reference, mm; None where there was no registration.
    """
    registration = content.registrations.get(
        -1 if frame.registration is None else frame.registration
    )
    if registration is None:
        return None
    return RAS_FROM_LPS * registration.model_from_reference.transform
