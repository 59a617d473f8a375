"""How fast do the dimensions shared by two recordings fall off?

Two recordings of one population hold the same signal, whose variance falls as 1 / rank, and independent noise. The
axes are found on half of the stimuli and judged on the other half. The last line is the exponent of the spectrum over
ranks 2 to 40.

expected: 1.0 ± 0.15

Give a file name to save the picture.
"""

import sys

import numpy as np
from eigenscope import fit_power_law
from eigenscope.neural import cross_spectrum

n_stimuli, n_neurons = 2000, 300
rng = np.random.default_rng(0)
signal = rng.standard_normal((n_stimuli, n_neurons)) * np.arange(1, n_neurons + 1) ** -0.5
signal = signal @ np.linalg.qr(rng.standard_normal((n_neurons, n_neurons)))[0]
X, Y = signal + 0.1 * rng.standard_normal((2, n_stimuli, n_neurons))

half = n_stimuli // 2
result = cross_spectrum(X[:half], Y[:half], X[half:], Y[half:])
print(result)

if len(sys.argv) > 1:
    result.plot().figure.savefig(sys.argv[1], dpi=150)

fit = fit_power_law(result.covariances, ranks=(2, 40))
print(f"{fit.exponent:.3f}")
