"""A recurrent network on a ring whose trajectory and spectrum are known exactly: ground truth for analyses."""

from __future__ import annotations

import dataclasses
import math
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
        Step of Euler's method, in time constants; its error in radius and speed is about half of it.
    coupling, delay_angle : float
        J, and Δ in radians between 0 and π/2.
    angles : {"equispaced", "random"}
        Preferred angles.
    rng : int, Generator, SeedSequence or None
        Draws random angles.

    Returns
    -------
    RingTrajectory
        Times and latents of the last periods; its `responses` have the covariance of `ring_spectrum`.

    Raises
    ------
    InvalidInputError
        For parameters without a limit cycle.

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
    turns = all(is_whole_number(count) for count in (n_neurons, n_periods)) and all(
        is_real_number(number) and number > 0 for number in (time_step, coupling, delay_angle)
    )
    if not turns or n_neurons < 3 or n_periods < 1 or time_step > 1 or delay_angle >= math.pi / 2:
        raise InvalidInputError(
            "a limit cycle needs integers n_neurons >= 3 and n_periods >= 1, 0 < time_step <= 1, coupling > 0 and "
            f"0 < delay_angle < π/2; got {n_neurons!r}, {n_periods!r}, {time_step!r}, {coupling!r}, {delay_angle!r}"
        )
    preferred = _preferred_angles(n_neurons, angles, rng)
    feature = np.stack([np.cos(preferred), np.sin(preferred)])
    output = coupling * np.stack([np.cos(preferred + delay_angle), np.sin(preferred + delay_angle)]) / n_neurons
    steps = round(2 * math.pi / math.tan(delay_angle) / time_step)
    # A tenth more than asked for, because a finite step turns slower; cut to whole turns below.
    latents = np.empty((math.ceil(1.1 * n_periods * steps), 2))
    state = np.array([coupling / math.pi * math.cos(delay_angle), 0.0])
    for step in range(-SETTLING_PERIODS * steps, len(latents)):
        # dκ/dt = -κ + (1/N) Vᵀ H(U κ): pre-activations outside the span of U decay.
        state = state + time_step * (output @ (state @ feature > 0) - state)
        if step >= 0:
            latents[step] = state
    phase = np.unwrap(np.arctan2(latents[:, 1], latents[:, 0]))
    whole = int(np.searchsorted(phase - phase[0], 2 * math.pi * n_periods))
    return RingTrajectory(time_step * np.arange(whole), latents[:whole], preferred)


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


def _check_activation(activation: str) -> None:
    if activation not in ACTIVATIONS:
        raise InvalidInputError(f"activation must be one of {', '.join(ACTIVATIONS)}, got {activation!r}")


def _preferred_angles(n_neurons: int, angles: str, rng: RandomSource) -> Array:
    if angles == "equispaced":
        return np.asarray(2 * math.pi * np.arange(n_neurons) / n_neurons)
    if angles == "random":
        generator = np.random.Generator(np.random.Philox(resolve_seed(rng)))
        return np.asarray(generator.uniform(0, 2 * math.pi, n_neurons))
    raise InvalidInputError(f'angles must be "equispaced" or "random", got {angles!r}')
