"""Which brain regions are scale-free?

Three simulated regions see 400 stimuli twice: two follow a power law, the third bends from slope 0.5 to 1.2 at rank 15.
The last line is the difference of the exponents of the first two, 1.3 and 1.0.

expected: 0.3 ± 0.1

Give a file name to save the picture.
"""

import sys

import numpy as np
from eigenscope.neural import compare_regions

n_stimuli, n_neurons = 400, 500
rng = np.random.default_rng(0)
ranks = np.arange(1, n_neurons + 1)
bent = np.where(ranks <= 15, ranks**-0.5, 15**-0.5 * (ranks / 15) ** -1.2)


def record(variances):
    mixing = np.linalg.qr(rng.standard_normal((n_neurons, n_neurons)))[0]
    signal = (rng.standard_normal((n_stimuli, n_neurons)) * np.sqrt(variances)) @ mixing
    return tuple(signal + signal.std() * rng.standard_normal(signal.shape) for _ in range(2))


found = compare_regions({"steep": record(ranks**-1.3), "shallow": record(ranks**-1.0), "bent": record(bent)}, rng=0)
print(found)
for first, second, difference, p_value in found.differences:
    print(f"{first} - {second}: {difference}, p = {p_value:.2g}")

if len(sys.argv) > 1:
    found.plot().figure.savefig(sys.argv[1], dpi=150)
print(f"{found.differences[0][2].value:.4f}")
