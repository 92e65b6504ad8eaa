"""Whether a recording determines the cameras' delays and readouts, and why not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from calibration.timing.timing_fit import TimingFit, ToolViews
from nav.camera.rig import Camera
from nav.core.frames import Array

GOOD, USABLE = 1e-3, 3e-3  # s: sd of a delay or readout
SLOW = 10.0  # mm/s, rms: below it a lag of 10 ms is 0.1 mm
ONE_WAY = 0.15  # rms speed across the main direction, as a share of the rms speed along it
FEW = 60  # images of a camera with a tool
SLOWER_THAN_FRAMES = 1.1  # of a frame period: no camera reads its rows for longer
NO_SHUTTER = 2.0  # sd within which a readout counts as none
MOVE_MORE = "move faster, in more directions, or for longer"


@dataclass(frozen=True)
class Estimate:
    """A delay or a readout.

    Attributes
    ----------
    value, sd : float
        In s.
    problem : str
        Why it is not determined; empty where it is.
    """

    value: float
    sd: float
    problem: str = ""

    @property
    def verdict(self) -> str:
        """'good', 'usable' or 'not determined'."""
        if self.problem:
            return "not determined"
        return "good" if self.sd <= GOOD else "usable"


def is_determined(delay: Estimate | None, readout: Estimate) -> bool:
    """Return whether anything is known of a camera's times.

    Parameters
    ----------
    delay : Estimate or None
        None for the camera that others are compared with.
    readout : Estimate
        Of its rows.

    Returns
    -------
    bool
    """
    return not readout.problem or (delay is not None and not delay.problem)


@dataclass(frozen=True)
class CameraTiming:
    """What a recording determines of one camera's times.

    Attributes
    ----------
    name : str
        The camera's.
    delay : Estimate or None
        Against the first camera; None for that one.
    readout : Estimate
        From the first row to the last.
    images : int
        In which a tool was seen.
    speed : float
        Rms speed of the tools, mm/s.
    """

    name: str
    delay: Estimate | None
    readout: Estimate
    images: int
    speed: float


def judge_timing(
    cameras: Sequence[Camera],
    tools: Sequence[ToolViews],
    fit: TimingFit,
    times: Mapping[str, Sequence[float]],
) -> list[CameraTiming]:
    """Judge what was estimated.

    Parameters
    ----------
    cameras : sequence of Camera
        In the fit's order.
    tools : sequence of ToolViews
        What was seen.
    fit : TimingFit
        Delays and readouts.
    times : mapping of str to sequence of float
        When each camera has an image, s.

    Returns
    -------
    list of CameraTiming
        One per camera.
    """
    velocities = np.concatenate(
        [motion_velocities(tool, fit, index) for index, tool in enumerate(tools)]
    )
    speed = float(np.sqrt((velocities**2).sum(axis=1).mean()))
    motion = motion_problem(velocities)
    found = []
    for index, camera in enumerate(cameras):
        seen = {
            float(time) for tool in tools for time in tool.time[tool.camera == index]
        }  # fmt: skip
        few = f"a tool in {len(seen)} images only, expected {FEW}" if len(seen) < FEW else ""
        period = float(np.median(np.diff(sorted(times[camera.name])))) if len(seen) > 1 else 0.0
        problem = few or motion
        readout = judge_readout(
            fit.readout[index], fit.readout_sd[index], problem, period, MOVE_MORE
        )
        delay = None
        if index:
            delay = judge_delay(fit.delay[index], fit.delay_sd[index], problem, MOVE_MORE)
        found.append(CameraTiming(camera.name, delay, readout, len(seen), speed))
    return found


def motion_velocities(tool: ToolViews, fit: TimingFit, index: int) -> Array:
    """Return the velocity of a tool's middle at the times of its images.

    Parameters
    ----------
    tool : ToolViews
        What was seen of it.
    fit : TimingFit
        With the motions of all tools.
    index : int
        Which of them is this tool's.

    Returns
    -------
    ndarray, shape (n, 3)
        In mm/s.
    """
    motion = fit.motions[index]
    first, since = motion.places(np.unique(tool.time))
    return motion.at(first, since)[1][:, :3]


def motion_problem(velocities: Array) -> str:
    """Return why a motion shows no lag.

    Parameters
    ----------
    velocities : ndarray, shape (n, 3)
        In mm/s.

    Returns
    -------
    str
        Empty where it can.
    """
    speeds = np.sqrt(np.maximum(np.linalg.eigvalsh(velocities.T @ velocities / len(velocities)), 0))
    total = float(np.linalg.norm(speeds))
    if total < SLOW:
        return f"the tool moved at {total:.1f} mm/s only, expected {SLOW:.0f} or more: swing it"
    if speeds[1] < ONE_WAY * speeds[2]:
        return "the tool moved along one direction only: swing it to and fro and sideways"
    return ""


def judge_readout(value: float, sd: float, problem: str, period: float, advice: str) -> Estimate:
    """Judge a readout.

    Parameters
    ----------
    value, sd : float
        In s.
    problem : str
        Why it is not determined, if that is known before; else empty.
    period : float
        From one image to the next, s; 0 if not known.
    advice : str
        How to make the standard deviation smaller.

    Returns
    -------
    Estimate
        None, with a standard deviation that contains what was found, where it is like none.
    """
    judged = judge_delay(value, sd, problem, advice)
    if judged.problem:
        return judged
    if period > 0.0 and abs(value) - NO_SHUTTER * sd > SLOWER_THAN_FRAMES * period:
        return Estimate(
            value,
            sd,
            f"{1e3 * value:.1f} ms is longer than from image to image, {1e3 * period:.1f} ms",
        )
    if abs(value) < NO_SHUTTER * sd:  # a global shutter, as far as can be seen
        return Estimate(0.0, float(np.hypot(value, sd)))
    return judged


def judge_delay(value: float, sd: float, problem: str, advice: str) -> Estimate:
    """Judge a delay.

    Parameters
    ----------
    value, sd, problem, advice
        As of `judge_readout`.

    Returns
    -------
    Estimate
    """
    if not problem and not sd <= USABLE:
        problem = f"sd {1e3 * sd:.1f} ms, expected {1e3 * USABLE:.0f} at most: {advice}"
    return Estimate(float(value), float(sd), problem)
