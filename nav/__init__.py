"""Camera navigation of a needle in printed phantoms of the upper cervical spine.

The names below are the public interface; each is loaded when it is first used. Everything else may
change. Lengths are millimetres, times seconds, angles radians; a transform ``a_from_b`` maps
coordinates of frame b to frame a. Research use only, not a medical device.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nav.camera.rig import Rig, load_rig
    from nav.core.errors import InputError, Lost
    from nav.core.frames import Pose
    from nav.core.frameset import Frame, FrameSet
    from nav.core.notice import Notice
    from nav.core.tracked_frame import Tip, TrackedFrame
    from nav.front_door import (
        build_phantom,
        calibrate_cameras,
        proximity,
        read_images,
        reconstruct,
        simulate_recording,
    )
    from nav.model.case import Case, load_case
    from nav.pipeline import Guidance, Pipeline
    from nav.planning.plan import PlanSettings, plan_trajectories
    from nav.registration.points import register_points
    from nav.registration.prepared_surface import prepare_surface
    from nav.registration.registration_result import Registration, load_registration
    from nav.registration.surface_registration import register_surface
    from nav.text.catalogue import sentence
    from nav.tracking.tip import tip_in_reference
    from nav.tracking.tool import Tool, load_tool
    from nav.tracking.tracker import Tracker

try:
    __version__ = version("c1c2nav")
except PackageNotFoundError:  # run from a checkout that is not installed
    __version__ = "0+unknown"

NOTICE = "Research use only, not a medical device"

_MODULES = {
    "nav.core.frameset": ("Frame", "FrameSet"),
    "nav.camera.rig": ("Rig", "load_rig"),
    "nav.core.errors": ("InputError", "Lost"),
    "nav.core.frames": ("Pose",),
    "nav.front_door": (
        "build_phantom",
        "calibrate_cameras",
        "proximity",
        "read_images",
        "reconstruct",
        "simulate_recording",
    ),
    "nav.model.case": ("Case", "load_case"),
    "nav.core.notice": ("Notice",),
    "nav.pipeline": ("Guidance", "Pipeline"),
    "nav.planning.plan": ("PlanSettings", "plan_trajectories"),
    "nav.registration.points": ("register_points",),
    "nav.registration.prepared_surface": ("prepare_surface",),
    "nav.registration.registration_result": ("Registration", "load_registration"),
    "nav.registration.surface_registration": ("register_surface",),
    "nav.text.catalogue": ("sentence",),
    "nav.tracking.tip": ("tip_in_reference",),
    "nav.tracking.tool": ("Tool", "load_tool"),
    "nav.core.tracked_frame": ("Tip", "TrackedFrame"),
    "nav.tracking.tracker": ("Tracker",),
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}

__all__ = [
    "NOTICE",
    "Case",
    "Frame",
    "FrameSet",
    "Guidance",
    "InputError",
    "Lost",
    "Notice",
    "Pipeline",
    "PlanSettings",
    "Pose",
    "Registration",
    "Rig",
    "Tip",
    "Tool",
    "TrackedFrame",
    "Tracker",
    "__version__",
    "build_phantom",
    "calibrate_cameras",
    "load_case",
    "load_registration",
    "load_rig",
    "load_tool",
    "plan_trajectories",
    "prepare_surface",
    "proximity",
    "read_images",
    "reconstruct",
    "register_points",
    "register_surface",
    "sentence",
    "simulate_recording",
    "tip_in_reference",
]


def __getattr__(name: str) -> Any:
    module = _MODULE_OF.get(name)
    if module is None:
        raise AttributeError(f"module 'nav' has no attribute {name!r}")
    value = getattr(import_module(module), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
