"""Light from surfaces to the camera: matt, glossy, and through gel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from phantoms.twin.scene_grain import grain
from phantoms.twin.scene_light import reaching
from phantoms.twin.scene_rays import BAND, Hits, Rays, RayScene
from phantoms.twin.simulated_room import FILL, KEY, LOOKS, SKY, Lamp, SceneItem

Floats = NDArray[np.float32]

NOTHING = np.array([0.2, 0.0, 0.0], np.float32)  # light where there is nothing at all
REFRACTION = 1.35  # of gel
REFLECTED = ((REFRACTION - 1) / (REFRACTION + 1)) ** 2  # straight on; Schlick 1994 at an angle
CLOUD = 0.030  # 1/mm, how fast gel hides what is in it, assumed (gelatin with a little psyllium)
DIM = 0.012  # 1/mm, how fast light fades on its way down into gel, assumed
DEEP = (4, 2, 4)  # samples for what is seen through gel


@dataclass(frozen=True)
class Shading:
    """Computes the light of hits.

    Attributes
    ----------
    items : tuple of SceneItem
        The whole scene.
    bare : RayScene or None
        The scene without its gel.
    gel : RayScene or None
        Only the gel.
    """

    items: tuple[SceneItem, ...]
    bare: RayScene | None
    gel: RayScene | None

    def light(self, rays: Rays, hits: Hits, shares: Floats, lots: Floats) -> Floats:
        """Compute the light that returns along rays.

        Parameters
        ----------
        rays : ndarray of float32, shape (n, 6)
            Origin and direction.
        hits : Hits
            Their first hits.
        shares : ndarray of float32, shape (n, 3)
            As from `reaching`.
        lots : ndarray of float32, shape (n, 2)
            0 to 1: decorrelates the samples of neighbours.

        Returns
        -------
        ndarray of float32, shape (n, 3)
            All of the light, that of the key lamp and that of the fill lamp.
        """
        bands = [slice(k, k + BAND) for k in range(0, max(len(rays), 1), BAND)]
        return np.concatenate([self._light(rays[b], hits.of(b), shares[b], lots[b]) for b in bands])

    def _light(self, rays: Rays, hits: Hits, shares: Floats, lots: Floats) -> Floats:
        light = _surface(self.items, rays, hits, shares)
        if self.gel is None:
            return light
        is_gel = np.array([item.finish == "gel" for item in self.items])
        through = np.flatnonzero((hits.item >= 0) & is_gel[hits.item])
        if len(through):
            light[through] = self._through(
                rays[through], hits.of(through), light[through], lots[through]
            )
        return light

    def _through(self, rays: Rays, hits: Hits, milk: Floats, lots: Floats) -> Floats:
        """Return light through a wet surface; `milk` is what the gel would return if opaque."""
        assert self.gel is not None
        onwards = _unit(rays[:, 3:])
        cosine = -np.einsum("ij,ij->i", onwards, hits.normals)
        bent = _refracted(onwards, hits.normals, cosine)
        inner = np.concatenate([hits.points + 0.05 * bent, bent], axis=1)
        way = np.minimum(self.gel.first(inner).way, 400.0)
        seen = np.broadcast_to(NOTHING, (len(rays), 3))
        if self.bare is not None:
            deep = self.bare.first(inner)
            inside = np.minimum(deep.way, way)
            bare_items = tuple(item for item in self.items if item.finish != "gel")
            seen = _surface(bare_items, inner, deep, reaching(self.bare, deep, lots, DEEP))
            seen = seen * np.exp(-DIM * inside)[:, None]
            way = inside
        clear = np.exp(-CLOUD * way)[:, None]
        mirror = (REFLECTED + (1 - REFLECTED) * (1 - np.clip(cosine, 0, 1)) ** 5)[:, None]
        # the room over a wet surface is about as bright as the sky
        room = np.array([SKY, 0.0, 0.0], np.float32)
        return (1 - mirror) * (clear * seen + (1 - clear) * milk) + mirror * room


def _surface(items: Sequence[SceneItem], rays: Rays, hits: Hits, shares: Floats) -> Floats:
    """Return the light (n, 3) of opaque surfaces, as `Shading.light` does."""
    looks = [LOOKS[item.finish] for item in items]
    albedo, gloss, sharpness, rough = (
        np.array(values, np.float32)[hits.item]
        for values in (
            [item.albedo for item in items],
            [look.gloss for look in looks],
            [look.sharpness for look in looks],
            [look.grain for look in looks],
        )
    )
    scales = np.array([look.scale for look in looks], np.float32)[hits.item]
    albedo = albedo * (1.0 + rough * grain(hits.points, scales))
    back = -_unit(rays[:, 3:])
    light = np.zeros((len(albedo), 3), np.float32)
    for channel, lamp in enumerate((KEY, FILL), start=1):
        towards, power = _towards(lamp, hits.points)
        facing = np.maximum(np.einsum("ij,ij->i", towards, hits.normals), 0.0) * power
        half = np.einsum("ij,ij->i", _unit(towards + back), hits.normals)
        shine = gloss * np.maximum(half, 0.0) ** sharpness
        light[:, channel] = facing * shares[:, channel - 1] * (albedo + shine)
    light[:, 0] = albedo * SKY * shares[:, 2] + light[:, 1] + light[:, 2]
    light[hits.item < 0] = NOTHING
    return light


def _towards(lamp: Lamp, points: Floats) -> tuple[Floats, Floats]:
    """Return unit directions (n, 3) to a lamp's centre, and its power (n,) there."""
    centre = np.array(lamp.centre, np.float32)
    way = centre - points
    square = np.einsum("ij,ij->i", way, way)
    return way / np.sqrt(square)[:, None], lamp.power * np.float32(centre @ centre) / square


def _refracted(onwards: Floats, normals: Floats, cosine: Floats) -> Floats:
    """Return directions within the gel (Snell)."""
    along = 1.0 / REFRACTION
    within = np.sqrt(np.maximum(1.0 - along**2 * (1.0 - cosine**2), 0.0))
    return (along * onwards + (along * cosine - within)[:, None] * normals).astype(np.float32)


def _unit(vectors: Floats) -> Floats:
    return vectors / np.sqrt(np.einsum("ij,ij->i", vectors, vectors))[:, None]
