"""What is known of one instant, and where the tools' tips are in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from nav.core.frames import Array
from nav.core.tracked_frame import TrackedFrame, TrackedTool
from nav.link.igtl_frames import frame_names, inverse
from nav.link.igtl_messages import NAME_SIZE
from nav.pipeline import Guidance
from nav.registration.registration_result import Registration
from nav.tracking.tool import Tool

NEEDLE, REFERENCE, TRACKER, MODEL = "Needle", "Reference", "Tracker", "Model"  # names of frames
TOOL_NAME_SIZE = NAME_SIZE - len("ToReference")


@dataclass(frozen=True)
class Instant:
    """What is known of one instant.

    Parameters
    ----------
    tracked : TrackedFrame
        Without images.
    time_ns : int
        When it was measured, ns since 1970, UTC.
    guidance : Guidance, optional
        None where poses are tracked without a case.
    registration : Registration, optional
        The one in use.
    """

    tracked: TrackedFrame
    time_ns: int
    guidance: Guidance | None = None
    registration: Registration | None = None


@dataclass(frozen=True)
class Tools:
    """The tools that are reported.

    Parameters
    ----------
    by_frame : mapping of str to Tool
        By the name of its frame: "Needle", "Reference", others as their files call them.
    needle : Tool or None
        The navigated one.
    reference : Tool or None
        The reference body.
    """

    by_frame: Mapping[str, Tool]
    needle: Tool | None = None
    reference: Tool | None = None

    @classmethod
    def of(cls, tools: Mapping[str, Tool], needle: str | None, reference: str | None) -> Tools:
        """Name the frames of tools.

        Parameters
        ----------
        tools : mapping of str to Tool
            By their names.
        needle, reference : str or None
            Names of two of them.

        Returns
        -------
        Tools
        """
        roles = ((needle, NEEDLE), (reference, REFERENCE))
        known = {name: frame for name, frame in roles if name is not None}
        frames = frame_names(tools, known, TOOL_NAME_SIZE, (TRACKER, MODEL))
        by_frame = {frames[name]: tool for name, tool in tools.items()}
        return cls(
            by_frame,
            by_frame.get(frames.get(needle or "", "")),
            by_frame.get(frames.get(reference or "", "")),
        )


class Places:
    """Where the tools' tips are in one instant, each computed once.

    Parameters
    ----------
    tracked : TrackedFrame
        The instant.
    tools : Tools
        All of them.
    tips : mapping of str to ndarray, shape (4, 4)
        tool_from_tip by the name of the frame.
    """

    def __init__(self, tracked: TrackedFrame, tools: Tools, tips: Mapping[str, Array]) -> None:
        self._tracked, self._tools, self._tips = tracked, tools, tips
        self._in_tracker: dict[str, Array | None] = {}
        self._in_reference: dict[str, Array | None] = {}
        self._to_reference: Array | None = None

    def in_tracker(self, frame: str) -> Array | None:
        """Return tracker_from_tip; None where the tool is lost.

        Parameters
        ----------
        frame : str
            Name of the tool's frame.

        Returns
        -------
        ndarray, shape (4, 4), or None
        """
        if frame not in self._in_tracker:
            seen = self._tracked.tools.get(self._tools.by_frame[frame].name)
            self._in_tracker[frame] = (
                seen.rig_from_tool.transform.as_matrix() @ self._tips[frame]
                if isinstance(seen, TrackedTool)
                else None
            )
        return self._in_tracker[frame]

    def in_reference(self, frame: str) -> Array | None:
        """Return reference_from_tip; None where the tool or the reference body is lost.

        Parameters
        ----------
        frame : str
            Name of the tool's frame.

        Returns
        -------
        ndarray, shape (4, 4), or None
        """
        if frame not in self._in_reference:
            self._in_reference[frame] = self._relative(frame)
        return self._in_reference[frame]

    def _relative(self, frame: str) -> Array | None:
        reference, place = self._tools.reference, self.in_tracker(frame)
        if reference is None or place is None:
            return None
        if self._tracked.lost_reason(self._tools.by_frame[frame].name, reference.name) is not None:
            return None
        base = self._tracked.tools[reference.name]
        assert isinstance(base, TrackedTool)
        if self._to_reference is None:
            self._to_reference = inverse(base.rig_from_tool.transform.as_matrix())
        return self._to_reference @ place


def model_from_reference(registration: Registration | None) -> Array | None:
    """Return the matrix of a registration.

    Parameters
    ----------
    registration : Registration or None
        The one in use.

    Returns
    -------
    ndarray, shape (4, 4), or None
    """
    return None if registration is None else registration.model_from_reference.transform.as_matrix()
