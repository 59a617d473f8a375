"""Are two systems similar, or do they only have many neurons?

Two areas of 60 neurons share five latent signals; with 400 stimuli even unrelated areas of that size have canonical
correlations far above zero. The Wachter law says how far. The last line is the number of correlations above it.

expected: 5 ± 0

Give a file name to save the picture.
"""

import sys

import numpy as np
from eigenscope.neural import cca, pwcca, svcca

n_stimuli, n_neurons, n_shared = 400, 60, 5
rng = np.random.default_rng(0)
shared = rng.standard_normal((n_stimuli, n_shared))
areas = [
    shared @ rng.standard_normal((n_shared, n_neurons)) + 1.5 * rng.standard_normal((n_stimuli, n_neurons))
    for _ in range(2)
]

result = cca(*areas)
print(result)
print(svcca(*areas, k=10))
print(pwcca(*areas))

unrelated = cca(areas[0], rng.standard_normal((n_stimuli, n_neurons)))
print(f"unrelated areas: mean correlation {unrelated.similarity.value:.3f}, excess over null {unrelated.excess:+.3f}")

if len(sys.argv) > 1:
    result.plot().figure.savefig(sys.argv[1], dpi=150)

print(result.n_above_null)
