"""A simulated CT of a printed kit: plastic with infill, gel, water, silicone, air, a couch.

The parts come from the kit's STL files, with a printer's errors (`kit_print`), and lie in the
scanner in an arbitrary pose. Point spread, noise and streaks are those of `scan`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import RigidTransform, Rotation

from nav.core.errors import InputError
from nav.reconstruction.printed.kit import BONES_PART, PrintedKit
from phantoms.anatomy.mesh import Array, Mesh
from phantoms.twin.ct_fill import Grid
from phantoms.twin.kit_paint import KitMaterials, LyingPart, LyingSoft, painted_kit
from phantoms.twin.kit_print import PartMap, PrintErrors, draw_errors, part_map, printed_part
from phantoms.twin.scan_kernel import blurred
from phantoms.twin.scan_parameters import Artefacts, Kernel
from phantoms.twin.scan_projections import projected
from phantoms.twin.scan_values import stored_volume
from phantoms.twin.simulated_ct import MOST_VOXELS, CtVolume

Progress = Callable[[str], None]
STEPS = ("printing", "painting", "blur", "projections", "noise")
MARGIN = 12.0  # mm of air around the phantom
BENT = 25.0  # mm, length over which a tube's or the sac's course deviates
SOFT = ("artery", "cord", "dura", "skin")


@dataclass(frozen=True)
class KitScanParameters:
    """Parameters of a kit's scan.

    Parameters
    ----------
    spacing_mm : tuple of 3 floats
        Of the voxels, mm.
    kernel, artefacts : Kernel and Artefacts
        As of any scan.
    materials : KitMaterials
        CT numbers.
    errors : tuple of (str, PrintErrors)
        Of each part, by name.
    bones : tuple of (str, RigidTransform)
        Extra pose of single bones, about their centres.
    turned_deg : tuple of 3 floats
        Rotation vector of the phantom in the scanner, degrees.
    shift_mm : tuple of 3 floats
        Translation of the phantom in the scanner, mm.
    astray_mm : float
        Standard deviation of tubes, cord and sac from their place in the kit, mm.
    bubbles : int
        Number of air bubbles in the gel.
    couch : bool
        Whether the couch is visible.
    cut_mm : tuple of 2 floats
        How far before the phantom's ends the field of view ends: low and high, along z, mm.
    seed : int
        Of all random numbers.
    """

    spacing_mm: tuple[float, float, float] = (0.6, 0.6, 0.6)
    kernel: Kernel = field(default_factory=Kernel)
    artefacts: Artefacts = field(default_factory=lambda: Artefacts(shoulders=0.0))
    materials: KitMaterials = field(default_factory=KitMaterials)
    errors: tuple[tuple[str, PrintErrors], ...] = ()
    bones: tuple[tuple[str, RigidTransform], ...] = ()
    turned_deg: tuple[float, float, float] = (0.0, 0.0, 0.0)
    shift_mm: tuple[float, float, float] = (0.0, 0.0, 0.0)
    astray_mm: float = 0.4
    bubbles: int = 0
    couch: bool = True
    cut_mm: tuple[float, float] = (0.0, 0.0)
    seed: int = 0


@dataclass(frozen=True)
class TrueSurface:
    """A surface as it lies in the scan.

    Attributes
    ----------
    name, role : str
        Of the structure.
    vertices : ndarray, shape (n, 3)
        Scan frame, mm.
    triangles : ndarray of int, shape (m, 3)
        Vertex indices.
    designed : ndarray, shape (n, 3)
        The same vertices as designed, model frame, mm.
    """

    name: str
    role: str
    vertices: Array
    triangles: NDArray[np.int32]
    designed: Array


@dataclass(frozen=True)
class KitScan:
    """A scan and its ground truth, in the scan's frame.

    Attributes
    ----------
    volume : CtVolume
        CT numbers.
    structures : tuple of TrueSurface
        The case's structures, as they are.
    parts : tuple of TrueSurface
        The printed parts.
    divots : dict of str to ndarray, shape (3,)
        Apexes by label, mm.
    scan_from_model : RigidTransform
        Pose of the phantom.
    parameters : KitScanParameters
        What it was drawn with.
    """

    volume: CtVolume
    structures: tuple[TrueSurface, ...]
    parts: tuple[TrueSurface, ...]
    divots: dict[str, Array]
    scan_from_model: RigidTransform
    parameters: KitScanParameters


def draw_kit_scan(kit: PrintedKit, seed: int, hard: bool = False) -> KitScanParameters:
    """Draw printer, materials, scanner and pose; the same seed gives the same scan.

    Parameters
    ----------
    kit : PrintedKit
        The kit.
    seed : int
        0 or more.
    hard : bool, optional
        Larger errors and more varied scans.

    Returns
    -------
    KitScanParameters
        The parameters.

    Raises
    ------
    InputError
        The seed is below 0.
    """
    if seed < 0:
        raise InputError(f"--seed: expected 0 or more, got {seed}")
    rng = np.random.default_rng([seed, 53])
    errors = tuple((part.name, draw_errors(rng, hard)) for part in kit.parts)
    bones = []
    for s in kit.case.of_role("bone"):
        turn = Rotation.from_rotvec(rng.normal(0.0, np.radians(0.5 if hard else 0.1), 3))
        shift = rng.normal(0.0, 0.3 if hard else 0.05, 3)
        bones.append((s.name, RigidTransform.from_components(shift, turn)))
    step = float(rng.uniform(0.5, 0.9)) if hard else 0.6
    kernel = Kernel("soft", float(rng.uniform(0.4, 0.7)), 0.0, float(rng.uniform(0.6, 1.2)))
    wide = 180.0 if hard else 40.0
    turned = rng.standard_normal(3)
    turned *= rng.uniform(0.0, wide) / np.linalg.norm(turned)
    materials = KitMaterials(
        plastic=float(rng.uniform(90.0, 300.0)),
        gel=float(rng.uniform(0.0, 60.0)),
        wall_mm=float(rng.uniform(1.2, 1.8)),
        infill=float(rng.uniform(0.15, 0.3)),
    )
    return KitScanParameters(
        (step, step, float(rng.uniform(0.5, 1.0)) if hard else 0.6),
        kernel,
        Artefacts(float(rng.uniform(8.0, 25.0 if hard else 15.0)), 0.0, 0, 1.0, 3.0),
        materials,
        errors,
        tuple(bones),
        tuple(turned.tolist()),
        tuple(rng.uniform(-30.0, 30.0, 3).tolist()),
        0.6 if hard else 0.3,
        int(rng.integers(4, 14)),
        bool(rng.random() < 0.7),
        (0.0, 0.0),
        seed,
    )


def simulate_kit_scan(
    kit: PrintedKit, scan: KitScanParameters, progress: Progress | None = None
) -> KitScan:
    """Simulate a CT of a kit.

    Parameters
    ----------
    kit : PrintedKit
        The kit.
    scan : KitScanParameters
        What it is drawn with.
    progress : callable, optional
        Called with each step's name, one of `STEPS`.

    Returns
    -------
    KitScan
        The scan and its ground truth.

    Raises
    ------
    InputError
        The volume would be too large.
    """
    tell = progress or (lambda step: None)
    tell(STEPS[0])
    turn = Rotation.from_rotvec(np.radians(scan.turned_deg))
    pose = RigidTransform.from_components(scan.shift_mm, turn)
    errors, bones = dict(scan.errors), dict(scan.bones)
    maps = {
        part.name: part_map(kit, part, errors.get(part.name, PrintErrors()), bones, scan.seed + k)
        for k, part in enumerate(kit.parts)
    }
    parts, lying = [], []
    for name, made in maps.items():
        printed = printed_part(made)
        vertices = pose.apply(printed.mesh.vertices)
        triangles = printed.mesh.triangles
        parts.append(TrueSurface(name, "part", vertices, triangles, printed.source.vertices))
        scan_from_part = pose * made.part.model_from_part
        lying.append(LyingPart(name, Mesh(vertices, triangles), scan_from_part))
    structures = _structures(kit, maps, scan, pose)
    soft = [
        LyingSoft(s.name, s.role, Mesh(s.vertices, s.triangles))
        for s in structures
        if s.role in SOFT
    ]
    divots = {d.label: pose.apply(maps[d.holder].points(d.apex[None]))[0] for d in kit.divots}
    grid = _grid([p.vertices for p in parts] + [s.mesh.vertices for s in soft], scan)

    def paint(on: Grid) -> NDArray[np.float32]:
        return painted_kit(soft, lying, scan.materials, on, scan.bubbles, scan.couch, scan.seed)

    tell(STEPS[1])
    painted = paint(grid)
    tell(STEPS[2])
    values = blurred(painted, grid.spacing, scan.kernel)
    tell(STEPS[3])
    everything = np.vstack([p.vertices for p in parts])
    low, high = everything.min(axis=0), everything.max(axis=0)
    a = scan.artefacts
    effects = projected(paint, low, high, 0.5 * (low + high), grid, a, np.zeros((0, 3)), scan.seed)
    values += effects.error
    tell(STEPS[4])
    volume = stored_volume(values, grid, a, scan.kernel, effects.level, scan.seed)
    return KitScan(volume, structures, tuple(parts), divots, pose, scan)


def _structures(
    kit: PrintedKit, maps: dict[str, PartMap], scan: KitScanParameters, pose: RigidTransform
) -> tuple[TrueSurface, ...]:
    column = maps[BONES_PART]
    found = []
    for number, s in enumerate(kit.case.structures):
        designed = Mesh(s.surface.vertices, np.asarray(s.surface.triangles, np.int32))
        if s.role in ("bone", "support"):
            vertices = column.surface(designed).vertices
        elif s.role == "cord" and "cord" in maps:
            vertices = maps["cord"].points(designed.vertices)
        else:
            vertices = designed.vertices
            if s.role != "skin":
                vertices = vertices + _astray(vertices, scan, number)
        found.append(
            TrueSurface(s.name, s.role, pose.apply(vertices), designed.triangles, designed.vertices)
        )
    return tuple(found)


def _astray(vertices: Array, scan: KitScanParameters, number: int) -> Array:
    """Return the offset (n, 3) of a soft structure's course, smooth along z."""
    rng = np.random.default_rng([scan.seed, 61, number])
    z = vertices[:, 2] / BENT
    off = np.zeros_like(vertices)
    for order in (1.0, 1.7):
        phase, size = rng.uniform(0.0, 2 * np.pi, 2), rng.normal(0.0, scan.astray_mm, 2)
        off[:, :2] += size * np.sin(order * z[:, None] + phase)
    return off


def _grid(vertices: Sequence[Array], scan: KitScanParameters) -> Grid:
    everything = np.vstack(vertices)
    low, high = everything.min(axis=0) - MARGIN, everything.max(axis=0) + MARGIN
    low[2] += scan.cut_mm[0]
    high[2] -= scan.cut_mm[1]
    spacing = np.array(scan.spacing_mm)
    size = np.ceil((high - low) / spacing).astype(int)
    if (size < 2).any() or np.prod(size.astype(float)) > MOST_VOXELS:
        shown = " x ".join(map(str, size))
        raise InputError(f"scan: {shown} voxels cannot be simulated; take another spacing or cut")
    return Grid(low, spacing, (int(size[0]), int(size[1]), int(size[2])))
