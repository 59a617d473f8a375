"""Do networks of one kind resemble each other? A map of all networks from their distances.

Sixty networks read the same latent signals through one of four nonlinearities and their own random weights. The last
line is the mean distance within a kind as a share of that between kinds.

expected: 0.22 ± 0.05

Give a file name to save the picture.
"""

import sys

import numpy as np
from eigenscope.neural import pairwise_distances

rng = np.random.default_rng(0)
latent = rng.standard_normal((600, 3))
kinds = {"linear": lambda x: x, "rectified": lambda x: np.maximum(x, 0), "tanh": np.tanh, "absolute": np.abs}
labels = [name for name in kinds for _ in range(15)]
networks = [kinds[name](1.5 * latent @ rng.standard_normal((3, 80))) for name in labels]

# Linear networks have three dimensions only: a little noise of its own gives every network ten.
networks = [network + 0.05 * rng.standard_normal(network.shape) for network in networks]
result = pairwise_distances(networks, 10, metric="angular")
print(result)
embedding = result.embed()
print(embedding)

if len(sys.argv) > 1:
    embedding.plot(groups=labels, title="Sixty networks").figure.savefig(sys.argv[1], dpi=150)

same = np.equal.outer(labels, labels)
between = result.distances[~same].mean()
within = result.distances[same & ~np.eye(len(labels), dtype=bool)].mean()
print(f"{within / between:.3f}")
