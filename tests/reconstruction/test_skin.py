"""Skin of a painted neck: a cylinder with an airway, on a couch."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import RigidTransform

from nav.core.errors import Lost
from nav.reconstruction.chain import Chain, mean_chain
from nav.reconstruction.grey_surface import signed_volume
from nav.reconstruction.neck_region import (
    FACE_Y,
    FACE_Z,
    VOLUME_TOP,
    crop_to_neck,
    neck_region,
)
from nav.reconstruction.prior import load_prior
from nav.reconstruction.skin_surface import SKIN_TOP, SkinSurface, skin_surface
from nav.reconstruction.volume import Volume

RADIUS, SPACING = 60.0, 1.0
MIDDLE = np.array([0.0, -20.0])  # of the cylinder, head's frame, mm
COUCH = 43.5  # mm, y of a plate 3 mm thick that is 2 mm behind the neck


@pytest.fixture(scope="module")
def chain() -> Chain:
    return mean_chain(load_prior(), RigidTransform.identity())


def scan(chain: Chain, half: float = 80.0, couch: bool = True) -> Volume:
    """Return a scan of a cylinder round the chain, along the head's axis."""
    head = neck_region(load_prior(), chain).head_from_model
    low, high = np.array([-half, -100.0, -90.0]), np.array([half, 60.0, 60.0])
    size = np.round((high - low) / SPACING).astype(int)
    z, y, x = np.indices(size[::-1]).reshape(3, -1)
    q = head.apply(low + SPACING * np.column_stack([x, y, z]))
    off = np.hypot(q[:, 0] - MIDDLE[0], q[:, 1] - MIDDLE[1])
    values = -1000.0 + 1040.0 * np.clip(RADIUS - off + 0.5, 0.0, 1.0)
    values[np.hypot(q[:, 0], q[:, 1] + 48.0) < 8.0] = -1000.0
    if couch:
        values[np.abs(q[:, 1] - COUCH) < 1.5] = 100.0
    values += 15.0 * np.random.default_rng(2).standard_normal(len(values))
    grid = np.diag([SPACING, SPACING, SPACING, 1.0])
    grid[:3, 3] = low
    return Volume(values.reshape(size[::-1]).astype(np.float32), grid)


def test_skin_is_closed_faceless_and_where_it_is(chain: Chain) -> None:
    found = skin_surface(scan(chain), load_prior(), chain)
    assert isinstance(found, SkinSurface)
    t = found.triangles
    edges = np.sort(np.vstack([t[:, [0, 1]], t[:, [1, 2]], t[:, [2, 0]]]), axis=1)
    assert (np.unique(edges, axis=0, return_counts=True)[1] == 2).all()
    assert len(t) < 60_000
    assert signed_volume(found.vertices, t) > 0.0
    q = neck_region(load_prior(), chain).head_from_model.apply(found.vertices)
    assert q[:, 2].max() < SKIN_TOP + 0.5
    face = (q[:, 2] > FACE_Z + 1.0) & (q[:, 1] < FACE_Y - 1.0)
    assert not face.any()
    error = np.hypot(q[:, 0] - MIDDLE[0], q[:, 1] - MIDDLE[1]) - RADIUS
    assert error.max() < 1.5  # couch left out
    claimed = found.claimed
    assert claimed.mean() > 0.4
    assert np.abs(error[claimed]).mean() < 0.15
    assert (np.abs(error[claimed]) < 1.96 * found.sigma[claimed]).mean() > 0.93
    assert np.isnan(found.sigma[~claimed]).all()
    # entry regions stay: both sides behind the mastoid, and the nape
    for side in (-1.0, 1.0):
        assert (claimed & (side * q[:, 0] > 50.0) & (np.abs(q[:, 2]) < 10.0)).any()
    assert found.cut_by_view == 0.0


def test_airway_is_filled(chain: Chain) -> None:
    found = skin_surface(scan(chain), load_prior(), chain)
    assert isinstance(found, SkinSurface)
    q = neck_region(load_prior(), chain).head_from_model.apply(found.vertices)
    airway = np.hypot(q[:, 0], q[:, 1] + 48.0) < 9.0
    inner = airway & (q[:, 2] < FACE_Z - 6.0) & (q[:, 2] > q[:, 2].min() + 6.0)
    assert not inner.any()


def test_narrow_view_is_flagged(chain: Chain) -> None:
    volume = scan(chain, half=45.0, couch=False)
    found = skin_surface(volume, load_prior(), chain)
    assert isinstance(found, SkinSurface)
    assert found.cut_by_view > 0.9
    x = volume.to_voxel(found.vertices)[:, 0]
    at_side = np.minimum(x, volume.values.shape[2] - 1 - x) < 1.0
    assert at_side.any()
    assert not found.claimed[at_side].any()


def test_air_alone_is_lost(chain: Chain) -> None:
    volume = scan(chain)
    air = Volume(np.full_like(volume.values, -1000.0), volume.model_from_voxel)
    assert isinstance(skin_surface(air, load_prior(), chain), Lost)


def test_crop_takes_the_face_off(chain: Chain) -> None:
    volume = scan(chain)
    crop = crop_to_neck(volume, load_prior(), chain)
    assert crop.shape_before == volume.values.shape
    assert crop.removed > 0.0
    region = neck_region(load_prior(), chain)
    kept = region.kept_on_grid(crop.volume, VOLUME_TOP)
    assert (crop.volume.values[kept < 0.0] == -1000.0).all()
    corner = crop.volume.to_model([[3, 4, 5]])
    index = np.round(volume.to_voxel(corner)[0]).astype(int)
    if kept[5, 4, 3] >= 0.0:
        assert crop.volume.values[5, 4, 3] == volume.values[tuple(index[::-1])]
    place = np.unravel_index(int(np.argmax(kept)), kept.shape)
    index = np.round(volume.to_voxel(crop.volume.to_model([place[::-1]]))[0]).astype(int)
    assert crop.volume.values[place] == volume.values[tuple(index[::-1])]
