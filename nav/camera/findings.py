"""Count damaged, repeated and missing images of a recording."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from nav.camera.recorded import Shot
from nav.core.frameset import Picture
from nav.core.notice import Notice

SAMPLED_ROWS = 16  # every 16th row is compared first: pictures that differ do so there


@dataclass
class _Camera:
    """What was found of one camera; `first` says what the first damaged image is."""

    pictures: int = 0
    missing: int = 0
    damaged: int = 0
    repeated: int = 0
    frozen: int = 0
    first: Notice | None = None
    before: Picture | None = None


class Findings:
    """Check the shots of one instant after the other, and count what is wrong with them."""

    def __init__(self) -> None:
        self.sets = 0
        self.cameras: dict[str, _Camera] = {}

    def judged(self, shots: Mapping[str, Shot]) -> dict[str, Shot]:
        """Count the shots of the next instant; a frozen camera's shot is removed.

        A sensor's noise never repeats, so an image that is the same to the last bit shows an
        earlier instant. Where another camera's has changed the scene has too, or may have.

        Parameters
        ----------
        shots : mapping of str to Shot
            By camera name.

        Returns
        -------
        dict of str to Shot
            What remains to be used.
        """
        self.sets += 1
        repeated, changed = [], False
        for name, shot in shots.items():
            camera = self.cameras.setdefault(name, _Camera())
            if shot.image is None:
                camera.missing += 1
                camera.damaged += shot.damaged
                if shot.damaged and camera.first is None:
                    camera.first = shot.reason
                continue
            camera.pictures += 1
            if same_picture(camera.before, shot.image):
                repeated.append(name)
            else:
                changed = changed or camera.before is not None
            camera.before = shot.image
        judged = dict(shots)
        for name in repeated:
            self.cameras[name].repeated += 1
            if changed:
                self.cameras[name].frozen += 1
                frozen = Notice("picture_frozen", {"camera": name})
                judged[name] = Shot(None, shots[name].time, frozen)
        return judged

    def notices(self) -> list[Notice]:
        """Return what is worth a warning."""
        return [
            notice for name, camera in self.cameras.items() for notice in self._of(name, camera)
        ]

    def _of(self, name: str, camera: _Camera) -> list[Notice]:
        warnings_now = []
        if camera.damaged:
            facts = {"camera": name, "damaged": camera.damaged, "first": camera.first}
            count = camera.pictures + camera.damaged
            warnings_now.append(Notice("pictures_unusable", {**facts, "count": count}))
        lacking = camera.missing - camera.damaged
        if lacking:
            facts = {"camera": name, "missing": lacking, "count": self.sets}
            warnings_now.append(Notice("pictures_missing", facts))
        if camera.frozen:
            facts = {"camera": name, "frozen": camera.frozen, "count": self.sets}
            warnings_now.append(Notice("pictures_frozen", facts))
        if camera.repeated > camera.frozen:
            repeated = camera.repeated - camera.frozen
            facts = {"camera": name, "repeated": repeated, "count": camera.pictures}
            warnings_now.append(Notice("pictures_repeated", facts))
        return warnings_now


def same_picture(before: Picture | None, image: Picture) -> bool:
    """Return whether an image is the same to the last bit as the one before.

    Parameters
    ----------
    before : ndarray, shape (height, width), uint8, or None
        None where there was none.
    image : ndarray, shape (height, width), uint8
        The newer one.

    Returns
    -------
    bool
    """
    if before is None or before.shape != image.shape:
        return False
    sampled = np.array_equal(before[::SAMPLED_ROWS], image[::SAMPLED_ROWS])
    return sampled and np.array_equal(before, image)
