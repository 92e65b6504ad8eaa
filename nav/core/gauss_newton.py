"""Gauss-Newton, and Levenberg's damping, for all fits that are not compiled."""

from collections.abc import Callable
from typing import TypeVar

import numpy as np

from nav.core.frames import Array

State = TypeVar("State")


def solved_step(information: Array, gradient: Array) -> Array:
    """Return the step that normal equations give.

    Parameters
    ----------
    information : ndarray, shape (n, n)
        Normal matrix.
    gradient : ndarray, shape (n,)
        Right side.

    Returns
    -------
    ndarray, shape (n,)

    Raises
    ------
    numpy.linalg.LinAlgError
        The normal matrix is singular.
    """
    return np.asarray(np.linalg.solve(information, gradient), float)


def gauss_newton(
    start: State,
    linearise: Callable[[State], tuple[Array, Array]],
    moved: Callable[[State, Array], State],
    *,
    steps: int,
    converged: float,
    solve: Callable[[Array, Array], Array | None] = solved_step,
) -> State:
    """Minimise a sum of squares by Gauss-Newton.

    Parameters
    ----------
    start : State
        Where to start.
    linearise : callable
        From a state to its normal matrix (n, n) and right side (n,), weights included.
    moved : callable
        From a state and a step (n,) to the next state.
    steps : int
        At most.
    converged : float
        Largest entry of a step after which no further one is taken.
    solve : callable, optional
        From the normal equations to the step, or None to stay where it is.

    Returns
    -------
    State
        Where it ended.

    Raises
    ------
    numpy.linalg.LinAlgError
        Normal equations are singular, and `solve` does not catch it.
    """
    state = start
    for _ in range(steps):
        step = solve(*linearise(state))
        if step is None:
            break
        state = moved(state, step)
        if np.abs(step).max() < converged:
            break
    return state


def damped_trial(
    trial: Callable[[float], tuple[State, float]],
    cost: float,
    damping: float,
    least: float,
    most: float,
) -> tuple[State, float, float]:
    """Raise Levenberg's damping until a step does not raise the cost.

    Parameters
    ----------
    trial : callable
        From a damping to the state after its step, and the cost there.
    cost : float
        Before the step.
    damping : float
        To begin with.
    least, most : float
        Smallest damping above none, and the one above which a step is taken as it is.

    Returns
    -------
    state : State
        After the step.
    cost : float
        There.
    damping : float
        With which it was found.
    """
    while True:
        state, after = trial(damping)
        if after <= cost * (1.0 + 1e-12) or damping > most:
            return state, after, damping
        damping = max(10.0 * damping, least)
