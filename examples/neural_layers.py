"""How does the spectrum change through the layers of a network?

Random features of a sphere: the input has dimension 3, the first layer is a step function, the second rectifies. Their
spectra are known to fall with exponents 1.5 and 2.5, of which ranks 11 to 100 show local slopes. The last line is the
exponent of the first layer.

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
print("theory:", [random_feature_exponent(3, power) for power in (0.0, 0.5, 1.0)])

if len(sys.argv) > 1:
    report.plot().figure.savefig(sys.argv[1], dpi=150)
print(f"{report.layers[0].power_law.exponent:.4f}")
