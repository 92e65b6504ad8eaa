"""Rectangular parts of an image, from a first row and column up to, and without, a last one."""

Window = tuple[int, int, int, int]  # row0, row1, column0, column1


def windows_overlap(a: Window, b: Window) -> bool:
    """Return whether two windows share pixels.

    Parameters
    ----------
    a, b : tuple of 4 ints
        The windows.

    Returns
    -------
    bool
    """
    return a[0] < b[1] and b[0] < a[1] and a[2] < b[3] and b[2] < a[3]


def window_union(a: Window, b: Window) -> Window:
    """Return the smallest window that contains two.

    Parameters
    ----------
    a, b : tuple of 4 ints
        The windows.

    Returns
    -------
    tuple of 4 ints
    """
    return min(a[0], b[0]), max(a[1], b[1]), min(a[2], b[2]), max(a[3], b[3])
