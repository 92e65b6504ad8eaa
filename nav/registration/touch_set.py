"""Touched points with their errors, labelled or not: what registration starts from; touched.csv."""

import csv
import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from nav.core.errors import InputError
from nav.core.files import write_toml
from nav.core.frames import Array
from nav.core.outputs import written_together
from nav.registration.pointfile import POINTS_FORMAT, UPPER, read_point_list
from nav.registration.touch_source import FoundTouches

SAME_PLACE = 1.5  # mm: divots are farther apart, touches of one are nearer
HEADER = ("label", "x", "y", "z", *UPPER)
DETAILS = ("start", "end", "samples", "independent", "wander")


@dataclass(frozen=True)
class TouchSet:
    """Touched points in the order of touching.

    Parameters
    ----------
    labels : tuple of str
        Of the n points; empty for touches without labels.
    positions : ndarray, shape (n, 3)
        Reference frame, mm.
    own : ndarray, shape (n, 3, 3)
        Covariance of the errors of each touch alone, without the FLE, mm^2.
    shared : ndarray, shape (n, 3, k)
        How the errors that all touches share move each by one standard deviation, mm.
    names : tuple of str
        For messages.
    """

    labels: tuple[str, ...]
    positions: Array
    own: Array
    shared: Array
    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.names)

    def labelled(self, labels: tuple[str, ...], which: tuple[int, ...]) -> "TouchSet":
        """Return some of the touches with labels.

        Parameters
        ----------
        labels : tuple of str
            One for each of `which`.
        which : tuple of int
            Indices of touches.

        Returns
        -------
        TouchSet
        """
        index = np.array(which, np.intp)
        names = tuple(self.names[k] for k in which)
        return TouchSet(labels, self.positions[index], self.own[index], self.shared[index], names)

    def with_scale_error(self, scale_sd: float) -> "TouchSet":
        """Return the same with the error of the rig's scale added to the shared ones.

        Parameters
        ----------
        scale_sd : float
            Relative, one standard deviation.

        Returns
        -------
        TouchSet
        """
        scale = scale_sd * self.positions[:, :, None]
        return replace(self, shared=np.concatenate([self.shared, scale], axis=2))

    def repeated(self) -> tuple[int, int] | None:
        """Return two touches at one place, if there are any.

        Returns
        -------
        (int, int) or None
            Their indices.
        """
        apart = np.linalg.norm(self.positions[:, None] - self.positions[None], axis=2)
        first, second = np.nonzero(np.triu(apart < SAME_PLACE, 1))
        return (int(first[0]), int(second[0])) if len(first) else None


def touch_set(found: FoundTouches) -> TouchSet:
    """Return touches found by dwell as points without labels.

    Parameters
    ----------
    found : FoundTouches
        From `nav.registration.touch_source.find_touches`.

    Returns
    -------
    TouchSet
    """
    touches = found.touches
    return TouchSet(
        (),
        np.array([t.position for t in touches]).reshape(-1, 3),
        np.array([t.own for t in touches]).reshape(-1, 3, 3),
        np.array([t.tip_error for t in touches]).reshape(-1, 3, 3),
        tuple(f"touch {k} ({t.start:.1f} s)" for k, t in enumerate(touches, 1)),
    )


def load_touch_set(path: Path) -> TouchSet:
    """Load touched points from a file that `nav.registration.pointfile.load_points` reads.

    A table may also have the columns of `write_touches`; its labels may be left empty, all of them.

    Parameters
    ----------
    path : Path
        CSV, Slicer's Markups, .fcsv.

    Returns
    -------
    TouchSet

    Raises
    ------
    InputError
        As `load_points`; some points have a label and some have none; a covariance that is none.
    """
    points = read_point_list(path)
    unlabelled = [point for point in points if not point.label]
    if unlabelled and len(unlabelled) < len(points):
        raise InputError(
            f"{path}: {unlabelled[0].place}: has no label, others have one; label all, or none"
        )
    labels = () if unlabelled else tuple(point.label for point in points)
    twice = next((label for label, count in Counter(labels).items() if count > 1), None)
    if twice is not None:
        raise InputError(f"{path}: point {twice}: appears twice; each needs a label of its own")
    names = tuple(
        f"touch {k} ({point.place})" if unlabelled else point.label
        for k, point in enumerate(points, 1)
    )
    own = [np.zeros((3, 3)) if p.covariance is None else p.covariance for p in points]
    shared = [np.zeros((3, 0)) if p.shared is None else p.shared for p in points]
    return TouchSet(
        labels, np.array([p.position for p in points]), np.array(own), np.array(shared), names
    )


def write_touches(
    path: Path, found: FoundTouches, touches: TouchSet, inputs: Sequence[Path] = ()
) -> None:
    """Write touches as touched.csv, to look at and to edit, with a .toml of the same stem.

    Parameters
    ----------
    path : Path
        touched.csv.
    found : FoundTouches
        Where they are from: times, samples, wander; what was refused follows as comments.
    touches : TouchSet
        The same touches, with or without labels.
    inputs : sequence of Path
        Files that they were made from.

    Raises
    ------
    InputError
        One of the files cannot be written.
    """
    count = touches.shared.shape[2]
    shared = [f"s{k}{axis}" for k in range(1, count + 1) for axis in "xyz"]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*HEADER, *shared, *DETAILS])
    for k, touch in enumerate(found.touches):
        numbers = [*touches.positions[k], *touches.own[k][np.triu_indices(3)]]
        numbers += list(touches.shared[k].T.ravel())
        details = [f"{touch.start:.3f}", f"{touch.end:.3f}", touch.samples]
        details += [f"{touch.independent:.1f}", f"{touch.wander:.3f}"]
        label = touches.labels[k] if touches.labels else ""
        writer.writerow([label, *(f"{number:.7g}" for number in numbers), *details])
    for refused in found.refused:
        text.write(f"# not used: {refused}\n")
    made = {"format": POINTS_FORMAT, "points": path.name, "touches": len(found.touches)}
    with written_together(path, path.with_suffix(".toml")) as (part, beside):
        part.write_text(text.getvalue(), encoding="utf-8")
        write_toml(beside, {**made, "refused": len(found.refused)}, inputs)
