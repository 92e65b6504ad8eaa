"""Bright pieces beside a vessel's tube, and the lines through them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from nav.reconstruction.sampling import smoothed
from nav.reconstruction.tube import Tube, resampled_line
from nav.reconstruction.volume import Array, Volume

BRANCH_VOLUME, BRANCH_LENGTH = 25.0, 9.0  # mm^3, mm: a smaller bright remainder is no branch
BRANCH_GAP = 1.0  # mm outside the tube, where a remainder begins
TOUCHES = 2.5  # mm, at which a remainder touches the tube


def bright_pieces(
    part: Volume, distance: NDArray[np.float32], trunk: Tube, soft: float
) -> list[tuple[NDArray[np.bool_], NDArray[np.bool_]]]:
    """Return bright pieces that touch the trunk's tube from outside.

    Parameters
    ----------
    part : Volume
        HU.
    distance : ndarray, shape (nz, ny, nx)
        Signed distance to the nearest fitted bone, mm.
    trunk : Tube
        The artery.
    soft : float
        HU of soft tissue.

    Returns
    -------
    list of tuple
        Of each piece its voxels, and those of them that touch the trunk; bool, shape (nz, ny, nx).
    """
    hu = np.asarray(smoothed(part, 0.35).values, np.float32)
    taken, touching = np.zeros(hu.shape, bool), np.zeros(hu.shape, bool)
    fill_tube(part, trunk, BRANCH_GAP, taken)
    fill_tube(part, trunk, TOUCHES, touching)
    usual = float(np.median(trunk.lumen))
    bright = (hu > soft + 0.6 * (usual - soft)) & (hu < usual + 0.5 * (usual - soft))
    bright &= ~taken & (distance > 0.8)
    pieces, count = ndimage.label(ndimage.binary_opening(bright), np.ones((3, 3, 3)))
    least = BRANCH_VOLUME / float(np.prod(part.spacing))
    found = []
    for number in range(1, count + 1):
        piece = pieces == number
        if piece.sum() >= least and (piece & touching).any():
            found.append((piece, piece & touching))
    return found


def branch_line(
    part: Volume,
    cost: NDArray[np.float32],
    piece: NDArray[np.bool_],
    contact: NDArray[np.bool_],
) -> Array | None:
    """Return the line through a piece from where it touches the trunk to its farthest end.

    Parameters
    ----------
    part : Volume
        The grid.
    cost : ndarray, shape (nz, ny, nx)
        See `travel_cost`.
    piece, contact : ndarray of bool, shape (nz, ny, nx)
        See `bright_pieces`.

    Returns
    -------
    ndarray, shape (n, 3), or None
        Model frame, mm; None where there is none.
    """
    from skimage.graph import MCP_Geometric

    price = np.where(piece, np.maximum(cost, 1.0), -1.0)  # elsewhere closed
    starts = np.argwhere(contact)
    sampling = tuple(part.spacing[::-1])
    reach, _ = MCP_Geometric(price, sampling=sampling).find_costs([tuple(starts[0])])
    far = np.unravel_index(
        int(np.argmax(np.where(np.isfinite(reach) & piece, reach, -1))), piece.shape
    )
    search = MCP_Geometric(price, sampling=sampling)
    back, _ = search.find_costs([tuple(int(k) for k in far)])
    reached = [tuple(s) for s in starts if np.isfinite(back[tuple(s)])]
    if not reached:
        return None
    end = max(reached, key=lambda s: back[s])
    line = part.to_model(np.array(search.traceback(end))[:, ::-1])
    return line if len(line) > 4 else None


def fill_tube(volume: Volume, tube: Tube, margin: float, mask: NDArray[np.bool_]) -> None:
    """Set the voxels within a tube widened by a margin.

    Parameters
    ----------
    volume : Volume
        The grid.
    tube : Tube
        Model frame, mm.
    margin : float
        mm.
    mask : ndarray of bool, shape (nz, ny, nx)
        Changed in place.
    """
    size = np.array(mask.shape[::-1])
    line = resampled_line(tube.centres, 0.4, 0.0)
    radii = np.interp(np.linspace(0, 1, len(line)), np.linspace(0, 1, len(tube.radii)), tube.radii)
    for centre, radius in zip(volume.to_voxel(line), radii + margin, strict=True):
        reach = radius / volume.spacing
        first = np.clip(np.floor(centre - reach).astype(int), 0, size)
        last = np.clip(np.ceil(centre + reach).astype(int) + 1, 0, size)
        if (last <= first).any():
            continue
        x, y, z = (
            (np.arange(a, b) - c) * s
            for a, b, c, s in zip(first, last, centre, volume.spacing, strict=True)
        )
        near = z[:, None, None] ** 2 + y[:, None] ** 2 + x**2 <= radius**2
        mask[first[2] : last[2], first[1] : last[1], first[0] : last[0]] |= near
