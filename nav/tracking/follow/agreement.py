"""Which cameras were shown to fit together: they saw one tool at one place at the same time."""

from collections.abc import Iterable

REMEMBERED = 60.0  # s for which cameras that agreed are assumed not to move


class CameraAgreement:
    """Remember when pairs of cameras last confirmed the same pose of a tool."""

    def __init__(self) -> None:
        self._seen: dict[frozenset[str], float] = {}

    def confirm(self, cameras: Iterable[str], time: float) -> None:
        """Record that cameras confirmed one pose.

        Parameters
        ----------
        cameras : iterable of str
            Their names.
        time : float
            Of the frame set, s.
        """
        names = sorted(set(cameras))
        for k, first in enumerate(names):
            for second in names[k + 1 :]:
                self._seen[frozenset((first, second))] = time

    def deny(self, cameras: Iterable[str]) -> None:
        """Forget all that these cameras agreed on."""
        denied = set(cameras)
        self._seen = {pair: at for pair, at in self._seen.items() if not pair & denied}

    def groups(self, time: float) -> tuple[frozenset[str], ...]:
        """Return groups of cameras that agree at a time (s), pairwise or through others."""
        groups: list[frozenset[str]] = []
        for pair, at in self._seen.items():
            if not 0.0 <= time - at <= REMEMBERED:
                continue
            joined = [group for group in groups if group & pair]
            groups = [group for group in groups if not group & pair]
            groups.append(frozenset(pair.union(*joined)))
        return tuple(groups)
