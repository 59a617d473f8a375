"""How well does a model predict a brain area, and is it the radius or the dimension of its errors that limits it?

Two models of the same area: one has the area's features in its leading modes, the other in random modes. Both are
regressed on the area's responses to 400 stimuli. The last line is the error of the aligned model as a share of that
of the other.

expected: 0.14 ± 0.03

Give a file name to save the picture.
"""

import sys

import numpy as np
from eigenscope.neural import prediction_error

n_stimuli, n_features, n_neurons = 400, 500, 60
rng = np.random.default_rng(0)
scale = np.arange(1, n_features + 1) ** -0.6
features = rng.standard_normal((n_stimuli, n_features))
area = (features * scale) @ rng.standard_normal((n_features, n_neurons))

models = {"aligned": features * scale**1.5, "not aligned": features * rng.permutation(scale**1.5)}
results = {name: prediction_error(model, area, ridge=1e-4, rng=0) for name, model in models.items()}
for name, result in results.items():
    print(f"{name}: {result}")

if len(sys.argv) > 1:
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained", sharey=True)
    for ax, (name, result) in zip(axes, results.items(), strict=True):
        result.plot(ax=ax, title=f"Model {name}")
    figure.savefig(sys.argv[1], dpi=150)

errors = [result.theory.generalization_error[-1] for result in results.values()]
print(f"{errors[0] / errors[1]:.3f}")
