"""Files and a simulated hand for tests with another tracker: tools without markers, two boxes."""

import time
from pathlib import Path

import numpy as np
from scipy.spatial.transform import RigidTransform

from nav.core.frames import rigid
from tests.link.plus_like_server import PlusLikeServer, stamp, transform
from tests.solids import write_box

TIP = np.array([0.3, -0.2, 110.0])
TRACKER_FROM_REFERENCE = rigid([-0.2, 0.5, 0.1], [30.0, -20.0, 1600.0])
REFERENCE_FROM_MODEL = rigid([0.4, -0.9, 1.3], [12.0, -35.0, 80.0])
UPRIGHT = rigid([2.0, 0.3, -0.4], [0.0, 0.0, 0.0]).rotation
FIDUCIALS = {
    "D1": [40.0, 0.0, 0.0],
    "D2": [0.0, 45.0, 5.0],
    "D3": [-38.0, 2.0, 10.0],
    "D4": [3.0, -42.0, 30.0],
    "D5": [20.0, 25.0, -20.0],
}
CHECK = {"K1": [10.0, 10.0, 40.0]}


def write_lab(folder: Path) -> dict[str, Path]:
    """Write needle, reference body and case; return their paths."""
    files = {name: folder / f"{name}.toml" for name in ("needle", "reference", "case")}
    files["needle"].write_text(
        'format = "c1c2nav/tool/1"\nname = "needle"\n'
        f"[tip]\nposition = {TIP.tolist()}\naxis = [0.0, 0.0, 1.0]\n"
    )
    files["reference"].write_text('format = "c1c2nav/tool/1"\nname = "reference"\n')
    write_box(folder / "artery.ply", [-5.0, -5.0, -20.0], [5.0, 5.0, 20.0])
    write_box(folder / "cord.ply", [-60.0, -5.0, -20.0], [-50.0, 5.0, 20.0])
    entries = [
        f'[[fiducial]]\nlabel = "{label}"\nposition = {place}\nuse = "{use}"'
        for use, points in (("register", FIDUCIALS), ("check", CHECK))
        for label, place in points.items()
    ]
    files["case"].write_text(
        'format = "c1c2nav/case/1"\nname = "block"\n[[structure]]\nname = "artery"\n'
        'role = "artery"\nmesh = "artery.ply"\nsigma = 0.1\n[[structure]]\nname = "cord"\n'
        'role = "cord"\nmesh = "cord.ply"\nsigma = 0.1\n' + "\n".join(entries)
    )
    return files


class Hand:
    """Sends the needle with its tip at `place` in the model, and the reference body, as PLUS does.

    The tip trembles by `tremor` mm, one standard deviation per axis.
    """

    tremor = 0.02

    def __init__(self, rate: float = 50.0, port: int = 0) -> None:
        self.place, self.status = np.array([60.0, 0.0, 0.0]), "OK"
        self._random = np.random.default_rng(5)
        self.server = PlusLikeServer(self._messages, rate, port)

    def lift(self) -> None:
        """Lift the tip by 40 mm."""
        self.place = self.place + np.array([0.0, 0.0, 40.0])

    def _messages(self, number: int) -> list[bytes]:
        at = stamp(time.time() - 100.0)  # by a clock that is slow
        place = self.place + self._random.normal(0.0, self.tremor, 3)
        tip = TRACKER_FROM_REFERENCE.apply(REFERENCE_FROM_MODEL.apply(place))
        needle = RigidTransform.from_components(tip - UPRIGHT.apply(TIP), UPRIGHT)
        return [
            transform("NeedleToTracker", needle, self.status, at),
            transform("ReferenceToTracker", TRACKER_FROM_REFERENCE, "OK", at),
        ]
