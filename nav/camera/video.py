"""Reads one camera's video, one shot a frame set, in order."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import cv2

from nav.camera.frameset import Picture
from nav.camera.pictures import to_grey
from nav.camera.recorded import Shot, no_time
from nav.camera.rig import Camera, check_picture_size
from nav.errors import InputError

# FFmpeg invents 25 pictures a second for these: they hold none
WITHOUT_TIMES = frozenset({".mjpg", ".mjpeg"})


@dataclass
class VideoFile:
    """A video; the same index is the same instant in every camera."""

    camera: Camera
    path: Path
    times: Mapping[int, float] | None = None
    notes: list[str] = field(default_factory=list)
    cut_off: str = ""
    announced: int = 0

    def check(self) -> None:
        """Read the first picture and the announced length.

        Raises
        ------
        InputError
            No video that can be read, or of another size than the rig says.
        """
        capture = self._open()
        try:
            count = capture.get(cv2.CAP_PROP_FRAME_COUNT)
            self.announced = int(count) if math.isfinite(count) and 0 < count < 1e9 else 0
            if self._read(capture) is None:
                raise InputError(f"{self.path}: cannot be read as a video: no picture in it")
        finally:
            capture.release()

    def shots(self) -> Iterator[Shot]:
        """Every picture with its time; a video that ends too early leaves a warning."""
        capture = self._open()
        try:
            number = 0
            for number, (image, stamp) in enumerate(self._stamped(capture), 1):
                yield Shot(image, self._time(number - 1, stamp))
            # a container's count is often one or two off, a cut file's by much
            if number < self.announced - 2:
                self.cut_off = f"{self.path}: ends after {number} of {self.announced} pictures"
        finally:
            capture.release()

    def _time(self, number: int, stamp: float | None) -> float | None:
        if self.times is None:
            return stamp
        if number not in self.times:
            raise no_time(self.camera, number, self.path.name)
        return self.times[number]

    def _stamped(self, capture: cv2.VideoCapture) -> Iterator[tuple[Picture, float | None]]:
        """Pictures with the video's own times, None where it has none: then none of two moves."""
        first = self._read(capture)
        if first is None:
            return
        first_stamp, second = self._stamp(capture), self._read(capture)
        second_stamp = self._stamp(capture)
        own = self.path.suffix.lower() not in WITHOUT_TIMES and self.times is None
        own = own and (second is None or second_stamp > first_stamp)
        yield first, first_stamp if own else None
        number, image, stamp, before = 1, second, second_stamp, first_stamp
        while image is not None:
            if own and not stamp > before:
                raise InputError(
                    f"{self.path}: frame {number}: its time {stamp:.3f} s is not after the one "
                    f"before, {before:.3f} s; say the times in times.csv"
                )
            yield image, stamp if own else None
            before, image = stamp, self._read(capture)
            stamp, number = self._stamp(capture), number + 1

    def _open(self) -> cv2.VideoCapture:
        # FFmpeg by name: another back end would take '%' in a file's name for a number
        capture = cv2.VideoCapture(str(self.path.absolute()), cv2.CAP_FFMPEG)
        if not capture.isOpened():
            raise InputError(f"{self.path}: cannot be read as a video")
        return capture

    def _read(self, capture: cv2.VideoCapture) -> Picture | None:
        read, image = capture.read()
        grey = to_grey(image) if read and image is not None else None
        if grey is not None:
            check_picture_size(self.camera, grey.shape, str(self.path))
        return grey

    def _stamp(self, capture: cv2.VideoCapture) -> float:
        return float(capture.get(cv2.CAP_PROP_POS_MSEC)) / 1000.0
