"""A picture of points touched on bone: where they are, and how far off each is."""

from pathlib import Path

import numpy as np

from nav.core.filekinds import PNG_METADATA
from nav.core.frames import Array
from nav.core.outputs import written_whole
from nav.registration.prepared_surface import PreparedSurface
from nav.registration.surface_registration import SurfaceRegistration

LIMIT = 3.0  # sd: residuals with the strongest colours
# title, axes across and up with their signs, axis towards the viewer with its sign
VIEWS = (
    ("from behind", (0, -1.0), (2, 1.0), (1, 1.0)),
    ("from the left", (1, 1.0), (2, 1.0), (0, 1.0)),
    ("from above", (0, -1.0), (1, -1.0), (2, 1.0)),
)
MOST_TRIANGLES = 30_000


def draw_touches(
    surface: PreparedSurface, points: Array, found: SurfaceRegistration, path: Path
) -> None:
    """Draw bones from three sides with the points on them, coloured by their residuals.

    Parameters
    ----------
    surface : PreparedSurface
        The bones.
    points : ndarray, shape (n, 3)
        Reference frame, mm.
    found : SurfaceRegistration
        Of them.
    path : Path
        PNG file to write.
    """
    from matplotlib.cm import ScalarMappable
    from matplotlib.collections import PolyCollection
    from matplotlib.colors import Normalize
    from matplotlib.figure import Figure

    facets = surface.facets
    step = max(1, len(facets.corners) // MOST_TRIANGLES)
    corners, normals = facets.corners[::step], facets.normals[::step]
    placed = found.registration.model_from_reference.transform.apply(points)
    scaled = found.fit.residuals / found.fit.sd
    figure = Figure(figsize=(15, 5.4), facecolor="white", layout="constrained")
    for axes, (title, across, up, towards) in zip(figure.subplots(1, 3), VIEWS, strict=True):
        facing = normals[:, towards[0]] * towards[1]
        seen = np.flatnonzero(facing > 0.0)
        depth = corners[seen, :, towards[0]].mean(axis=1) * towards[1]
        seen = seen[np.argsort(depth)]
        flat = np.stack([corners[seen][..., a] * sign for a, sign in (across, up)], axis=-1)
        shade = 0.55 + 0.4 * facing[seen]
        colours = np.stack([shade, shade * 0.97, shade * 0.9], axis=1)
        axes.add_collection(PolyCollection(flat, facecolors=colours, edgecolors=colours, lw=0.2))
        order = np.argsort(placed[:, towards[0]] * towards[1])
        axes.scatter(
            placed[order, across[0]] * across[1],
            placed[order, up[0]] * up[1],
            c=scaled[order],
            cmap="coolwarm",
            vmin=-LIMIT,
            vmax=LIMIT,
            s=np.where(found.fit.used[order], 28.0, 60.0),
            edgecolors=np.where(found.fit.used[order], "black", "magenta"),
            linewidths=np.where(found.fit.used[order], 0.5, 1.8),
        )
        axes.set_title(title)
        axes.set_aspect("equal")
        axes.autoscale_view()
        axes.set_axis_off()
    bar = figure.colorbar(
        ScalarMappable(Normalize(-LIMIT, LIMIT), "coolwarm"), ax=figure.axes, shrink=0.7
    )
    bar.set_label("off the bone, standard deviations (ringed: outlier, not used)")
    with written_whole(path) as part:
        figure.savefig(part, format="png", dpi=100, metadata=PNG_METADATA)
