"""Read one camera's video, one shot per frame set, in order of the container's times."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain, islice, pairwise
from pathlib import Path
from statistics import median

from nav.camera.recorded import TURNED, Shot, no_time
from nav.camera.rig import Camera, check_picture_size
from nav.camera.video_container import VideoContainer, examine_video
from nav.camera.video_decoder import VideoDecoder, VideoPicture
from nav.core.errors import InputError
from nav.core.notice import Notice

FIRST = 16  # pictures whose steps say what step is usual
WHOLE_STEP = 0.1  # of a step: times that are whole steps apart are so to this
MOST_GAP = 1000  # pictures: a longer pause is no row of lost pictures
COUNT_OFF = 2  # pictures: a container's count is often that much off


@dataclass
class VideoFile:
    """A video; the same number is the same instant in every camera.

    Images are numbered by the container's times where these are whole steps apart: where the
    recorder lost some, their numbers are missing. They are used as the sensor has them, even where
    the metadata ask for rotation or mirroring.

    Parameters
    ----------
    camera : Camera
        Which took it.
    path : Path
        The file.
    times : mapping of int to float, optional
        From times.csv, by number of the image, s.
    notes, cut_off, announced
        As of `nav.camera.recorded.Recording`.
    container : VideoContainer
        What the structure of the file says.
    """

    camera: Camera
    path: Path
    times: Mapping[int, float] | None = None
    notes: list[str] = field(default_factory=list)
    cut_off: str = ""
    announced: int = 0
    container: VideoContainer = field(default_factory=VideoContainer)

    @property
    def timeless(self) -> bool:
        """Whether nothing says when its images were taken."""
        return self.times is None and self.container.timeless

    def check(self) -> None:
        """Read the first image and the announced length.

        Raises
        ------
        InputError
            Not a video that can be read, or of another size than the rig says.
        """
        try:
            self.container = examine_video(self.path)
        except OSError as error:
            raise InputError(f"{self.path}: cannot be read: {error.strerror}") from None
        decoder = self._open()
        self.announced = decoder.announced
        first = next(iter(decoder), None)
        decoder.close()
        if first is None or first.image is None:
            raise InputError(f"{self.path}: cannot be read as a video: no image in it")
        check_picture_size(self.camera, first.image.shape, str(self.path))
        turned = self.container.turned
        if not turned and decoder.turned % 360:
            turned = f"turned by {decoder.turned % 360:.0f} degrees"
        if turned:
            self.notes.append(f"{self.path}: {TURNED.format(turned)}")

    def shots(self) -> Iterator[Shot]:
        """Yield every image with its time, and lost ones; set `cut_off` if it ended too early."""
        self.cut_off = ""
        decoder = self._open()
        seen, damaged = 0, False
        try:
            for number, (picture, lost) in enumerate(self._numbered(iter(decoder))):
                seen += not lost
                damaged = picture.image is None or bool(picture.damage)
                yield self._shot(number, picture, lost)
        finally:
            decoder.close()
        self.cut_off = self._ending(decoder, seen, damaged)

    def _ending(self, decoder: VideoDecoder, seen: int, damaged: bool) -> str:
        """Return in words why the recording ended early, or nothing.

        seen : images in the file. damaged : whether the last one is.
        """
        announced = decoder.announced
        of = f"{seen} of {announced}" if announced > seen else f"{seen}"
        if decoder.problem:
            return f"{self.path}: {decoder.problem} after {seen} images: damaged"
        if self.container.cut_off:
            return f"{self.path}: {self.container.cut_off}: ends after {of} images"
        if seen < announced - COUNT_OFF:
            return f"{self.path}: ends after {of} images"
        if damaged:
            return f"{self.path}: ends after {of} images, the last one damaged: is it cut off?"
        if seen < announced:
            note = f"{self.path}: {of} images that its index announces can be found"
            self.notes += [note] if note not in self.notes else []
        return ""

    def _shot(self, number: int, picture: VideoPicture, lost: bool) -> Shot:
        facts = {"camera": self.camera.name, "number": number}
        time: float | None = picture.at
        if self.times is not None:
            if number not in self.times:
                raise no_time(self.camera, number, self.path.name)
            time = self.times[number]
        elif self.container.timeless:
            time = None
        if lost:
            return Shot(None, time, Notice("picture_lost_by_recorder", facts))
        if picture.image is None or picture.damage:
            damaged = Notice("picture_damaged", {**facts, "damage": picture.damage})
            return Shot(None, time, damaged, True)
        check_picture_size(self.camera, picture.image.shape, str(self.path))
        return Shot(picture.image, time)

    def _numbered(self, pictures: Iterator[VideoPicture]) -> Iterator[tuple[VideoPicture, bool]]:
        """Yield all images, and one that is lost (True) for every whole step without."""
        first = list(islice(pictures, FIRST))
        steps = [after.at - before.at for before, after in pairwise(first)]
        step = median(steps) if steps else 0.0
        if self.times is None and not self.container.timeless and steps and step <= 0:
            # times that do not advance are not used
            self.container = VideoContainer(self.container.cut_off, True, self.container.turned)
        use = self.times is None and not self.container.timeless
        before: float | None = None
        for number, picture in enumerate(chain(first, pictures)):
            if use and before is not None:
                passed = picture.at - before
                if passed <= 0:
                    raise InputError(
                        f"{self.path}: frame {number}: its time {picture.at:.3f} s is not after "
                        f"the one before, {before:.3f} s; give the times in times.csv"
                    )
                for k in range(1, _whole_steps(passed, step)):
                    yield VideoPicture(before + k * step, None), True
            before = picture.at
            yield picture, False

    def _open(self) -> VideoDecoder:
        decoder = VideoDecoder(self.path)
        if not decoder.readable:
            decoder.close()
            why = f": it {self.container.cut_off}" if self.container.cut_off else ""
            raise InputError(f"{self.path}: cannot be read as a video{why}")
        return decoder


def _whole_steps(passed: float, step: float) -> int:
    """Return how many steps a time is; 1 where it is not a whole number of them."""
    count = round(passed / step) if step > 0 else 1
    if not 2 <= count <= MOST_GAP or abs(passed / step - count) > WHOLE_STEP * count:
        return 1
    return count
