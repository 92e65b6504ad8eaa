"""Tags chained by their relative poses, and how well chains close to loops.

Two tags that are in one picture are tied. Over a maximum spanning tree of the ties each tag has a
place; every other tie closes a loop, around which the relative poses should multiply to nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise

import numpy as np
from scipy.spatial.transform import Rotation

from nav.core.frames import Array
from tests.bench.real_calibration.single_poses import SinglePose
from tests.bench.real_calibration.tag_views import SIDE

LEAST_SD = np.radians(0.5)  # of a pose's rotation: paper is not flat, lenses are not exact


@dataclass(frozen=True)
class Tie:
    """Two tags that some pictures show together.

    a_from_b : (4, 4), sides of a tag. information : rad^-2, of its rotation.
    """

    a_from_b: Array
    information: float
    pictures: frozenset[int]


@dataclass(frozen=True)
class Loop:
    """A closed chain of tags.

    shift : sides by which it does not close. length : sides, of the chain. turn : rad.
    alone : whether it is of one single picture, which says nothing of others.
    """

    tags: tuple[int, ...]
    shift: float
    length: float
    turn: float
    alone: bool

    @property
    def share(self) -> float:
        """Shift by length."""
        return self.shift / self.length


Ties = Mapping[tuple[int, int], Tie]


def ties_of(poses: Mapping[tuple[int, int], SinglePose]) -> dict[tuple[int, int], Tie]:
    """Return every pair of tags that pictures show together: means over the pictures."""
    tags: dict[int, list[int]] = {}
    for picture, tag in sorted(poses):
        tags.setdefault(picture, []).append(tag)
    of: dict[tuple[int, int], list[int]] = {}
    for picture, own in tags.items():
        for pair in combinations(own, 2):
            of.setdefault(pair, []).append(picture)
    result = {}
    for (a, b), pictures in of.items():
        first, second = [poses[k, a] for k in pictures], [poses[k, b] for k in pictures]
        relative = np.array(
            [np.linalg.inv(p.matrix) @ q.matrix for p, q in zip(first, second, strict=True)]
        )
        weights = np.array(
            [1.0 / (p.variance + q.variance + LEAST_SD**2)
             for p, q in zip(first, second, strict=True)]
        )  # fmt: skip
        mean = np.eye(4)
        turns = Rotation.from_matrix(relative[:, :3, :3])
        mean[:3, :3] = turns.mean(weights=weights).as_matrix()
        mean[:3, 3] = weights @ relative[:, :3, 3] / weights.sum() / SIDE
        result[a, b] = Tie(mean, float(weights.sum()), frozenset(pictures))
    return result


def chain(ties: Ties) -> tuple[dict[int, Array], set[tuple[int, int]]]:
    """Return map_from_tag (4, 4), sides, of the tags tied to the first one; and the tree.

    Kruskal's maximum spanning tree by the ties' information.
    """
    group = {tag: tag for pair in ties for tag in pair}
    tree: set[tuple[int, int]] = set()
    for (a, b), _ in sorted(ties.items(), key=lambda item: -item[1].information):
        if group[a] != group[b]:
            tree.add((a, b))
            old = group[b]
            group = {tag: group[a] if own == old else own for tag, own in group.items()}
    first = min(group)
    places = {first: np.eye(4)}
    while True:
        grown = {}
        for a, b in tree:
            if a in places and b not in places:
                grown[b] = places[a] @ ties[a, b].a_from_b
            elif b in places and a not in places:
                grown[a] = places[b] @ np.linalg.inv(ties[a, b].a_from_b)
        if not grown:
            return places, tree
        places |= grown


def loops(ties: Ties, tree: set[tuple[int, int]]) -> list[Loop]:
    """Return the loop that every tie beside the tree closes: a basis of all loops."""
    return [_loop([*_path(tree, b, a), b], ties) for a, b in sorted(set(ties) - tree)]


def _path(tree: set[tuple[int, int]], start: int, end: int) -> list[int]:
    """Tags from one to another along a tree."""
    before = {start: start}
    border = [start]
    while end not in before:
        border = [
            other
            for tag in border
            for pair in tree
            if tag in pair
            for other in pair
            if before.setdefault(other, tag) == tag and other != tag
        ]
        if not border:
            raise ValueError(f"{start} and {end} are not tied")
    path = [end]
    while path[-1] != start:
        path.append(before[path[-1]])
    return path[::-1]


def _loop(tags: Sequence[int], ties: Ties) -> Loop:
    """Along tags, the last being the first again."""
    total, length = np.eye(4), 0.0
    pictures: set[int] = set()
    for a, b in pairwise(tags):
        tie = ties[min(a, b), max(a, b)]
        total = total @ (tie.a_from_b if a < b else np.linalg.inv(tie.a_from_b))
        length += float(np.linalg.norm(tie.a_from_b[:3, 3]))
        pictures |= tie.pictures
    turn = float(Rotation.from_matrix(total[:3, :3]).magnitude())
    shift = float(np.linalg.norm(total[:3, 3]))
    return Loop(tuple(tags[:-1]), shift, length, turn, len(pictures) == 1)
