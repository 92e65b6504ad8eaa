"""A simulated camera: the static scene drawn once, moving bodies drawn into each image.

The lens blurs before the pixels integrate, as in a real camera: pixels integrated first would be
wrong by several grey levels along edges that run with rows or columns. So where there is blur, each
pixel is drawn in parts, the parts are blurred, and then averaged.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import RigidTransform, Rotation

from nav.camera.rig import Camera
from nav.core.frames import Array
from nav.core.frameset import Picture
from phantoms.twin.image_window import Window, window_union, windows_overlap
from phantoms.twin.inverse_distortion import DividedRays, corner_rays, divided
from phantoms.twin.raster import draw_rectangle
from phantoms.twin.sensor import Optics
from phantoms.twin.shadow import Backdrop, Shadows, in_frame
from phantoms.twin.simulated_bodies import Placed, Rectangle, faces_far_to_near

BLUR_STEP = 0.5  # px of motion between two instants of the exposure
MAX_BLUR_STEPS = 48
PARTS = 2  # of a pixel's side, where the lens blurs
STRIP = 160  # rows drawn at a time, so that little is drawn where nothing moves
NEAREST = 1.0  # mm before the camera; what is nearer is not drawn


@dataclass(frozen=True)
class SeenFace:
    """A face of a body that a camera sees.

    Attributes
    ----------
    face : Rectangle
        The face.
    window : tuple of 4 ints
        Window that it passes through during the exposure, in parts of pixels.
    steps : int
        Instants of the exposure that are drawn.
    shade : float
        Share of the light that it reflects.
    """

    face: Rectangle
    window: Window
    steps: int
    shade: float


class SimulatedCamera:
    """Makes one camera's images.

    Parameters
    ----------
    camera : Camera
        The camera.
    optics : Optics
        Lens and sensor.
    rng : numpy.random.Generator
        For the noise.
    static : sequence of Placed, optional
        Bodies that do not move, drawn over the backdrop once.
    backdrop : Backdrop, optional
        The static scene; an even grey without.
    """

    def __init__(
        self,
        camera: Camera,
        optics: Optics,
        rng: np.random.Generator,
        static: Sequence[Placed] = (),
        backdrop: Backdrop | None = None,
    ) -> None:
        self.camera, self.optics, self.rng = camera, optics, rng
        self.parts = PARTS if optics.blur > 0.0 else 1
        self.drawn = divided(camera, self.parts)  # what is drawn is in its pixels
        corners = corner_rays(camera)
        self.rays = DividedRays(corners, self.parts)
        self.eye = camera.camera_from_rig.inv().translation
        width, height = camera.size
        light = optics.light(camera.size)
        self.across = self._finer(light[:1])[:1]  # illumination of columns, and of rows
        self.down = self._finer(light[:, :1] - light[0, 0])[:, :1]
        if backdrop is None:
            backdrop = Backdrop(np.full((height, width), 0.45, np.float32), np.zeros((0, 0), "f4"))
        lit = backdrop.lit
        self.shadows = None if lit is None else Shadows(corners, backdrop.depth, lit)
        self.depth = backdrop.depth
        self.faces: tuple[Placed, list[SeenFace]] | None = None
        self.exposed: tuple[Placed, tuple[RigidTransform, RigidTransform]] | None = None
        self.sharp = self._finer(backdrop.light)
        for placed in self._far_to_near(static):
            self._draw(self.sharp, (0, 0), placed)
        self.base = self._lensed(self.sharp, (0, height, 0, width))

    def picture(self, moving: Sequence[Placed] = ()) -> Picture:
        """Return one 8-bit image, (height, width), with the moving bodies in it."""
        return self.optics.digitise(self.light(moving), self.rng)

    def light(self, moving: Sequence[Placed] = ()) -> NDArray[np.float32]:
        """Return the image before response and noise, float32, 1 at albedo 1 in full light."""
        light = self.base.copy()
        for box, group in self._groups(moving):
            window = self._whole(box)  # of the camera's own pixels
            if window[0] < window[1] and window[2] < window[3]:
                self._draw_group(light, window, group)
        return light

    def _draw_group(
        self, light: NDArray[np.float32], window: Window, group: Sequence[Placed]
    ) -> None:
        """Draw bodies and their shadows into the light of a window, where there are any."""
        margin = 2 * self.optics.reach() * self.parts
        boxes = [self._whole(self._window(placed, margin)) for placed in group]
        shade = self._shade_within(window, group)
        for strip in self._strips(window, boxes, shade):
            self._draw_strip(light, window, strip, group, boxes, shade)

    def _strips(
        self, window: Window, boxes: Sequence[Window], shade: NDArray[np.float32] | None
    ) -> Iterator[Window]:
        """Yield parts of a window, side by side, that together hold all bodies and shadows."""
        reach = self.optics.reach()
        shadow = None if shade is None else (shade < 1.0).astype(np.uint8)
        if shadow is not None:  # the lens spreads it farther
            shadow = cv2.dilate(shadow, np.ones((2 * reach + 1, 2 * reach + 1), np.uint8))
        for row in range(window[0], window[1], STRIP):
            row1 = min(row + STRIP, window[1])
            low, high = window[3], window[2]
            for box in boxes:
                if box[0] < row1 and row < box[1]:
                    low, high = min(low, box[2]), max(high, box[3])
            if shadow is not None:
                columns = np.flatnonzero(shadow[row - window[0] : row1 - window[0]].any(axis=0))
                if len(columns):
                    low = min(low, window[2] + int(columns[0]))
                    high = max(high, window[2] + int(columns[-1]) + 1)
            if low < high:
                yield row, row1, max(low, window[2]), min(high, window[3])

    def _draw_strip(
        self,
        light: NDArray[np.float32],
        window: Window,
        strip: Window,
        group: Sequence[Placed],
        boxes: Sequence[Window],
        shade: NDArray[np.float32] | None,
    ) -> None:
        """Draw a part of a window, with as much around it as the lens carries into it."""
        reach, parts = self.optics.reach(), self.parts
        row0, row1 = max(strip[0] - reach, window[0]), min(strip[1] + reach, window[1])
        column0, column1 = max(strip[2] - reach, window[2]), min(strip[3] + reach, window[3])
        around = row0, row1, column0, column1
        rows = slice(row0 * parts, row1 * parts)
        columns = slice(column0 * parts, column1 * parts)
        if shade is None:
            part = self.sharp[rows, columns].copy()
        else:
            down, across = (
                slice(row0 - window[0], row1 - window[0]),
                slice(column0 - window[2], column1 - window[2]),
            )
            part = self.sharp[rows, columns] * self._finer(shade[down, across])
        inside = [p for p, box in zip(group, boxes, strict=True) if windows_overlap(box, around)]
        for placed in self._far_to_near(inside):
            self._draw(part, (rows.start, columns.start), placed)
        lensed = self._lensed(part, around)
        # the rim saw replicated light: within the window it is left as it was
        height, width = light.shape
        top = row0 + (reach if row0 and row0 == window[0] else strip[0] - row0)
        left = column0 + (reach if column0 and column0 == window[2] else strip[2] - column0)
        bottom = row1 - (reach if row1 < height and row1 == window[1] else row1 - strip[1])
        right = column1 - (
            reach if column1 < width and column1 == window[3] else column1 - strip[3]
        )
        light[top:bottom, left:right] = lensed[
            top - row0 : bottom - row0, left - column0 : right - column0
        ]

    def _finer(self, light: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the light of whole pixels in their parts; always a copy."""
        if self.parts == 1:
            return light.copy()
        return cv2.resize(light, None, fx=self.parts, fy=self.parts)

    def _whole(self, window: Window) -> Window:
        """Convert a window of parts to whole pixels."""
        row0, row1, column0, column1 = window
        up = self.parts - 1
        return (
            row0 // self.parts,
            (row1 + up) // self.parts,
            column0 // self.parts,
            (column1 + up) // self.parts,
        )

    def _lensed(self, sharp: NDArray[np.float32], window: Window) -> NDArray[np.float32]:
        """Return the light on whole pixels, of a window, of what was drawn in parts."""
        row0, row1, column0, column1 = window
        across = self.across[:, column0 * self.parts : column1 * self.parts]
        down = self.down[row0 * self.parts : row1 * self.parts]
        soft = self.optics.defocused(sharp * (across + down), self.parts)
        if self.parts == 1:
            return soft
        height, width = soft.shape
        return cv2.resize(
            soft, (width // self.parts, height // self.parts), interpolation=cv2.INTER_AREA
        )

    def _far_to_near(self, placed: Sequence[Placed]) -> list[Placed]:
        return sorted(placed, key=self._distance, reverse=True)

    def _distance(self, placed: Placed) -> float:
        points = [r.outline.mean(axis=0) for r in placed.body.rectangles]
        points += [(start + end) / 2 for start, end, _ in placed.body.shafts]
        return float(np.linalg.norm(placed.rig_from_body.apply(np.mean(points, axis=0)) - self.eye))

    def _shade_within(self, window: Window, group: Sequence[Placed]) -> NDArray[np.float32] | None:
        """Return the share of light that a group's shadow leaves in a window; None for all."""
        capsules = np.concatenate([self._capsules(placed) for placed in group])
        if self.shadows is None or not len(capsules):
            return None
        return self.shadows.left(capsules, window)

    def _capsules(self, placed: Placed) -> Array:
        """Return what casts a body's shadow, at the middle of the exposure, camera frame."""
        camera_from_body = self.camera.camera_from_rig * placed.rig_from_body
        return in_frame(placed.body.casts, camera_from_body.as_matrix())

    def _groups(self, moving: Sequence[Placed]) -> list[tuple[Window, list[Placed]]]:
        """Group bodies whose windows overlap, to be drawn together; the others are alone."""
        groups: list[tuple[Window, list[Placed]]] = []
        for placed in moving:
            members = [placed]
            box = self._window_with_shadow(placed)
            # a window that has grown may come to overlap one that it did not before
            while near := [group for group in groups if windows_overlap(box, group[0])]:
                groups = [group for group in groups if not windows_overlap(box, group[0])]
                for other_box, other in near:
                    members, box = other + members, window_union(box, other_box)
            groups.append((box, members))
        return groups

    def _window_with_shadow(self, placed: Placed) -> Window:
        margin = 2 * self.optics.reach() * self.parts
        box = self._window(placed, margin)
        if self.shadows is None or not placed.body.casts:
            return box
        row0, row1, column0, column1 = self.shadows.window(self._capsules(placed))
        if row0 >= row1:
            return box
        height, width = self.camera.size[1] * self.parts, self.camera.size[0] * self.parts
        shadow = (
            max(row0 * self.parts - margin, 0),
            min(row1 * self.parts + margin, height),
            max(column0 * self.parts - margin, 0),
            min(column1 * self.parts + margin, width),
        )
        return shadow if box[0] >= box[1] or box[2] >= box[3] else window_union(box, shadow)

    def _window(self, placed: Placed, margin: int) -> Window:
        points = [r.outline for r in placed.body.rectangles]
        points += [np.array([start, end]) for start, end, _ in placed.body.shafts]
        body = np.concatenate(points)
        ends = [rig_from_body.apply(body) for rig_from_body in self._ends(placed)]
        return self._bounds(np.concatenate(ends), margin)

    def _ends(self, placed: Placed) -> tuple[RigidTransform, RigidTransform]:
        """Return the poses of a body at the beginning and at the end of the exposure."""
        half = (self.optics.exposure + abs(self.camera.readout)) / 2
        if self.exposed is None or self.exposed[0] is not placed:
            self.exposed = placed, (placed.at(-half), placed.at(half))
        return self.exposed[1]

    def _bounds(self, points: Array, margin: int) -> Window:
        pixels = self.drawn.project(points)
        return self._bounds_of(pixels, self.drawn.from_rig(points)[:, 2] > NEAREST, margin)

    def _bounds_of(self, pixels: Array, in_front: NDArray[np.bool_], margin: int) -> Window:
        """Return the window around those of pixels (n, 2) that are in front of the camera."""
        width, height = self.drawn.size
        if not in_front.any():
            return 0, 0, 0, 0
        pixels = pixels[in_front]
        low = np.floor(pixels.min(axis=0)).astype(int) - margin
        high = np.ceil(pixels.max(axis=0)).astype(int) + margin + 1
        column0, row0 = np.clip(low, 0, [width, height])
        column1, row1 = np.clip(high, 0, [width, height])
        return int(row0), int(row1), int(column0), int(column1)

    def _draw(self, image: NDArray[np.float32], origin: tuple[int, int], placed: Placed) -> None:
        moves: dict[int, Array] = {}
        for face in self._faces_of(placed):
            of_face = face.window
            row0, column0 = max(of_face[0], origin[0]), max(of_face[2], origin[1])
            row1 = min(of_face[1], origin[0] + image.shape[0])
            column1 = min(of_face[3], origin[1] + image.shape[1])
            if row0 >= row1 or column0 >= column1:
                continue
            steps = face.steps
            if self.camera.readout != 0.0 or steps not in moves:
                moves[steps] = self._camera_from_body(placed, row0, row1, steps)
            self._draw_face(image, origin, face, (row0, row1, column0, column1), moves[steps])

    def _faces_of(self, placed: Placed) -> list[SeenFace]:
        """Return the faces of a body that are seen, far to near; kept for its next strip."""
        if self.faces is None or self.faces[0] is not placed:
            self.faces = placed, self._seen_faces(placed)
        return self.faces[1]

    def _seen_faces(self, placed: Placed) -> list[SeenFace]:
        eye = placed.rig_from_body.inv().apply(self.eye)
        faces = [
            face
            for face in faces_far_to_near(placed.body, eye)
            if -face.matrix[:3, 2] @ (eye - face.matrix[:3, 3]) > 0
        ]
        if not faces:
            return []
        outlines = np.concatenate([face.outline for face in faces])
        ends = [rig_from_body.apply(outlines) for rig_from_body in self._ends(placed)]
        points = np.concatenate(ends)
        pixels = self.drawn.project(points).reshape(2, len(faces), 4, 2)
        in_front = (self.drawn.from_rig(points)[:, 2] > NEAREST).reshape(2, len(faces), 4)
        ways = np.abs(pixels[1] - pixels[0]).max(axis=(1, 2))
        facing = placed.rig_from_body.rotation.as_matrix()
        return [
            SeenFace(
                face,
                self._bounds_of(pixels[:, n].reshape(-1, 2), in_front[:, n].reshape(-1), margin=1),
                int(np.clip(np.ceil(ways[n] / (BLUR_STEP * self.parts)), 1, MAX_BLUR_STEPS)),
                self._shade(-(facing @ face.matrix[:3, :3])[:, 2]),
            )
            for n, face in enumerate(faces)
        ]

    def _draw_face(
        self,
        image: NDArray[np.float32],
        origin: tuple[int, int],
        face: SeenFace,
        window: Window,
        camera_from_body: Array,
    ) -> None:
        camera_from_plane = camera_from_body @ face.face.matrix
        homographies = np.asarray(np.linalg.inv(camera_from_plane[..., :3, [0, 1, 3]]), float)
        draw_rectangle(
            image,
            self.rays.within(window),
            self.depth,
            window,
            origin,
            homographies,
            face.face.x_edges,
            face.face.y_edges,
            face.face.albedo * face.shade,
            self.parts,
        )

    def _shade(self, normal: Array) -> float:
        """Return the light on a face from a lamp beside the cameras (Lambert, half ambient)."""
        towards = -self.camera.rotation[2]
        return 0.5 + 0.5 * max(0.0, float(normal @ towards))

    def _camera_from_body(self, placed: Placed, row0: int, row1: int, steps: int) -> Array:
        """Return (steps, rows, 4, 4) for the exposure's instants and, if rolling, each row."""
        camera_from_rig = self.camera.camera_from_rig.as_matrix()
        if not placed.velocity.any():
            return (camera_from_rig @ placed.rig_from_body.as_matrix())[None, None]
        instants = ((np.arange(steps) + 0.5) / steps - 0.5) * self.optics.exposure
        rows = np.zeros(1)
        if self.camera.readout != 0.0:
            rows = (np.arange(row0, row1) + 0.5) / self.drawn.size[1] - 0.5
        seconds = instants[:, None] + rows * self.camera.readout
        moves = placed.velocity * seconds[..., None]
        turned = Rotation.from_rotvec(moves[..., 3:].reshape(-1, 3)).as_matrix()
        perturbation = np.zeros((*seconds.shape, 4, 4))
        perturbation[..., :3, :3] = turned.reshape(*seconds.shape, 3, 3)
        perturbation[..., :3, 3] = moves[..., :3]
        perturbation[..., 3, 3] = 1.0
        return camera_from_rig @ perturbation @ placed.rig_from_body.as_matrix()
