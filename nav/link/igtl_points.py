"""POINT of OpenIGTLink: named points, such as fiducials."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from nav.core.frames import Array
from nav.link.igtl_fields import expect_multiple, fixed_text, text_of

_POINT = struct.Struct(">64s32s4B4f20s")


@dataclass(frozen=True, eq=False)
class Fiducial:
    """One point of POINT.

    Parameters
    ----------
    name : str
        At most 64 bytes.
    position : ndarray, shape (3,)
        mm.
    group : str
        At most 32 bytes, as "Fiducial".
    rgba : tuple of int
        Colour, 0 to 255.
    diameter : float
        mm; may be 0.
    owner : str
        Image that it belongs to, at most 20 bytes.
    """

    name: str
    position: Array
    group: str = ""
    rgba: tuple[int, int, int, int] = (255, 255, 255, 255)
    diameter: float = 0.0
    owner: str = ""


@dataclass(frozen=True, eq=False)
class Points:
    """POINT: named points.

    Parameters
    ----------
    points : tuple of Fiducial
        In the sender's order.
    """

    points: tuple[Fiducial, ...]
    kind: ClassVar[str] = "POINT"

    def encoded(self) -> bytes:
        """Return its bytes in a message, without header and metadata."""
        return b"".join(
            _POINT.pack(
                fixed_text(one.name, 64), fixed_text(one.group, 32), *one.rgba, *one.position,
                one.diameter, fixed_text(one.owner, 20),
            )
            for one in self.points
        )  # fmt: skip

    @classmethod
    def decode(cls, body: bytes) -> Points:
        """Return the content of a message's bytes.

        Raises
        ------
        BadMessage
            Wrong length, or not text.
        """
        expect_multiple("POINT", body, _POINT.size)
        points = []
        for name, group, r, g, b, a, x, y, z, diameter, owner in _POINT.iter_unpack(body):
            texts = text_of(name), text_of(group), text_of(owner)
            place = np.array((x, y, z))
            points.append(Fiducial(texts[0], place, texts[1], (r, g, b, a), diameter, texts[2]))
        return cls(tuple(points))
