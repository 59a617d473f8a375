"""Leading eigenvalues and density of a network's Hessian: products at equal accuracy beside what one would use instead.

Those are power iteration with deflation, the way of PyHessian, and curvlinops, whose operator goes into SciPy's eigsh
for eigenvalues and into its own Lanczos density.

python bench/bench_hessian.py
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse.linalg
from eigenscope import eigsh, spectral_density
from eigenscope.networks import hessian_operator


def trained_network(width: int, n_samples: int, n_steps: int):
    """Return a network of about 1.5 width² parameters after some steps of training, and its data."""
    import torch

    torch.manual_seed(0)
    quarter = width // 4
    model = torch.nn.Sequential(
        torch.nn.Linear(quarter, width),
        torch.nn.Tanh(),
        torch.nn.Linear(width, width),
        torch.nn.Tanh(),
        torch.nn.Linear(width, quarter),
    )
    inputs = torch.randn(n_samples, quarter)
    targets = torch.randint(0, quarter, (n_samples,))
    loss = torch.nn.functional.cross_entropy
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    for _ in range(n_steps):
        optimizer.zero_grad()
        loss(model(inputs), targets).backward()
        optimizer.step()
    return model, loss, (inputs, targets)


class Counted(scipy.sparse.linalg.LinearOperator):
    """An operator that counts the columns it is multiplied with."""

    def __init__(self, product: Callable[[Any], Any], n: int, dtype: Any) -> None:
        super().__init__(np.dtype(dtype), (n, n))
        self._product, self.n_products = product, 0

    def _matmat(self, block):
        self.n_products += block.shape[1]
        return self._product(np.asarray(block, dtype=self.dtype))

    def _matvec(self, vector):
        return self._matmat(vector.reshape(-1, 1))


def power_iteration(operator: Counted, k: int, *, tolerance: float = 1e-3, most_steps: int = 100):
    """One eigenvalue after the other, each orthogonal to those before it; stops when it changes by the tolerance."""
    random = np.random.default_rng(0)
    vectors, values = np.empty((operator.shape[0], 0), dtype=np.float32), []
    for _ in range(k):
        v = random.standard_normal((operator.shape[0], 1)).astype(np.float32)
        value = np.inf
        for _ in range(most_steps):
            v -= vectors @ (vectors.T @ v)
            v /= np.linalg.norm(v)
            image = operator.matmat(v)
            before, value = value, float(np.vdot(v, image))
            v = image
            if abs(value - before) < tolerance * abs(value):
                break
        vectors = np.hstack([vectors, v / np.linalg.norm(v)])
        values.append(value)
    return np.array(values)


def eigenvalue_table(operator: Any, product: Callable[[Any], Any], k: int) -> None:
    """Print products and errors of the k eigenvalues of largest magnitude, at several tolerances."""
    n = operator.shape[0]
    truth = np.sort(np.abs(eigsh(operator, k, tol=1e-5, check=False, rng=1).eigenvalues))[::-1]
    print(f"{n} parameters, {k} eigenvalues of largest magnitude")

    def report(name: str, n_products: int, seconds: float, values: Any) -> None:
        error = np.max(np.abs(np.sort(np.abs(values))[::-1] - truth) / truth)
        print(f"  {name:28} {n_products:6} products {seconds:6.1f} s  error {error:.1e}", flush=True)

    for block_size in (1, 2, None):
        start = time.perf_counter()
        found = eigsh(operator, k, tol=1e-2, block_size=block_size, check=False, rng=0)
        name = f"eigsh, block {block_size or 'by default'}"
        report(name, found.info.n_matvecs, time.perf_counter() - start, found.eigenvalues)
    for tolerance in (1e-3, 1e-5):
        counted, start = Counted(product, n, np.float32), time.perf_counter()
        values = power_iteration(counted, k, tolerance=tolerance, most_steps=400)
        report(f"power iteration {tolerance:g}", counted.n_products, time.perf_counter() - start, values)
    for tolerance in (1e-1, 1e-2, 1e-3):
        counted, start = Counted(product, n, np.float32), time.perf_counter()
        random = np.random.default_rng(0).standard_normal(n).astype(np.float32)
        values = scipy.sparse.linalg.eigsh(counted, k, tol=tolerance, v0=random, return_eigenvectors=False)
        report(f"SciPy's eigsh {tolerance:g}", counted.n_products, time.perf_counter() - start, values)


def density_table(operator: Any, model: Any, loss: Any, data: Any) -> None:
    """Print products and the mean error of the distribution of the eigenvalues, in units of the width of the spectrum.

    The mean over x of the distance between the distribution and a reference of many probes and steps: what smoothing
    costs is proportional to the width of the kernel.
    """
    import torch

    reference = spectral_density(operator, degree=200, n_probes=16, check=False, rng=7)
    low, high = reference.support
    x = np.linspace(low - 0.1 * (high - low), high + 0.1 * (high - low), 4001)
    truth = np.asarray(reference.cdf(x))

    def report(name: str, n_products: int, cdf: Any) -> None:
        print(f"  {name:28} {n_products:6} products  mean error of the distribution {np.mean(np.abs(cdf - truth)):.1e}")

    for degree, n_probes in ((15, 1), (30, 1), (60, 4)):
        found = spectral_density(operator, degree=degree, n_probes=n_probes, check=False, rng=0)
        report(f"spectral_density {n_probes} x {degree}", found.info.n_matvecs, np.asarray(found.cdf(x)))
    print(found)
    try:
        import curvlinops
    except ImportError:
        return
    hessian = curvlinops.HessianLinearOperator(
        model, torch.nn.CrossEntropyLoss(), list(model.parameters()), [data], check_deterministic=False
    )
    counts, inner = [0], hessian._matmat

    def counted(block):
        counts[0] += block[0].shape[-1]
        return inner(block)

    hessian._matmat = counted
    for degree, n_probes in ((60, 1), (60, 4), (240, 4)):
        counts[0] = 0
        torch.manual_seed(0)
        grid, values = curvlinops.lanczos_approximate_spectrum(hessian, degree, num_points=20_001, num_repeats=n_probes)
        grid, values = grid.numpy().astype(np.float64), values.numpy().astype(np.float64)
        below = np.concatenate([[0.0], np.cumsum(0.5 * (values[1:] + values[:-1]) * np.diff(grid))])
        report(f"curvlinops {n_probes} x {degree}", counts[0], np.interp(x, grid, below, left=0.0, right=below[-1]))


def main(width: int = 256, n_samples: int = 256, k: int = 20) -> None:
    model, loss, data = trained_network(width, n_samples, 100)
    operator = hessian_operator(model, loss, data)
    eigenvalue_table(operator, lambda block: operator.product(block, 1), k)
    density_table(operator, model, loss, data)


if __name__ == "__main__":
    main()
