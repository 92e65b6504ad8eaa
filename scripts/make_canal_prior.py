"""Make nav/reconstruction/data/canal_prior.npz: cord and dura by the bones round them.

Random necks of the parametric anatomy (seeds from 5000, which no test uses) are unbent to the mean
chain of the shape prior; radii of cord and dura about the canal's axis are regressed on measures
of the bony canal (ridge, its strength by leave-one-out); the leave-one-out residuals' principal
modes, with their spread, are the prior about the regression. With --necks, necks that were made
before are read: <seed>.npz with C1_v, C1_t, C1_pose, ..., cord_v, cord_t, dura_v, dura_t.

    python scripts/make_canal_prior.py [--count 64] [--necks DIRECTORY] [--output FILE]
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from scipy.spatial.transform import RigidTransform

from nav.reconstruction.canal_frame import BONES, PolarGrid, canal_frame, hits
from nav.reconstruction.canal_prior import canal_features, feature_sd, unbent_poses
from nav.reconstruction.prior import load_prior

FIRST_SEED = 5000
HEIGHTS = np.arange(-50.0, 24.5, 1.0)  # mm, unbent frame
COUNT = 40  # angles
MODES = 30
OCCIPUT_OVER_C1 = 14.0  # mm: where the sac follows the skull alone
RIDGE = np.geomspace(1.0, 1000.0, 13)


def neck_of(seed: int, directory: Path | None) -> dict[str, np.ndarray] | None:
    """Return a neck's surfaces and poses.

    Parameters
    ----------
    seed : int
        Of the random neck.
    directory : Path or None
        Of necks that were made before; the neck is made now where None.

    Returns
    -------
    dict of str to ndarray or None
        NAME_v, shape (n, 3), and NAME_t, shape (m, 3), of each structure, mm; of bones in their
        own frames, with NAME_pose, shape (4, 4), model_from_bone. None if the directory lacks it.
    """
    if directory is not None:
        path = directory / f"{seed}.npz"
        if not path.exists():
            return None
        with np.load(path) as data:
            return {name: data[name] for name in data.files}
    from phantoms.anatomy.bone_poses import bone_poses
    from phantoms.anatomy.draw import random_parameters
    from phantoms.anatomy.standard_neck import standard_anatomy

    parameters = random_parameters(seed)
    anatomy, poses = standard_anatomy(parameters), bone_poses(parameters)
    neck = {}
    for name in (*BONES, "cord", "dura"):
        mesh = anatomy.structure(name).mesh
        vertices = mesh.vertices
        if name in BONES:
            pose = poses.of(name)
            neck[f"{name}_pose"] = pose.as_matrix()
            vertices = pose.inv().apply(vertices)
        neck[f"{name}_v"], neck[f"{name}_t"] = vertices, mesh.triangles
    return neck


def filled(radii: np.ndarray) -> np.ndarray:
    """Continue radii beyond where the surface ends, from the nearest ring.

    Parameters
    ----------
    radii : ndarray, shape (k, count)
        By height and angle, mm; rings that are not finite are replaced.

    Returns
    -------
    ndarray, shape (k, count)
        mm.
    """
    good = np.flatnonzero(np.isfinite(radii).all(axis=1))
    nearest = good[np.abs(np.arange(len(radii))[:, None] - good).argmin(axis=1)]
    return radii[nearest]


def ridge(x: np.ndarray, y: np.ndarray, strength: float) -> tuple[np.ndarray, np.ndarray]:
    """Fit a ridge regression and its leave-one-out residuals.

    Parameters
    ----------
    x : ndarray, shape (n, f)
        Centred features.
    y : ndarray, shape (n, m)
        Centred values.
    strength : float
        Of the penalty.

    Returns
    -------
    slope : ndarray, shape (f, m)
        Coefficients.
    residuals : ndarray, shape (n, m)
        Leave-one-out residuals.
    """
    gram = np.linalg.inv(x.T @ x + strength * np.eye(x.shape[1]))
    slope = gram @ x.T @ y
    leverage = np.einsum("ij,jk,ik->i", x, gram, x) + 1.0 / len(x)
    return slope, (y - x @ slope) / (1.0 - leverage)[:, None]


def main() -> None:
    """Make the file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=64)
    parser.add_argument("--necks", type=Path)
    parser.add_argument(
        "--output", type=Path, default=Path("nav/reconstruction/data/canal_prior.npz")
    )
    options = parser.parse_args()
    seeds = range(FIRST_SEED, FIRST_SEED + options.count)
    made = (neck_of(seed, options.necks) for seed in seeds)
    necks = [neck for neck in made if neck is not None]

    prior = load_prior()
    # the anatomy's frame, as C2 lies in it on average
    roots = RigidTransform.from_matrix(np.array([neck["C2_pose"] for neck in necks]))
    root = roots.mean()
    unbent = unbent_poses(prior, root)
    stations = np.array([unbent[name].translation[2] for name in BONES])
    stations[0] = stations[1] + OCCIPUT_OVER_C1

    frames, poses = [], []
    for neck in necks:
        pose = {name: RigidTransform.from_matrix(neck[f"{name}_pose"]) for name in BONES}
        poses.append(pose)
        frames.append(canal_frame(pose, unbent, stations))
    straight = [
        {name: frame.to_unbent(neck[f"{name}_v"]) for name in ("cord", "dura")}
        for neck, frame in zip(necks, frames, strict=True)
    ]
    axis = np.mean([_middles(s["cord"]) for s in straight], axis=0)
    grid = PolarGrid(HEIGHTS, axis, COUNT)
    starts, directions = grid.rays()
    radii = []
    for neck, surfaces in zip(necks, straight, strict=True):
        both = [
            hits(surfaces[name], neck[f"{name}_t"], starts, directions) for name in ("cord", "dura")
        ]
        radii.append(np.stack([filled(np.where(np.isfinite(r), r, np.nan)) for r in both]))
    features = np.array(
        [
            canal_features(
                grid, unbent, pose, {n: (neck[f"{n}_v"], neck[f"{n}_t"]) for n in BONES[1:]}
            )
            for neck, pose in zip(necks, poses, strict=True)
        ]
    )
    y = np.array(radii)
    mean = y.mean(axis=0)
    flat = (y - mean).reshape(len(y), -1)
    centre, sd = features.mean(axis=0), np.hypot(features.std(axis=0), feature_sd())
    x = (features - centre) / sd
    strength = min(RIDGE, key=lambda s: float((ridge(x, flat, s)[1] ** 2).mean()))
    slope, left = ridge(x, flat, strength)
    # modes span what the regression predicts, and its residuals
    _, _, modes = np.linalg.svd(np.vstack([left, x @ slope]), full_matrices=False)
    modes = modes[:MODES]
    weights = left @ modes.T
    scatter = weights.T @ weights / len(weights)
    values, turn = np.linalg.eigh(scatter)
    order = np.argsort(values)[::-1]
    modes = turn[:, order].T @ modes
    spread = np.sqrt(values[order])
    rest = np.sqrt(((left - left @ modes.T @ modes) ** 2).mean(axis=0)).reshape(mean.shape)
    shaped = modes.reshape(-1, *mean.shape)
    c4 = np.concatenate(
        [unbent["C4"].apply(neck["C4_v"])[:, 2].min(keepdims=True) for neck in necks]
    )
    hole = stations[0]
    scale = float(np.abs(shaped).max() / 32000)
    np.savez_compressed(
        options.output,
        heights=HEIGHTS,
        axis=axis,
        unbent_from_root=root.as_matrix(),
        stations=stations,
        mean=mean.astype(np.float32),
        features_mean=centre,
        features_sd=sd,
        slope=(slope @ modes.T).astype(np.float32),
        modes=np.round(shaped / scale).astype(np.int16),
        modes_scale=scale,
        spread=spread,
        rest=rest.astype(np.float32),
        ends=np.array([c4.mean(), hole]),
    )
    size = options.output.stat().st_size / 1e3
    print(f"{len(necks)} necks, ridge {strength:.3g}, {size:.0f} kB -> {options.output}")
    for i, name in enumerate(("cord", "dura")):
        rms = [np.sqrt((v.reshape(y.shape)[:, i] ** 2).mean()) for v in (flat, left)]
        print(
            f"  {name}: radius varies by {rms[0]:.2f} mm rms, by {rms[1]:.2f} about the"
            f" regression (leave one out), {np.sqrt((rest[i] ** 2).mean()):.2f} outside the modes"
        )


def _middles(vertices: np.ndarray) -> np.ndarray:
    """Return y of a tube's middle at HEIGHTS, by rings of its vertices, mm."""
    z = vertices[:, 2]
    at = []
    for height in HEIGHTS:
        near = vertices[np.abs(z - np.clip(height, z.min() + 1.0, z.max() - 1.0)) < 1.2]
        at.append(0.5 * (near[:, 1].min() + near[:, 1].max()))
    return np.array(at)


if __name__ == "__main__":
    main()
