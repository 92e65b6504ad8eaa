"""Read one camera's recorded images, one shot per frame set, in order."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from nav.camera.image_files import decode_picture, read_picture
from nav.camera.rig import Camera, check_picture_size
from nav.core.errors import InputError, Lost
from nav.core.frameset import Picture
from nav.core.notice import Notice

# about a file whose metadata rotate its images
TURNED = "{} by its metadata; used as the sensor has it, as in calibration"


@dataclass(frozen=True)
class Shot:
    """A camera's part of one frame set.

    Parameters
    ----------
    image : ndarray, shape (height, width), uint8, or None
        Grey levels; None where there is none.
    time : float, optional
        In s, if known.
    reason : Notice, optional
        Why there is no image.
    damaged : bool
        Whether there is an image that cannot be used.
    """

    image: Picture | None
    time: float | None = None
    reason: Notice | None = None
    damaged: bool = False


class Recording(Protocol):
    """One camera's recorded images.

    Attributes
    ----------
    notes : list of str
        What `check` found unusual, a sentence each.
    cut_off : str
        Why the recording ended early, once its shots have come to their end; else empty.
    """

    notes: list[str]
    cut_off: str

    @property
    def announced(self) -> int:
        """How many shots there should be; 0 if that is not known."""
        ...

    def check(self) -> None:
        """Refuse what cannot be read from the first image on."""
        ...

    def shots(self) -> Iterator[Shot]:
        """Yield the shots from number 0 on."""
        ...


@dataclass
class PictureFolder:
    """A folder of images.

    Parameters
    ----------
    camera : Camera
        Which took them.
    stems : sequence of str
        Names of the images of all cameras, which number the shots.
    files : mapping of str to Path
        This camera's images by stem.
    times : mapping of int to float, optional
        By number of the shot, s.
    notes, cut_off
        As of `Recording`.
    """

    camera: Camera
    stems: Sequence[str]
    files: Mapping[str, Path]
    times: Mapping[int, float] | None = None
    notes: list[str] = field(default_factory=list)
    cut_off: str = ""

    @property
    def announced(self) -> int:
        """Number of shots."""
        return len(self.stems)

    def check(self) -> None:
        """Read the first image.

        Raises
        ------
        InputError
            Unreadable or of another size than the rig says; an image without a time.
        """
        first = next(self.files[stem] for stem in self.stems if stem in self.files)
        decoded = decode_picture(first)
        if isinstance(decoded, Lost):
            raise InputError(f"{first}: {decoded.facts['why']}")
        check_picture_size(self.camera, decoded.image.shape, str(first))
        if decoded.turned:
            self.notes.append(f"{first}: {TURNED.format(decoded.turned)}")
        if decoded.dark:
            self.notes.append(f"{first}: {decoded.dark}; shift the pixels up to the whole range")
        for number, stem in enumerate(self.stems):
            if stem in self.files and self.times is not None and number not in self.times:
                raise no_time(self.camera, number, self.files[stem].name)

    def shots(self) -> Iterator[Shot]:
        """Yield one shot per stem; a damaged image is missing, one of another size is refused."""
        name = self.camera.name
        for number, stem in enumerate(self.stems):
            time = None if self.times is None else self.times.get(number)
            path = self.files.get(stem)
            if path is None:
                yield Shot(None, time, Notice("no_such_picture", {"camera": name, "name": stem}))
                continue
            image = read_picture(path)
            if isinstance(image, Lost):
                facts = {"camera": name, "file": path.name, "why": image.facts["why"]}
                yield Shot(None, time, Notice("file_unusable", facts), True)
                continue
            check_picture_size(self.camera, image.shape, str(path))
            yield Shot(image, time)


def no_time(camera: Camera, number: int, name: str) -> InputError:
    """Return the error for an image that is missing in times.csv.

    Parameters
    ----------
    camera : Camera
        Which took it.
    number : int
        Of the shot.
    name : str
        Of the image.

    Returns
    -------
    InputError
        To be raised.
    """
    return InputError(f"times.csv: no time for camera {camera.name} frame {number} ({name})")
