"""How aligned are two populations of which only some neurons were recorded?

The alignment of the kernels (CKA) of two large populations is 0.5. Recordings of 40 neurons and 120 stimuli show
another number: few stimuli push it up, few neurons down. The last line is the estimate for the populations, averaged
over ten recordings.

expected: 0.5 ± 0.1
"""

import numpy as np
from eigenscope.neural import kernel_alignment

n_stimuli, n_latents, n_recorded = 120, 300, 40
rng = np.random.default_rng(0)
scale = np.arange(1, n_latents + 1) ** -0.6
plain, debiased, population = [], [], []
for _ in range(10):
    shared, own = rng.standard_normal((2, n_stimuli, n_latents)) * scale
    first = shared @ rng.standard_normal((n_latents, n_recorded))
    second = (shared + own) / np.sqrt(2) @ rng.standard_normal((n_latents, n_recorded))
    result = kernel_alignment(first, second)
    plain.append(result.biased)
    debiased.append(result.debiased.value)
    population.append(result.population.value)

print(result)
print(f"with 400 neurons each one would find {result.predict(400, 400):.3f}")
print(f"plain {np.mean(plain):.3f}, free of the bias of few stimuli {np.mean(debiased):.3f}")
print(f"{np.mean(population):.3f}")
