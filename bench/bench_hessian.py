"""Leading eigenvalues and density of a network's Hessian: products beside power iteration with deflation.

python bench/bench_hessian.py
"""

from __future__ import annotations

import time

import numpy as np
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


def power_iteration(product, n: int, k: int, *, tolerance: float = 1e-3, most_steps: int = 100):
    """One eigenvalue after the other, each orthogonal to those before it; stops when it changes by the tolerance."""
    random = np.random.default_rng(0)
    vectors, values, n_products = np.empty((n, 0), dtype=np.float32), [], 0
    for _ in range(k):
        v = random.standard_normal((n, 1)).astype(np.float32)
        value = np.inf
        for _ in range(most_steps):
            v -= vectors @ (vectors.T @ v)
            v /= np.linalg.norm(v)
            image = product(v)
            n_products += 1
            before, value = value, float(np.vdot(v, image))
            v = image
            if abs(value - before) < tolerance * abs(value):
                break
        vectors = np.hstack([vectors, v / np.linalg.norm(v)])
        values.append(value)
    return np.array(values), n_products


def main(width: int = 256, n_samples: int = 256, k: int = 20) -> None:
    model, loss, data = trained_network(width, n_samples, 100)
    operator = hessian_operator(model, loss, data)
    n = operator.shape[0]
    truth = np.sort(np.abs(eigsh(operator, k, tol=1e-5, check=False, rng=1).eigenvalues))[::-1]

    def error(values):
        return np.max(np.abs(np.sort(np.abs(values))[::-1] - truth) / truth)

    start = time.perf_counter()
    found = eigsh(operator, k, tol=1e-2, check=False, rng=0)
    ours = time.perf_counter() - start
    start = time.perf_counter()
    values, n_products = power_iteration(lambda block: operator.product(block, 1), n, k)
    theirs = time.perf_counter() - start
    print(f"{n} parameters, {k} eigenvalues of largest magnitude")
    print(f"eigsh           {found.info.n_matvecs:6} products {ours:6.1f} s  error {error(found.eigenvalues):.1e}")
    print(f"power iteration {n_products:6} products {theirs:6.1f} s  error {error(values):.1e}")
    start = time.perf_counter()
    density = spectral_density(operator, degree=60, n_probes=4, check=False, rng=0)
    print(density)
    print(f"{time.perf_counter() - start:.1f} s, {len(density.outliers)} outliers, trace {density.moment(1)}")


if __name__ == "__main__":
    main()
