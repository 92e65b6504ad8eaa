"""How far off landmarks lie in series that are tilted, uneven or incomplete: `python -m` this.

Balls of 5 mm radius with an edge as soft as a scanner's (0.6 mm sd), written as DICOM series in
random file order, read by us and by SimpleITK's series reader; distances of the balls' centroids
from their true places. Gaps are drawn anywhere, so that some balls end within one.
"""

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from scipy.ndimage import center_of_mass, label
from scipy.spatial.transform import Rotation

from nav.reconstruction.reading import read_volume
from nav.reconstruction.reading.quiet_readers import quiet_libraries
from nav.reconstruction.volume import Volume
from tests.reconstruction.dicom_writer import (
    BONE,
    TISSUE,
    Scene,
    Series,
    make_series,
    scene_for,
    write_series,
)

Array = NDArray[np.float64]


def even(random: np.random.Generator, step: float = 0.9) -> Array:
    """Heights of regular slices, mm."""
    return np.asarray(step * np.arange(int(50.0 / step)), np.float64)


def with_gap(random: np.random.Generator, step: float, missing: int) -> Array:
    """Heights without some slices somewhere in the middle, mm."""
    heights = even(random, step)
    first = int(random.integers(len(heights) // 4, 3 * len(heights) // 4))
    return np.delete(heights, np.arange(first, first + missing))


def stepped(random: np.random.Generator, fine: float) -> Array:
    """Heights with fine steps, then twice as large ones, mm."""
    steps = np.append(np.full(int(25 / fine), fine), np.full(int(25 / (2 * fine)), 2 * fine))
    return np.cumsum(steps)


def uneven(random: np.random.Generator) -> Array:
    """Heights with any steps from 0.7 to 1.3 mm."""
    return np.cumsum(random.uniform(0.7, 1.3, 50))


def turned(random: np.random.Generator) -> Rotation:
    """Any orientation."""
    return Rotation.random(rng=random)


CASES: dict[str, Callable[[np.random.Generator], Series]] = {
    "even": lambda r: make_series(even(r)),
    "any orientation": lambda r: make_series(even(r), turned=turned(r)),
    "gantry tilt 15°": lambda r: make_series(even(r), np.radians(15.0)),
    "gantry tilt up to 30°, any orientation": lambda r: make_series(
        even(r), np.radians(r.uniform(-30, 30)), turned(r)
    ),
    "one of 0.6 mm slices missing": lambda r: make_series(with_gap(r, 0.6, 1)),
    "two of 0.6 mm slices missing": lambda r: make_series(with_gap(r, 0.6, 2)),
    "one of 1 mm slices missing": lambda r: make_series(with_gap(r, 1.0, 1)),
    "two of 1 mm slices missing": lambda r: make_series(with_gap(r, 1.0, 2)),
    "steps of 0.8 mm, then 1.6 mm": lambda r: make_series(stepped(r, 0.8)),
    "steps of 1 mm, then 2 mm": lambda r: make_series(stepped(r, 1.0)),
    "steps from 0.7 to 1.3 mm": lambda r: make_series(uneven(r)),
    "tilt 15°, steps from 0.7 to 1.3 mm, any orientation": lambda r: make_series(
        uneven(r), np.radians(15.0), turned(r)
    ),
}


def ball_errors(volume: Volume, scene: Scene) -> Array:
    """Distances (n,) of the nearest balls found anywhere in a volume from the true places, mm."""
    weight = np.clip((volume.values - TISSUE) / (BONE - TISSUE), 0.0, 1.0)
    labels, count = label(weight > 0.1)
    centres = [c[::-1] for c in center_of_mass(weight, labels, range(1, count + 1))]
    places = volume.to_model(centres)
    return np.array([np.linalg.norm(places - c, axis=1).min() for c in scene.centres])


def read_with_itk(folder: Path) -> Volume:
    """Read a series as SimpleITK's users do."""
    with quiet_libraries():
        reader = sitk.ImageSeriesReader()
        reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder)))
        image = reader.Execute()
    matrix = np.eye(4)
    matrix[:3, :3] = np.reshape(image.GetDirection(), (3, 3)) * np.array(image.GetSpacing())
    matrix[:3, 3] = image.GetOrigin()
    return Volume(sitk.GetArrayFromImage(image).astype(np.int16), matrix)


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--series", type=int, default=6, help="of four balls, per row")
    count = parser.parse_args().series
    table = Table("series", "median", "largest", "SimpleITK, median", "largest")
    for name, make in CASES.items():
        errors: dict[str, list[float]] = {"ours": [], "itk": []}
        for seed in range(count):
            series = make(np.random.default_rng(seed))
            scene = scene_for(series, seed)
            with tempfile.TemporaryDirectory() as folder:
                write_series(Path(folder), series, scene, seed=seed)
                errors["ours"] += ball_errors(read_volume(Path(folder)).volume, scene).tolist()
                errors["itk"] += ball_errors(read_with_itk(Path(folder)), scene).tolist()
        cells = [f(errors[k]) for k in ("ours", "itk") for f in (np.median, np.max)]
        table.add_row(name, *(f"{cell:.3f}" for cell in cells))
    Console().print(table)
    Console().print(f"mm; {4 * count} balls a row")


if __name__ == "__main__":
    main()
