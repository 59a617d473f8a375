"""Can two latent variables make a spectrum that falls as a power law?

A ring network of 2000 threshold neurons turns on a limit cycle: two latent variables, and responses whose eigenvalues
are known exactly, in pairs 1, 1/9, 1/25, ... with participation ratio 3. The last line is that of the simulation.

expected: 3.0 ± 0.005

Give a file name to save the picture.
"""

import sys

import numpy as np
from eigenscope import covariance_spectrum
from eigenscope.neural import ring_spectrum, simulate_ring_network

n_neurons = 2000
trajectory = simulate_ring_network(n_neurons, n_periods=2)
print(trajectory)
spectrum = covariance_spectrum(trajectory.responses(), center=False)
exact = n_neurons * ring_spectrum(100)
print("simulated / exact:", np.round(spectrum.eigenvalues[:8] / exact[:8], 4))

if len(sys.argv) > 1:
    ax = spectrum.plot(title="Ring network")
    ax.plot(np.arange(1, 101), exact, "k.", markersize=3, zorder=4, label="exact")
    ax.set_xlim(0.9, 110)
    ax.set_ylim(exact[-1] / 2, 2 * exact[0])
    ax.legend(frameon=False, fontsize="small")
    ax.figure.savefig(sys.argv[1], dpi=150)
print(f"{float(spectrum.participation_ratio()):.5f}")
