"""Make the shape prior that `nav.reconstruction` fits to scans.

Draws random necks of the parametric anatomy, brings one template surface of each bone into
correspondence with all of them (affine, then smoothly deformed), and writes the mean surfaces, the
modes of variation that the bones share, the joints' mean poses with their spread, and the places
where the arteries pass: nav/reconstruction/data/shape_prior.npz. Takes about half an hour on two
processors; the same arguments give the same file.

    python scripts/shape_prior.py --necks 58

The seeds begin at 5000: tests and benchmarks draw theirs below 1000.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyvista as pv
from numpy.typing import NDArray
from rich.progress import track
from scipy import sparse
from scipy.sparse.linalg import splu
from scipy.spatial import cKDTree
from scipy.spatial.transform import RigidTransform, Rotation

from nav.core.frames import Array
from nav.reconstruction.chain import vertex_normals
from nav.reconstruction.prior import PARENT, SIDES, STATIONS
from phantoms.anatomy.artery_models import vessels
from phantoms.anatomy.draw import random_parameters
from phantoms.anatomy.mesh import Mesh, mesh_solid
from phantoms.anatomy.parameters import AnatomyParameters
from phantoms.anatomy.standard_neck import BONES, _bone
from phantoms.anatomy.validate_neck import check_possible

FIRST_SEED = 5000
SPACING = 1.2  # mm, of the bones' meshes
TRIANGLES = 3600  # of a template
MODES = 20
NORMAL_WEIGHT = 4.0  # mm per unit of difference between normals, in the search for nearest points
AFFINE_STEPS = 25
STIFFNESS = (30.0, 10.0, 5.0, 2.0, 1.0, 0.5, 0.5, 0.3, 0.3, 0.3)
NEAREST = 16  # vertices that a station follows
# What patients vary by beside the anatomy's own spread, chosen: translation, mm, rotation, degrees
SLACK = {
    "C1": (1.5, 1.5, 1.5, 8.0, 5.0, 15.0),
    "occiput": (1.5, 1.5, 1.5, 8.0, 4.0, 4.0),
    "C3": (1.0, 1.0, 1.0, 7.0, 4.0, 4.0),
    "C4": (1.0, 1.0, 1.0, 7.0, 4.0, 4.0),
    "C5": (1.0, 1.0, 1.0, 7.0, 4.0, 4.0),
}
OUTPUT = Path(__file__).parents[1] / "nav" / "reconstruction" / "data" / "shape_prior.npz"


@dataclass(frozen=True)
class Neck:
    """A random neck.

    Attributes
    ----------
    bones : dict of str to Mesh
        In their own frames, mm.
    poses : dict of str to RigidTransform
        model_from_bone, mm.
    arteries : dict of str to ndarray, shape (n, 3)
        The trunks' centre lines by side, model frame, mm.
    """

    bones: dict[str, Mesh]
    poses: dict[str, RigidTransform]
    arteries: dict[str, Array]


def make_neck(p: AnatomyParameters) -> Neck:
    """Build one neck's bones and arteries.

    Parameters
    ----------
    p : AnatomyParameters
        The neck.

    Returns
    -------
    Neck
        Its bones, poses and arteries.

    Raises
    ------
    InputError
        The neck is impossible: which parameter, and why.
    """
    poses = check_possible(p)
    bones = {}
    for name in BONES:
        solid, (low, high) = _bone(p, poses, name)
        bones[name] = mesh_solid(solid, low, high, SPACING)
    arteries = {v.side: v.line for v in vessels(p, poses) if not v.joins}
    return Neck(bones, {name: poses.of(name) for name in BONES}, arteries)


def correspond(template: Mesh, target: Mesh) -> Array:
    """Move the template's vertices onto a target's surface: affine, then smoothly deformed.

    Parameters
    ----------
    template, target : Mesh
        The same bone of two necks, its own frame, mm.

    Returns
    -------
    ndarray, shape (n, 3)
        The template's vertices on the target, mm.
    """
    points, normals = _dense(target)
    tree = cKDTree(np.hstack([points, NORMAL_WEIGHT * normals]))
    vertices, triangles = template.vertices.copy(), template.triangles
    low, high = target.vertices.min(axis=0), target.vertices.max(axis=0)
    size = vertices.max(axis=0) - vertices.min(axis=0)
    vertices = vertices * (high - low) / size
    vertices += (high + low) / 2 - (vertices.max(axis=0) + vertices.min(axis=0)) / 2
    for _ in range(AFFINE_STEPS):
        nearest, distance = _nearest(tree, vertices, triangles)
        keep = distance < np.quantile(distance, 0.9)
        design = np.hstack([vertices, np.ones((len(vertices), 1))])
        solution = np.linalg.lstsq(design[keep], points[nearest[keep]], rcond=None)[0]
        vertices = design @ solution
    laplacian = _laplacian(len(vertices), triangles)
    bending = (laplacian @ laplacian).tocsc()
    eye = sparse.eye(len(vertices), format="csc")
    for stiffness in STIFFNESS:
        nearest, distance = _nearest(tree, vertices, triangles)
        off = points[nearest] - vertices
        along = np.einsum("ij,ij->i", off, normals[nearest])[:, None] * normals[nearest]
        weight = np.exp(-((distance / 3.0) ** 2))
        system = sparse.diags(weight) + 0.05 * stiffness * bending + 1e-6 * eye
        solver = splu(system.tocsc())
        vertices = vertices + np.column_stack(
            [solver.solve(weight * along[:, k]) for k in range(3)]
        )
    nearest, _ = _nearest(tree, vertices, triangles)
    off = np.einsum("ij,ij->i", points[nearest] - vertices, normals[nearest])
    return vertices + off[:, None] * normals[nearest]


def _nearest(
    tree: cKDTree, vertices: Array, triangles: NDArray[np.int32]
) -> tuple[NDArray[np.intp], Array]:
    normals = vertex_normals(vertices, triangles)
    distance, index = tree.query(np.hstack([vertices, NORMAL_WEIGHT * normals]))
    return index, distance


def _dense(mesh: Mesh) -> tuple[Array, Array]:
    """Return vertices and triangle centres with their normals."""
    a, b, c = (mesh.vertices[mesh.triangles[:, k]] for k in range(3))
    across = np.cross(b - a, c - a)
    across /= np.maximum(np.linalg.norm(across, axis=1), 1e-12)[:, None]
    normals = vertex_normals(mesh.vertices, mesh.triangles)
    return np.vstack([mesh.vertices, (a + b + c) / 3]), np.vstack([normals, across])


def _laplacian(count: int, triangles: NDArray[np.int32]) -> sparse.csr_matrix:
    pairs = np.vstack([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    pairs = np.unique(np.sort(pairs, axis=1), axis=0)
    ones = np.ones(len(pairs))
    adjacency = sparse.coo_matrix((ones, (pairs[:, 0], pairs[:, 1])), (count, count))
    adjacency = (adjacency + adjacency.T).tocsr()
    return sparse.diags(np.asarray(adjacency.sum(axis=1)).ravel()) - adjacency


def _template(mesh: Mesh) -> Mesh:
    polydata = pv.make_tri_mesh(mesh.vertices, mesh.triangles)
    less = polydata.decimate(
        max(0.0, 1 - TRIANGLES / len(mesh.triangles)), volume_preservation=True
    )
    return Mesh(np.asarray(less.points, float), less.faces.reshape(-1, 4)[:, 1:].astype(np.int32))


def shape_arrays(templates: dict[str, Mesh], shapes: dict[str, Array]) -> dict[str, NDArray]:
    """Return means and modes of all bones.

    Parameters
    ----------
    templates : dict of str to Mesh
        By bone; give the triangles.
    shapes : dict of str to ndarray, shape (necks, n, 3)
        Corresponding vertices by bone, its own frame, mm.

    Returns
    -------
    dict of str to ndarray
        NAME_mean, NAME_triangles, NAME_modes (in units of NAME_scale) and NAME_scale of each bone;
        C5 is a copy of C4.
    """
    count = len(shapes["C1"])
    flat = np.hstack([shapes[name].reshape(count, -1) for name in BONES])
    mean = flat.mean(axis=0)
    _, size, modes = np.linalg.svd(flat - mean, full_matrices=False)
    modes = (size[:MODES, None] / np.sqrt(count - 1)) * modes[:MODES]
    arrays: dict[str, NDArray] = {}
    place = 0
    for name in BONES:
        n = shapes[name].shape[1]
        own = modes[:, place : place + 3 * n].reshape(-1, n, 3)
        scale = float(np.abs(own).max()) / 127.0
        # C5 is like C4
        for copy in (name, "C5") if name == "C4" else (name,):
            arrays[f"{copy}_mean"] = mean[place : place + 3 * n].reshape(n, 3).astype(np.float32)
            arrays[f"{copy}_triangles"] = templates[name].triangles.astype(np.int16)
            arrays[f"{copy}_modes"] = np.rint(own / scale).astype(np.int8)
            arrays[f"{copy}_scale"] = np.float32(scale)
        place += 3 * n
    return arrays


def joint_arrays(necks: list[Neck]) -> dict[str, NDArray]:
    """Return the joints' mean poses and their spread.

    Parameters
    ----------
    necks : list of Neck
        With their poses.

    Returns
    -------
    dict of str to ndarray
        CHILD_on_PARENT, shape (4, 4), parent_from_child, mm, and CHILD_on_PARENT_sd, shape (6,),
        mm and radians, SLACK included.
    """
    arrays: dict[str, NDArray] = {}
    for child, parent in PARENT.items():
        one, other = ("C4", "C3") if child == "C5" else (child, parent)
        relative = [n.poses[other].inv() * n.poses[one] for n in necks]
        shift = np.array([r.translation for r in relative])
        turns = Rotation.concatenate([r.rotation for r in relative])
        mean = turns.mean()
        spread = (turns * mean.inv()).as_rotvec()
        own = np.r_[shift.std(axis=0), spread.std(axis=0)]
        slack = np.r_[SLACK[child][:3], np.radians(SLACK[child][3:])]
        pose = RigidTransform.from_components(shift.mean(axis=0), mean)
        arrays[f"{child}_on_{parent}"] = pose.as_matrix().astype(np.float32)
        arrays[f"{child}_on_{parent}_sd"] = np.hypot(own, slack).astype(np.float32)
    return arrays


def station_arrays(necks: list[Neck], shapes: dict[str, Array]) -> dict[str, NDArray]:
    """Return where the arteries pass, tied to the bones' vertices.

    Parameters
    ----------
    necks : list of Neck
        With their arteries.
    shapes : dict of str to ndarray, shape (necks, n, 3)
        Corresponding vertices by bone, its own frame, mm.

    Returns
    -------
    dict of str to ndarray
        For each artery_SIDE_STATION the indices of the NEAREST vertices, the mean offset of the
        artery from their mean, and its sd; the bone's frame, mm.
    """
    arrays: dict[str, NDArray] = {}
    for side in SIDES:
        places = [_stations(neck, side) for neck in necks]
        for station, bone in STATIONS.items():
            kept = [i for i, p in enumerate(places) if station in p]
            at = np.array([places[i][station] for i in kept])
            mean_shape = shapes[bone].mean(axis=0)
            off = np.linalg.norm(mean_shape - at.mean(axis=0), axis=1)
            index = np.argsort(off)[:NEAREST]
            offset = at - shapes[bone][kept][:, index].mean(axis=1)
            key = f"artery_{side}_{station}"
            arrays[f"{key}_vertices"] = index.astype(np.int16)
            arrays[f"{key}_offset"] = offset.mean(axis=0).astype(np.float32)
            arrays[f"{key}_sd"] = offset.std(axis=0).astype(np.float32)
    return arrays


def _stations(neck: Neck, side: str) -> dict[str, Array]:
    """Return the stations (3,) of one artery, each in its bone's frame."""
    line, sign = neck.arteries[side], 1.0 if side == "left" else -1.0
    own = {name: neck.poses[name].inv().apply(line) for name in ("C1", "C2", "C3", "C4")}
    places = {b: own[b][np.argmin(np.abs(own[b][:, 2]))] for b in ("C4", "C3")}
    c1, c2 = own["C1"], own["C2"]
    lateral = int(np.argmax(np.abs(c1[:, 0])))
    regular = abs(c1[lateral, 0]) > 20.0 and abs(c1[lateral, 2]) < 12.0
    below = slice(0, lateral if regular else len(line) // 2)
    places["C2low"] = c2[below][np.argmin(np.abs(c2[below][:, 2] - 2.0))]
    exit_ = np.array([sign * 20.4, -17.6, 10.8])
    places["C2out"] = c2[below][np.argmin(np.linalg.norm(c2[below] - exit_, axis=1))]
    if regular:
        aside = np.abs(c1[:, 0]) >= 0.85 * abs(c1[lateral, 0])
        foramen = int(np.argmin(np.abs(c1[:, 2] + 3.0) + np.where(aside, 0.0, 100.0)))
        places["C1"] = c1[foramen]
        places["groove"] = c1[foramen:][np.argmax(c1[foramen:, 1])]
        places["pierce"] = c1[-1]
    return places


def main() -> None:
    """Make the file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--necks", type=int, default=58)
    parser.add_argument("--output", type=Path, default=OUTPUT)
    options = parser.parse_args()
    templates = {n: _template(m) for n, m in make_neck(AnatomyParameters()).bones.items()}
    necks: list[Neck] = []
    shapes: dict[str, list[Array]] = {name: [] for name in BONES}
    for seed in track(range(FIRST_SEED, FIRST_SEED + options.necks), "necks"):
        neck = make_neck(random_parameters(seed))
        necks.append(neck)
        for name in BONES:
            shapes[name].append(correspond(templates[name], neck.bones[name]))
    arrays = {name: np.array(all_) for name, all_ in shapes.items()}
    np.savez_compressed(
        options.output,
        **shape_arrays(templates, arrays),
        **joint_arrays(necks),
        **station_arrays(necks, arrays),
    )
    print(f"{options.output}: {options.output.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
