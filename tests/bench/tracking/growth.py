"""How the cost of following grows: with the visible tags, and with the size of the pictures."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache

import numpy as np
from scipy.spatial.transform import RigidTransform, Rotation

from nav.tracking.tool import Marker, Tool, ToolTip
from tests.bench.scenes.motion import Hand
from tests.bench.scenes.scene import Scene
from tests.bench.scenes.settings import Settings, settings_of
from tests.bench.scenes.shapes import Body
from tests.bench.scenes.tools import Model, pattern, square
from tests.bench.tracking.crew import Member
from tests.bench.tracking.pictures import TOOL, Shot, frame_set

TAGS = (1, 2, 4, 8, 12, 24, 48)
SIZES = ((1280, 800), (1920, 1200), (2592, 1944), (3872, 2592), (5472, 3648))
USUAL_TAGS, USUAL_SIZE = 12, (1920, 1200)
SIDE, COLUMNS, DICTIONARY = 14.0, 8, "DICT_APRILTAG_36h11"  # mm
FOCAL, SPEED = 1585.0, 40.0  # px, mm/s: at the usual size


@dataclass(frozen=True)
class Board:
    """A flat plate of so many tags before two cameras, moved by a hand.

    The larger the pictures, the finer the pixels, the smaller the tags and the slower the hand:
    in pixels all stays the same.
    """

    tags: int
    width: int
    height: int
    frames: int
    seed: int

    @property
    def finer(self) -> float:
        """Pixels for one of the usual size."""
        return self.width / USUAL_SIZE[0]


@dataclass(frozen=True)
class Cost:
    """Medians for frame sets of two pictures, ms, over those that were followed.

    detect_ms : OpenCV's detectMarkers with its defaults. followed : share of frame sets.
    """

    tags: int
    megapixels: float
    follow_ms: float | None
    follow_p90_ms: float | None
    detect_ms: float
    followed: float


def boards(frames: int, seed: int, quick: bool) -> Iterator[Board]:
    """The plates to follow: by tags, then by size."""
    for tags in TAGS[::3] if quick else TAGS:
        yield Board(tags, *USUAL_SIZE, frames, seed)
    for size in SIZES[:3:2] if quick else SIZES:
        if size != USUAL_SIZE:
            yield Board(USUAL_TAGS, *size, frames, seed)


def cost(board: Board, shots: Sequence[Shot], ours: Member, detector: Member) -> Cost:
    """What following a plate costs, and detecting its tags in the same pictures, in turn."""
    scene = _scene(board)
    tool = scene.models[TOOL].tool
    for member in (ours, detector):
        member.setup(scene.rig, [tool], tool)
    follow, detect, modes = [], [], []
    for shot in shots:
        look = ours.look(shot.frames, tool)
        modes.append(look.mode)
        if look.mode == "follow":
            follow.append(1000 * look.seconds)
        detect.append(1000 * detector.look(shot.frames, tool).seconds)
    return Cost(
        board.tags,
        board.width * board.height / 1e6,
        float(np.median(follow)) if follow else None,
        float(np.quantile(follow, 0.9)) if follow else None,
        float(np.median(detect)),
        float(np.mean([mode == "follow" for mode in modes[1:]])),
    )


def take_board(board: Board, number: int) -> Shot:
    """One frame set of a plate."""
    shot = _scene(board).shot(number)
    return Shot(frame_set(shot), shot.poses)


def cost_table(costs: Sequence[Cost]) -> list[dict[str, float | None]]:
    """As JSON holds it."""
    return [asdict(one) for one in costs]


def grid_model(tags: int, side: float) -> Model:
    """A plate of tags in rows of up to eight, -z towards the viewer; its tip lies below it.

    side : of a tag, mm.
    """
    quiet = side / len(pattern(DICTIONARY, 0))
    pitch = side + 2 * quiet
    columns = min(tags, COLUMNS)
    rows = -(-tags // columns)
    markers = []
    for number in range(tags):
        row, column = divmod(number, columns)
        centre = pitch * np.array([column - (columns - 1) / 2, row - (rows - 1) / 2, 0.0])
        corners = square(centre, np.array([1.0, 0, 0]), np.array([0, 1.0, 0]), side)
        markers.append(Marker(number, corners))
    tip = ToolTip(np.array([0.0, 110.0, 0.0]), None, np.zeros((3, 3)))
    return Model(Tool(TOOL, DICTIONARY, tuple(markers), tip, quiet), Body(), quiet)


class _Plate(Scene):
    """A scene with the plate in the place of its tools."""

    def __init__(self, settings: Settings, tags: int, side: float) -> None:
        super().__init__(settings)
        model = grid_model(tags, side)
        rng = np.random.default_rng([settings.seed, 20])
        self.models = {TOOL: model}
        self.bodies = {TOOL: model.body(0.0, rng)}
        facing = RigidTransform.from_components(
            np.zeros(3), Rotation.from_rotvec([0.15, -0.1, 0.2])
        )
        speed, turning = settings.speed, np.radians(settings.turning)
        self.hand = Hand(self.rig_from_scene * facing, model.centre, speed, turning, rng)


@lru_cache(1)
def _scene(board: Board) -> _Plate:
    settings = settings_of(
        "hand",
        frames=board.frames,
        seed=board.seed,
        width=board.width,
        height=board.height,
        focal=FOCAL * board.finer,
        speed=SPEED / board.finer,
        reference="none",
    )
    return _Plate(settings, board.tags, SIDE / board.finer)
