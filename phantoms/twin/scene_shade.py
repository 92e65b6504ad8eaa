"""Light that goes from surfaces to the camera: matt, glossy, and through gel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from phantoms.twin.scene import FILL, KEY, LOOKS, SKY, Lamp, SceneItem
from phantoms.twin.scene_grain import grain
from phantoms.twin.scene_light import reaching
from phantoms.twin.scene_rays import BAND, Hits, Rays, RayScene

Floats = NDArray[np.float32]

VOID = 0.2  # light where there is nothing at all
REFRACTION = 1.35  # of gel
REFLECTED = ((REFRACTION - 1) / (REFRACTION + 1)) ** 2  # straight on; Schlick 1994 at an angle
CLOUD = 0.030  # 1/mm, how fast gel hides what is in it, assumed (gelatin with a little psyllium)
DIM = 0.012  # 1/mm, how fast light fades on its way down into gel, assumed
DEEP = (4, 2, 4)  # samples for what is seen through gel


@dataclass(frozen=True)
class Shading:
    """All that turns hits into light; `bare` is the scene without its gel, `gel` only that."""

    items: tuple[SceneItem, ...]
    bare: RayScene | None
    gel: RayScene | None

    def light(self, rays: Rays, hits: Hits, shares: Floats, lots: Floats) -> Floats:
        """Light (n,) that comes back along rays; shares (n, 3) as `reaching` gives them."""
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
        """Light through a wet surface; milk : what the gel itself sends back, were it opaque."""
        assert self.gel is not None
        onwards = _unit(rays[:, 3:])
        cosine = -np.einsum("ij,ij->i", onwards, hits.normals)
        bent = _refracted(onwards, hits.normals, cosine)
        inner = np.concatenate([hits.points + 0.05 * bent, bent], axis=1)
        way = np.minimum(self.gel.first(inner).way, 400.0)
        seen: Floats | float = VOID
        if self.bare is not None:
            deep = self.bare.first(inner)
            inside = np.minimum(deep.way, way)
            bare_items = tuple(item for item in self.items if item.finish != "gel")
            seen = _surface(bare_items, inner, deep, reaching(self.bare, deep, lots, DEEP))
            seen = seen * np.exp(-DIM * inside)
            way = inside
        clear = np.exp(-CLOUD * way)
        mirror = REFLECTED + (1 - REFLECTED) * (1 - np.clip(cosine, 0, 1)) ** 5
        # the room over a wet surface is about as bright as the sky
        return (1 - mirror) * (clear * seen + (1 - clear) * milk) + mirror * SKY


def _surface(items: Sequence[SceneItem], rays: Rays, hits: Hits, shares: Floats) -> Floats:
    """Light of surfaces that let none through."""
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
    matt = SKY * shares[:, 2]
    shine = np.zeros_like(matt)
    for lamp, share in zip((KEY, FILL), shares.T[:2], strict=True):
        towards, power = _towards(lamp, hits.points)
        facing = np.maximum(np.einsum("ij,ij->i", towards, hits.normals), 0.0) * share * power
        half = np.einsum("ij,ij->i", _unit(towards + back), hits.normals)
        matt += facing
        shine += facing * np.maximum(half, 0.0) ** sharpness
    light = albedo * matt + gloss * shine
    return np.where(hits.item < 0, np.float32(VOID), light).astype(np.float32)


def _towards(lamp: Lamp, points: Floats) -> tuple[Floats, Floats]:
    """Unit directions (n, 3) to a lamp's middle, and its power (n,) there."""
    centre = np.array(lamp.centre, np.float32)
    way = centre - points
    square = np.einsum("ij,ij->i", way, way)
    return way / np.sqrt(square)[:, None], lamp.power * np.float32(centre @ centre) / square


def _refracted(onwards: Floats, normals: Floats, cosine: Floats) -> Floats:
    """Directions within the gel (Snell)."""
    along = 1.0 / REFRACTION
    within = np.sqrt(np.maximum(1.0 - along**2 * (1.0 - cosine**2), 0.0))
    return (along * onwards + (along * cosine - within)[:, None] * normals).astype(np.float32)


def _unit(vectors: Floats) -> Floats:
    return vectors / np.sqrt(np.einsum("ij,ij->i", vectors, vectors))[:, None]
