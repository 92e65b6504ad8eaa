"""Plain NumPy images of a rig's cameras as a frame set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nav.camera.image_files import to_grey
from nav.camera.rig import Rig, check_picture_size
from nav.core.errors import InputError
from nav.core.frameset import Frame, FrameSet
from nav.core.notice import Notice

Images = Mapping[str, NDArray[Any] | None] | Sequence[NDArray[Any] | None] | NDArray[Any]


def frame_set_of_images(images: Images, rig: Rig, number: int, time: float) -> FrameSet:
    """Make a frame set of images of one instant.

    Parameters
    ----------
    images : mapping, sequence or ndarray
        By camera name; or in the order of the rig's cameras; or the one image of a rig with one
        camera. Each of shape (height, width), grey, or (height, width, 3), BGR as OpenCV reads
        them; uint8 or uint16. None for a camera that has none.
    rig : Rig
        The cameras.
    number : int
        Of the frame set.
    time : float
        Middle of the exposure, s.

    Returns
    -------
    FrameSet
        With cameras that have no image among the missing ones.

    Raises
    ------
    InputError
        Names that the rig does not have, another number or size of images, or another kind.
    """
    names = [camera.name for camera in rig.cameras]
    if isinstance(images, np.ndarray):
        images = [images]
    if not isinstance(images, Mapping):
        if len(images) != len(names):
            raise InputError(
                f"images: expected {len(names)}, one for each of {', '.join(names)}, got "
                f"{len(images)}"
            )
        images = dict(zip(names, images, strict=True))
    unknown = [name for name in images if name not in names]
    if unknown:
        raise InputError(
            f"images: the rig has no camera {unknown[0]!r:.40}; it has {', '.join(names)}"
        )
    frames, missing = {}, {}
    for camera in rig.cameras:
        image = images.get(camera.name)
        if image is None:
            missing[camera.name] = Notice("no_image_given")
            continue
        grey = to_grey(np.asarray(image)) if np.ndim(image) in (2, 3) else None
        if grey is None:
            raise InputError(
                f"images: {camera.name}: expected uint8 or uint16 of shape (height, width) or "
                f"(height, width, 3), got {np.asarray(image).dtype} of shape {np.shape(image)}"
            )
        check_picture_size(camera, grey.shape, f"images: {camera.name}")
        frames[camera.name] = Frame(camera.name, time, grey)
    return FrameSet(number, time, frames, missing)
