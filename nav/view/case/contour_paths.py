"""Contours as paths that Qt draws quickly, in millimetres, so that zooming needs no new ones."""

from __future__ import annotations

from collections import OrderedDict

import numpy as np
from numpy.typing import NDArray
from PySide6.QtGui import QColor, QPainterPath

from nav.view import sigma_scale
from nav.view.case.contours import CACHED, Contour, Contours
from nav.view.case.planes import Plane

SHADES = 24  # of the scale of sigma, in a slice


def one_path(contour: Contour) -> QPainterPath:
    """Return a contour's lines as one path.

    Parameters
    ----------
    contour : Contour
        In a slice.

    Returns
    -------
    QPainterPath
        Model coordinates along the plane's axes, mm.
    """
    return _path(list(contour.lines), [np.ones(len(line), bool) for line in contour.lines])


def paths_by_sigma(contour: Contour) -> list[tuple[QColor, QPainterPath]]:
    """Return a contour's lines as paths of one colour each, by their standard deviation.

    Parameters
    ----------
    contour : Contour
        In a slice.

    Returns
    -------
    list of tuple (QColor, QPainterPath)
        Model coordinates along the plane's axes, mm.
    """
    if not contour.lines:
        return []
    shades = [_shade((s[1:] + s[:-1]) / 2.0) for s in contour.sigma]
    found = []
    for shade in np.unique(np.concatenate(shades)):
        connect = [np.append(of_line == shade, False) for of_line in shades]
        colour = sigma_scale.colours(_middle_of(int(shade)))
        found.append((QColor(*(int(c) for c in colour)), _path(list(contour.lines), connect)))
    return found


def _shade(sigma: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.minimum((sigma_scale.share(sigma) * SHADES).astype(int), SHADES - 1)


def _middle_of(shade: int) -> float:
    ratio = sigma_scale.HIGHEST / sigma_scale.LOWEST
    return float(sigma_scale.LOWEST * ratio ** ((shade + 0.5) / SHADES))


def _path(lines: list[NDArray[np.float64]], connect: list[NDArray[np.bool_]]) -> QPainterPath:
    from pyqtgraph.functions import arrayToQPath

    if not lines:
        return QPainterPath()
    for joins in connect:
        joins[-1] = False  # not to the next line
    points = np.concatenate(lines)
    joined = np.concatenate(connect).astype(np.int32)
    path: QPainterPath = arrayToQPath(
        np.ascontiguousarray(points[:, 0]), np.ascontiguousarray(points[:, 1]), joined
    )
    return path


class ContourPaths:
    """Paths of a case's contours, cached for the most recent slices.

    Parameters
    ----------
    contours : Contours
        Of the case.
    """

    def __init__(self, contours: Contours) -> None:
        self.contours = contours
        self._kept: OrderedDict[
            tuple[str, str, float, bool], list[tuple[QColor | None, QPainterPath]]
        ] = OrderedDict()

    def paths(
        self, structure: str, plane: Plane, position: float, by_sigma: bool
    ) -> list[tuple[QColor | None, QPainterPath]]:
        """Return a structure's paths in a slice.

        Parameters
        ----------
        structure : str
            Its name.
        plane : Plane
            Of the slice.
        position : float
            Along the plane's normal, mm.
        by_sigma : bool
            Whether a path has the colour of its sigma.

        Returns
        -------
        list of tuple (QColor or None, QPainterPath)
            Model coordinates along the plane's axes, mm; None for the structure's own colour.
        """
        key = (structure, plane.name, position, by_sigma)
        if key not in self._kept:
            contour = self.contours.contour(structure, plane, position)
            paths: list[tuple[QColor | None, QPainterPath]]
            paths = [*paths_by_sigma(contour)] if by_sigma else [(None, one_path(contour))]
            self._kept[key] = paths
        self._kept.move_to_end(key)
        while len(self._kept) > CACHED:
            self._kept.popitem(last=False)
        return self._kept[key]
