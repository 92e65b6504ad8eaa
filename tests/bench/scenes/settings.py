"""What a scene is made of, and the kinds of scene that have a name."""

from dataclasses import dataclass, fields, replace
from typing import Any

from tests.bench.scenes.lens import LENSES
from tests.bench.scenes.render import Sensor

NEEDLES = ("hexagon", "triangle", "cube")
REFERENCES = ("wings", "wings4", "none")


@dataclass(frozen=True)
class Settings:
    """A scene; mm, px, grey levels, degrees and milliseconds, as a person types them.

    motion : "independent" poses, a sweep of up to `motion_blur` px in each exposure; or "hand",
    of rms `speed` mm/s and `turning` degrees/s. obliquity : tilt of the needle's axis out of the
    picture, which all of a prism's tags share; None: up to 40. tag_size : of the needle; None: 14
    on a prism, 8 on a cube. hidden : share of the needle's tags behind fingers. misbuilt : sd of
    the labels' places, mm. misaligned : rms error of the rig, px. skew : ms from one camera to the
    next. angle : between neighbouring cameras. gain, gradient, response, gamma : see Sensor.
    """

    kind: str = "clean"
    frames: int = 60
    seed: int = 0
    cameras: int = 2
    width: int = 1920
    height: int = 1200
    focal: float = 1585.0
    lens: str = "five"
    distance: float = 600.0
    angle: float = 33.0
    needle: str = "hexagon"
    reference: str = "wings"
    tag_size: float | None = None
    obliquity: float | None = None
    motion: str = "independent"
    fps: float = 1.0
    speed: float = 40.0
    turning: float = 30.0
    motion_blur: float = 0.0
    exposure_ms: float = 8.0
    readout_ms: float = 0.0
    skew_ms: float = 0.0
    blur: float = 0.8
    noise: float = 2.0
    response: str = "linear"
    gamma: float = 2.2
    gradient_x: float = 0.1
    gradient_y: float = -0.06
    hidden: float = 0.0
    glare: float = 0.0
    misbuilt: float = 0.0
    misaligned: float = 0.0

    @property
    def sensor(self) -> Sensor:
        """Lens, light and sensor."""
        return Sensor(
            blur=self.blur,
            noise=self.noise,
            response=self.response,
            gamma=self.gamma,
            exposure=self.exposure_ms / 1000,
            readout=self.readout_ms / 1000,
            gradient=(self.gradient_x, self.gradient_y),
        )


HAND: dict[str, Any] = {"motion": "hand", "fps": 30.0}
HARD: dict[str, Any] = {
    "response": "gamma",
    "blur": 1.3,
    "noise": 4.0,
    "hidden": 0.2,
    "gradient_x": 0.6,
    "gradient_y": -0.4,
}
KINDS: dict[str, dict[str, Any]] = {
    "clean": {},
    "hard": {**HARD, "motion_blur": 8.0},
    "one-camera": {"cameras": 1},
    "misbuilt": {"misbuilt": 0.05, "misaligned": 0.2, "lens": "rational"},
    "hand": {**HAND, "lens": "rational"},
    "hand-hard": {**HARD, **HAND, "exposure_ms": 20.0, "lens": "barrel"},
    "rolling": {**HAND, "readout_ms": 20.0},
    "skewed": {**HAND, "skew_ms": 8.0},
    "cube": {"needle": "cube", "reference": "wings4", "lens": "barrel", "distance": 350.0},
}


def settings_of(kind: str, **changes: Any) -> Settings:
    """The settings of a kind, with changes; None changes nothing.

    Raises
    ------
    ValueError
        An unknown kind or name, or a number out of range.
    """
    if kind not in KINDS:
        raise ValueError(f"kind: expected one of {', '.join(KINDS)}, got {kind!r}")
    given = {name: value for name, value in changes.items() if value is not None}
    settings = replace(Settings(kind=kind), **{**KINDS[kind], **given})
    for name, allowed in (
        ("lens", tuple(LENSES)),
        ("needle", NEEDLES),
        ("reference", REFERENCES),
        ("motion", ("independent", "hand")),
        ("response", ("linear", "srgb", "gamma")),
    ):
        if getattr(settings, name) not in allowed:
            wrong = getattr(settings, name)
            raise ValueError(f"{name}: expected one of {', '.join(allowed)}, got {wrong!r}")
    if not 1 <= settings.cameras <= 4:
        raise ValueError(f"cameras: expected 1 to 4, got {settings.cameras}")
    for name in ("frames", "width", "height", "focal", "distance", "fps", "gamma"):
        if not getattr(settings, name) > 0:
            raise ValueError(f"{name}: expected more than 0, got {getattr(settings, name)}")
    for field in fields(Settings):
        value = getattr(settings, field.name)
        signed = field.name.startswith("gradient")
        if isinstance(value, (int, float)) and not signed and value < 0:
            raise ValueError(f"{field.name}: expected 0 or more, got {value}")
    return settings
