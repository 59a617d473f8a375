"""How many samples does a regression need? Theory beside an experiment.

A linear teacher on features whose variance falls as rank^-1.2, noise 0.3, ridge 1e-3; errors of 20 regressions are
exact, because the distribution of the inputs is known. The last line is the median over training sizes of measured
error / predicted error.

expected: 1.0 ± 0.05

Give a file name to save the picture.
"""

import sys

import numpy as np
from eigenscope.neural import learning_curve

n_features, noise, ridge = 600, 0.3, 1e-3
variances = np.arange(1, n_features + 1) ** -1.2
rng = np.random.default_rng(0)
teacher = rng.standard_normal(n_features)
sizes = np.array([20, 40, 80, 160, 320])

curve = learning_curve(variances, variances * teacher**2, sizes, ridge=ridge, noise=noise)
print(curve)

measured = np.empty((len(sizes), 20))
for row, n_train in enumerate(sizes):
    for draw in range(measured.shape[1]):
        X = rng.standard_normal((n_train, n_features)) * np.sqrt(variances)
        y = X @ teacher + np.sqrt(noise) * rng.standard_normal(n_train)
        student = X.T @ np.linalg.solve(X @ X.T + ridge * np.eye(n_train), y)
        measured[row, draw] = variances @ (student - teacher) ** 2

if len(sys.argv) > 1:
    ax = curve.plot()
    errors = measured.std(axis=1) / np.sqrt(20)
    ax.errorbar(sizes, measured.mean(axis=1), yerr=errors, fmt="o", color="k", markersize=4, label="measured")
    ax.legend(frameon=False, fontsize="small")
    ax.figure.savefig(sys.argv[1], dpi=150)

ratio = measured.mean(axis=1) / curve.generalization_error
for n_train, value in zip(sizes, ratio, strict=True):
    print(f"{n_train} samples: measured / predicted {value:.3f}")
print(f"{np.median(ratio):.3f}")
