"""How does the spectrum change through the layers of a network?

Random features of a sphere: the input has dimension 3, the layers are a step function, the root of a rectifier and a
rectifier. At high ranks their spectra fall with exponents 1.5, 2 and 2.5; ranks 11 to 100 span a few steps of equal
eigenvalues only, so that slopes there differ, most for the rectifier. The last line is the exponent of the first layer.

expected: 1.5 ± 0.25

Give a file name to save the picture.
"""

import sys

from eigenscope.neural import layer_report, random_feature_exponent, simulate_random_features

n_samples, n_units = 1500, 2000
layers = {
    name: simulate_random_features(n_samples, n_units, dimension=3, power=power, rng=0)
    for name, power in (("step", 0.0), ("half", 0.5), ("rectified", 1.0))
}
report = layer_report(layers)
print(report)
theory = [random_feature_exponent(3, power) for power in (0.0, 0.5, 1.0)]
print("theory, at high ranks:", theory)

if len(sys.argv) > 1:
    ax = report.plot()
    ax.plot(range(3), theory, "k_", markersize=14, label="theory, at high ranks")
    ax.legend(frameon=False, fontsize="small")
    ax.figure.savefig(sys.argv[1], dpi=150)
print(f"{report.layers[0].power_law.exponent:.4f}")
