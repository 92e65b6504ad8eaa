"""Turn and shift a view with the mouse, as VTK's trackball camera does."""

from dataclasses import replace

from scipy.spatial.transform import Rotation

from nav.view.parallel_camera import View

# rad of turn for a movement across the whole picture (VTK: 20 degrees per tenth)
TURN = 3.5


def turned(view: View, step: tuple[float, float], size: tuple[int, int], turn: bool) -> View:
    """Return the view after the mouse moved.

    Parameters
    ----------
    view : View
        Before.
    step : tuple of two float
        Movement to the right and down, px.
    size : tuple of two int
        Width and height of the picture, px.
    turn : bool
        Turn about the focal point, or else shift.

    Returns
    -------
    View
        With the same scale.
    """
    dx, dy = step
    width, height = size
    if turn:
        about_up = Rotation.from_rotvec(-TURN * dx / width * view.up)
        about_right = Rotation.from_rotvec(-TURN * dy / height * view.right)
        turning = about_up * about_right
        return View.towards(
            view.focal,
            turning.apply(view.backwards),
            turning.apply(view.up),
            view.half_height,
        )
    scale = 2 * view.half_height / height
    return replace(view, focal=view.focal - scale * dx * view.right + scale * dy * view.up)
