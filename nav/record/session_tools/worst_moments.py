"""The moments at which the tip came nearest, with their pictures and the markers used in them."""

from __future__ import annotations

import struct
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from mcap.exceptions import McapError
from mcap.reader import make_reader

from nav.core.frameset import Picture
from nav.record.session.picture_codec import PictureError, encode_jpeg
from nav.record.session.session_format import FRAME, PICTURES_FILE
from nav.record.session.session_pictures import TOPIC, RecordedPicture, channel_coding
from nav.record.session.session_reader import SessionReader
from nav.record.session_tools.session_charts import nearest_by_role
from nav.record.session_tools.session_story import SessionStory

MOMENTS = 4  # in the report
APART = 3.0  # s between two moments of one role
NEAR = 10.0  # mm: farther ones are told only if they are the least of the session
WIDTH = 760  # px of a picture in the report
ROOM = 0.5  # around the markers, in parts of their extent
SMALLEST = 320  # px of the stretch of a picture that is shown
QUALITY = 85
COLOURS = ((80, 200, 255), (255, 170, 60), (120, 230, 120), (220, 120, 255))  # of tools, BGR


@dataclass(frozen=True)
class MomentPicture:
    """A camera's picture of a moment.

    Parameters
    ----------
    camera : str
        Its name.
    jpeg : bytes
        Cut out around the markers, with their corners drawn in.
    """

    camera: str
    jpeg: bytes

    @property
    def url(self) -> str:
        """For a page that needs no other file."""
        return f"data:image/jpeg;base64,{b64encode(self.jpeg).decode()}"


@dataclass(frozen=True)
class Moment:
    """A moment of small bounds.

    Parameters
    ----------
    place : int
        Of its frame in the story.
    number : int
        Of its frame.
    seconds : float
        Since the start.
    structure, role : str
        What was near.
    distance, bound : float
        mm.
    pictures : tuple of MomentPicture
        Those that were recorded.
    """

    place: int
    number: int
    seconds: float
    structure: str
    role: str
    distance: float
    bound: float
    pictures: tuple[MomentPicture, ...] = ()


def worst_moments(story: SessionStory, most: int = MOMENTS) -> list[Moment]:
    """Return the moments of the smallest bounds to arteries and cord, the smallest first.

    Parameters
    ----------
    story : SessionStory
        Of the session.
    most : int
        How many at most. The smallest of each role are always among them; others only where the
        bound is at most NEAR, and at least APART seconds from any of their role.

    Returns
    -------
    list of Moment
        Without pictures.
    """
    roles = list(dict.fromkeys(s.role for s in story.structures))
    wanted = [role for role in roles if role in ("artery", "cord")] or roles
    by_role = [found for role in wanted if (found := _of_role(story, role, most))]
    first = [found[0] for found in by_role]
    others = sorted((one for found in by_role for one in found[1:]), key=lambda one: one.bound)
    return sorted([*first, *others[: max(0, most - len(first))]], key=lambda one: one.bound)


def _of_role(story: SessionStory, role: str, most: int) -> list[Moment]:
    near, which = nearest_by_role(story, role)
    names = [s.name for s in story.structures if s.role == role]
    known = np.flatnonzero(np.isfinite(near.bound))
    found: list[Moment] = []
    for place in known[np.argsort(near.bound[known], kind="stable")].tolist():
        at, bound = float(story.times[place]), float(near.bound[place])
        if len(found) == most or (found and bound > NEAR):
            break
        if all(abs(at - one.seconds) >= APART for one in found):
            name, number = names[which[place]], int(story.numbers[place])
            distance = float(near.distance[place])
            found.append(Moment(place, number, at, name, role, distance, bound))
    return found


def with_pictures(moments: Sequence[Moment], reader: SessionReader) -> list[Moment]:
    """Return moments with the pictures that their frames were measured in.

    Parameters
    ----------
    moments : sequence of Moment
        Of the session.
    reader : SessionReader
        Of the session.

    Returns
    -------
    list of Moment
        A picture that was not recorded or is damaged is left out.
    """
    if not reader.has_pictures or not moments:
        return list(moments)
    places = {one.place for one in moments}
    frames = {
        place: message.data
        for place, message in enumerate(reader.messages(FRAME))
        if place in places
    }
    wanted = {
        (camera, reader.clock.ns(taken))
        for frame in frames.values()
        for camera, taken in frame["pictures"].items()
    }
    recorded = _recorded(reader, wanted)
    shown = []
    for one in moments:
        pictures = []
        frame = frames[one.place]
        for camera, taken in frame["pictures"].items():
            picture = recorded.get((camera, reader.clock.ns(taken)))
            if picture is not None:
                pictures.append(MomentPicture(camera, _drawn(picture, camera, frame["tools"])))
        shown.append(replace(one, pictures=tuple(pictures)))
    return shown


def _recorded(
    reader: SessionReader, wanted: set[tuple[str, int]]
) -> dict[tuple[str, int], Picture]:
    """Return pictures of some cameras and times: by the file's index, else by looking at all."""
    found: dict[tuple[str, int], Picture] = {}
    try:
        with (reader.folder / PICTURES_FILE).open("rb") as file:
            indexed = make_reader(file, validate_crcs=True)
            for camera, at in wanted:
                for _, channel, message in indexed.iter_messages(
                    TOPIC + camera, starting_at=at, ending_at=at
                ):
                    coding = channel_coding(channel)
                    _take(
                        found,
                        RecordedPicture(camera, at, message.sequence, coding, message.data),
                    )
    except (McapError, ValueError, KeyError, struct.error, OSError):  # not ended, or damaged
        for picture in reader.pictures():
            if (picture.camera, picture.log_time) in wanted:
                _take(found, picture)
    return found


def _take(found: dict[tuple[str, int], Picture], picture: RecordedPicture) -> None:
    try:
        found[picture.camera, picture.log_time] = picture.image()
    except PictureError:
        return


def _drawn(picture: Picture, camera: str, tools: Mapping[str, Any]) -> bytes:
    """Return the part of a picture with the markers, their corners drawn in, as JPEG."""
    corners = {
        name: [np.array(four, float) for four in tool.get("corners", {}).get(camera, {}).values()]
        for name, tool in tools.items()
    }
    left, top, right, bottom = _stretch(picture, [four for own in corners.values() for four in own])
    part = cv2.cvtColor(picture[top:bottom, left:right], cv2.COLOR_GRAY2BGR)
    scale = WIDTH / part.shape[1]
    size = (WIDTH, max(1, round(part.shape[0] * scale)))
    way = cv2.INTER_AREA if scale < 1.0 else cv2.INTER_LINEAR
    image = cv2.resize(part, size, interpolation=way)
    for place, (name, own) in enumerate(corners.items()):
        colour = COLOURS[place % len(COLOURS)]
        for four in own:
            # the centre of the pixel at (0, 0) is (0, 0)
            drawn = (four - (left, top) + 0.5) * scale - 0.5
            points = np.round(drawn * 16).astype(np.int32).reshape(-1, 1, 2)
            cv2.polylines(image, [points], True, colour, 2, cv2.LINE_AA, shift=4)
        if own:
            text = f"{name}: {len(own)} marker{'s' if len(own) > 1 else ''}"
            at = (10, 26 + 26 * place)
            cv2.putText(image, text, at, cv2.FONT_HERSHEY_SIMPLEX, 0.7, (0, 0, 0), 4, cv2.LINE_AA)
            cv2.putText(image, text, at, cv2.FONT_HERSHEY_SIMPLEX, 0.7, colour, 2, cv2.LINE_AA)
    return encode_jpeg(image, QUALITY)


def _stretch(picture: Picture, markers: Sequence[Any]) -> tuple[int, int, int, int]:
    """Return left, top, right and bottom of what is shown: the markers, with room around them."""
    height, width = picture.shape
    if not markers:
        return 0, 0, width, height
    points = np.concatenate(markers)
    low, high = points.min(axis=0), points.max(axis=0)
    half = np.maximum((high - low) * (0.5 + ROOM), SMALLEST / 2)
    half[1] = max(half[1], half[0] * 0.5)
    middle = (low + high) / 2
    left, top = np.floor(np.maximum(middle - half, 0)).astype(int)
    right, bottom = np.ceil(np.minimum(middle + half, (width, height))).astype(int)
    return int(left), int(top), int(max(right, left + 1)), int(max(bottom, top + 1))
