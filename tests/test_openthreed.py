"""Open3D without what it brings for web browsers: casts rays as before, loads none of that."""

import subprocess
import sys

SCRIPT = """
import sys
import numpy as np
from nav.openthreed import import_open3d

o3d = import_open3d()
scene = o3d.t.geometry.RaycastingScene()
corners = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0]], np.float32)
scene.add_triangles(o3d.core.Tensor(corners), o3d.core.Tensor(np.array([[0, 1, 2]], np.uint32)))
ray = np.array([[0.2, 0.2, 3, 0, 0, -1]], np.float32)
way = scene.cast_rays(o3d.core.Tensor(ray))["t_hit"].numpy()[0]
assert abs(way - 3.0) < 1e-5, way
assert import_open3d() is sys.modules["open3d"]
print(*sorted({"dash", "plotly", "IPython"} & set(sys.modules)))
print("open3d.visualization.draw_plotly" in sys.modules)
"""


def test_it_casts_rays_and_nothing_for_browsers_is_loaded():
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["", "False"]
