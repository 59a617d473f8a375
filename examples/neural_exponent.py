"""What is the exponent of my population's eigenspectrum?

500 stimuli shown twice to 1000 neurons; the signal's spectrum falls as 1/rank, noise of the same size fills axes of its
own. Cross-validated PCA comes out too flat, the method of eigen-moments does not. The last line is its exponent.

expected: 1.0 ± 0.05

Give a file name to save the picture.
"""

import sys

import numpy as np
from eigenscope.neural import cvpca, exponent_bias, fit_power_law_moments, signal_statistics

n_stimuli, n_neurons = 500, 1000
rng = np.random.default_rng(0)
spread = np.arange(1, n_neurons + 1) ** -0.5
axes = np.linalg.qr(rng.standard_normal((n_neurons, n_neurons)))[0]
signal = rng.standard_normal((n_stimuli, n_neurons)) * spread
X1, X2 = (signal + (rng.standard_normal(signal.shape) * spread) @ axes for _ in range(2))

print(signal_statistics(X1, X2))
spectrum = cvpca(X1, X2, rng=0)
print(spectrum)
fit = spectrum.fit_power_law(ranks=(11, 100))
print(fit)
print("bias of cross-validated PCA, simulated:", exponent_bias(spectrum, ranks=(11, 100), n_simulations=2, rng=0))
moments = fit_power_law_moments(X1, X2, rng=0)
print(moments)

if len(sys.argv) > 1:
    import matplotlib.pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    spectrum.plot(left, power_law=fit)
    moments.plot(right)
    figure.savefig(sys.argv[1], dpi=150)
print(f"{moments.exponent:.4f}")
