"""A recurrent network on a ring whose trajectory and spectrum are known exactly: ground truth for analyses."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..arguments import is_real_number, is_whole_number
from ..errors import InvalidInputError
from ..results.base import Result
from ..run_options import RandomSource, resolve_seed

Array = np.ndarray[Any, np.dtype[Any]]

COUPLING = math.pi * math.sqrt(2)
DELAY_ANGLE = math.pi / 4
"""With this coupling and delay the limit cycle has radius 1 and angular speed 1."""

SETTLING_PERIODS = 4
"""Periods before those returned."""

SLOWEST_TURN = 2.0
"""Periods of a large network that a turn may take; steps as long as are allowed need 1.4."""

MOST_STEPS = 10_000_000
"""Steps of a simulation: a minute for a small network, and 160 MB of latents."""

ACTIVATIONS = ("step", "relu")


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class RingTrajectory(Result):
    """What a ring network did.

    Parameters
    ----------
    times : ndarray, shape (n_times,)
        In units of the neurons' time constant.
    latents : ndarray, shape (n_times, 2)
        Cosine and sine components of the pre-activations.
    angles : ndarray, shape (n_neurons,)
        Preferred angles of the neurons (radians).
    """

    times: Array
    latents: Array
    angles: Array

    @property
    def radius(self) -> float:
        """Mean radius of the latent trajectory."""
        return float(np.mean(np.linalg.norm(self.latents, axis=1)))

    @property
    def angular_speed(self) -> float:
        """Mean angular speed (radians per time constant)."""
        phase = np.unwrap(np.arctan2(self.latents[:, 1], self.latents[:, 0]))
        return float((phase[-1] - phase[0]) / (self.times[-1] - self.times[0]))

    def responses(self, activation: str = "step") -> Array:
        """Return post-activations of all neurons, shape (n_times, n_neurons).

        Parameters
        ----------
        activation : {"step", "relu"}
            "step" gives -1 and 1, whose covariance is ``ring_spectrum(n)``; "relu" the positive part of the
            pre-activation, whose covariance is ``radius**2 * ring_spectrum(n, activation="relu")``.

        Returns
        -------
        ndarray, shape (n_times, n_neurons)
            The responses.

        Raises
        ------
        InvalidInputError
            When `activation` is unknown.
        """
        _check_activation(activation)
        drive = self.latents @ np.stack([np.cos(self.angles), np.sin(self.angles)])
        return np.where(drive > 0, 1.0, -1.0) if activation == "step" else np.maximum(drive, 0.0)

    def summary(self) -> str:
        """Return sizes, radius and speed on one line."""
        return (
            f"RingTrajectory: {len(self.times):,} times x {len(self.angles):,} neurons, radius {self.radius:.4f}, "
            f"angular speed {self.angular_speed:.4f}"
        )


def simulate_ring_network(
    n_neurons: int,
    *,
    n_periods: int = 4,
    time_step: float = 0.01,
    coupling: float = COUPLING,
    delay_angle: float = DELAY_ANGLE,
    angles: str = "equispaced",
    rng: RandomSource = 0,
) -> RingTrajectory:
    """Simulate a ring of threshold neurons that settles on a limit cycle.

    ``dx_i/dt = -x_i + (1/N) Σ_j J cos(θ_i - θ_j - Δ) H(x_j)`` with H the step function. The coupling has rank
    two, so that two latent variables carry everything and a step costs O(N). For many neurons the latents turn
    on a circle of radius ``(J/π) cos Δ`` with angular speed ``tan Δ``. Rectified neurons in place of H have no limit
    cycle (their latents grow or decay like ``exp((J cos Δ / 4 - 1) t)``); rectified responses to this one are
    ``RingTrajectory.responses("relu")``.

    Parameters
    ----------
    n_neurons : int
        Neurons on the ring.
    n_periods : int
        Periods returned; four more come before, to settle.
    time_step : float
        Step of Euler's method, in time constants; its relative error in radius and speed is about half of
        ``time_step tan² Δ``, which must not exceed 1.
    coupling, delay_angle : float
        J, and Δ in radians between 0 and π/2. A period lasts ``2π / tan Δ``, so that small delays need many steps.
    angles : {"equispaced", "random"}
        Preferred angles.
    rng : int, Generator, SeedSequence or None
        Draws random angles.

    Returns
    -------
    RingTrajectory
        Times and latents of the last periods, whole turns; its `responses` have the covariance of `ring_spectrum`.

    Raises
    ------
    InvalidInputError
        For parameters without a limit cycle, for networks whose few neurons get stuck or turn less than half as
        fast as many would, and for more than ten million steps.

    References
    ----------
    Schmutz et al. 2025, "High-dimensional neuronal activity from low-dimensional latent dynamics: a solvable
    model", NeurIPS.

    Examples
    --------
    >>> from eigenscope.neural import simulate_ring_network
    >>> trajectory = simulate_ring_network(500, n_periods=1)
    >>> bool(abs(trajectory.radius - 1) < 0.01)
    True
    """
    n_steps = _steps_of_a_period(n_neurons, n_periods, time_step, coupling, delay_angle)
    preferred = _preferred_angles(n_neurons, angles, rng)
    feature = np.stack([np.cos(preferred), np.sin(preferred)])
    output = coupling * np.stack([np.cos(preferred + delay_angle), np.sin(preferred + delay_angle)]) / n_neurons

    def follow(state: Array) -> Array:
        # dκ/dt = -κ + (1/N) Vᵀ H(U κ): pre-activations outside the span of U decay.
        return np.asarray(state + time_step * (output @ (state @ feature > 0) - state))

    state = np.array([coupling / math.pi * math.cos(delay_angle), 0.0])
    for _ in range(SETTLING_PERIODS * n_steps):
        state = follow(state)
    latents = _whole_turns(follow, state, int(n_periods), n_steps)
    return RingTrajectory(time_step * np.arange(len(latents)), latents, preferred)


def _whole_turns(follow: Callable[[Array], Array], state: Array, n_turns: int, n_steps: int) -> Array:
    """Return the states from one on until they have gone round so many times, each time in about so many steps."""
    states = np.empty((math.ceil(SLOWEST_TURN * n_turns * n_steps), 2))
    phase, turned = math.atan2(state[1], state[0]), 0.0
    for index in range(len(states)):
        states[index] = state
        state = follow(state)
        following = math.atan2(state[1], state[0])
        turned += math.remainder(following - phase, 2 * math.pi)
        phase = following
        # A turn that ends on a state ends there whatever its sum of steps is rounded to.
        if turned >= 2 * math.pi * n_turns * (1 - 1e-12):
            return states[: index + 1].copy()
    raise InvalidInputError(
        f"this network made {turned / (2 * math.pi):.2f} of {n_turns} turns in {SLOWEST_TURN:g} times the time that "
        "one of many neurons needs: there is no limit cycle, or hardly one. Use more neurons, or equispaced angles"
    )


def ring_spectrum(n_eigenvalues: int, *, activation: str = "step") -> Array:
    """Return the exact covariance eigenvalues of a ring population whose angle is uniform.

    Parameters
    ----------
    n_eigenvalues : int
        How many.
    activation : {"step", "relu"}
        "step": of ±1 responses, the pairs ``(4/π²) / (2k + 1)²``; they add up to 1, their participation ratio
        is 3, and 4 of them hold 90 %, 9 hold 95 %. "relu": of the positive part of a unit cosine, 1/16 for
        the first pair and ``(1 / (π (4k² - 1)))²`` for those of frequency ``2k``; they add up to ``1/4 - 1/π²``.

    Returns
    -------
    ndarray, shape (n_eigenvalues,)
        Descending, each per neuron (eigenvalues of the covariance matrix divided by the number of neurons).

    Raises
    ------
    InvalidInputError
        When `activation` is unknown, or `n_eigenvalues` is not an integer of at least 1.

    References
    ----------
    Schmutz et al. 2025, "High-dimensional neuronal activity from low-dimensional latent dynamics: a solvable
    model", NeurIPS.

    Examples
    --------
    >>> from eigenscope.neural import ring_spectrum
    >>> values = ring_spectrum(20000)
    >>> print(f"{values.sum():.3f} {values.sum()**2 / (values**2).sum():.3f}")
    1.000 3.000
    """
    _check_activation(activation)
    if not is_whole_number(n_eigenvalues) or n_eigenvalues < 1:
        raise InvalidInputError(f"n_eigenvalues must be an integer of at least 1, got {n_eigenvalues!r}")
    pair = np.arange(n_eigenvalues) // 2
    if activation == "step":
        return np.asarray(4 / math.pi**2 / (2 * pair + 1.0) ** 2)
    amplitude = np.where(pair == 0, 0.5, 2 / (math.pi * (4 * np.maximum(pair, 1) ** 2 - 1.0)))
    # A wave of amplitude a has variance a² / 2, half of it along each of its two dimensions.
    return np.asarray(amplitude**2 / 4)


def _steps_of_a_period(n_neurons: int, n_periods: int, time_step: float, coupling: float, delay_angle: float) -> int:
    """Check the parameters of a network and return the steps of one of its periods."""
    turns = all(is_whole_number(count) for count in (n_neurons, n_periods)) and all(
        is_real_number(number) and number > 0 for number in (time_step, coupling, delay_angle)
    )
    if not turns or n_neurons < 3 or n_periods < 1 or time_step > 1 or delay_angle >= math.pi / 2:
        raise InvalidInputError(
            "a limit cycle needs integers n_neurons >= 3 and n_periods >= 1, 0 < time_step <= 1, coupling > 0 and "
            f"0 < delay_angle < π/2; got {n_neurons!r}, {n_periods!r}, {time_step!r}, {coupling!r}, {delay_angle!r}"
        )
    speed = math.tan(delay_angle)
    if time_step * speed**2 > 1 + 1e-12:
        raise InvalidInputError(
            f"time_step={time_step:g} is too long for delay_angle={delay_angle:g}: steps leave the limit cycle beyond "
            f"1 / tan² Δ = {speed**-2:.3g}, and are accurate far below"
        )
    steps = 2 * math.pi / speed / time_step
    if (total := (SETTLING_PERIODS + SLOWEST_TURN * n_periods) * steps) > MOST_STEPS:
        raise InvalidInputError(
            f"{SETTLING_PERIODS} settling periods and {n_periods} more of {2 * math.pi / speed:.3g} time constants "
            f"each take up to {total:.3g} steps of {time_step:g}, of which {MOST_STEPS:,} are made at most: raise "
            "delay_angle or time_step, or lower n_periods"
        )
    return round(steps)


def _check_activation(activation: str) -> None:
    if activation not in ACTIVATIONS:
        raise InvalidInputError(f"activation must be one of {', '.join(ACTIVATIONS)}, got {activation!r}")


def _preferred_angles(n_neurons: int, angles: str, rng: RandomSource) -> Array:
    if not isinstance(angles, str) or angles not in ("equispaced", "random"):
        raise InvalidInputError(f'angles must be "equispaced" or "random", got {angles!r}')
    if angles == "equispaced":
        return np.asarray(2 * math.pi * np.arange(n_neurons) / n_neurons)
    generator = np.random.Generator(np.random.Philox(resolve_seed(rng)))
    return np.asarray(generator.uniform(0, 2 * math.pi, n_neurons))
