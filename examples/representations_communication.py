"""How many dimensions of one population predict another?

Neurons on a ring fire as the rectified cosine of an angle: two of its Fourier modes carry 84 % of the variance, four
99 %. Half of the neurons predict the other half. The last line is the cross-validated share of variance that four
dimensions explain; theory says 0.9922.

expected: 0.992 ± 0.005
"""

import numpy as np
from eigenscope.neural import reduced_rank_regression

rng = np.random.default_rng(0)
preferred, angle = rng.uniform(0, 2 * np.pi, 600), rng.uniform(0, 2 * np.pi, 2000)
responses = np.maximum(0, np.cos(angle[:, None] - preferred))

result = reduced_rank_regression(responses[:, :300], responses[:, 300:], 6, n_folds=5)
print(result)
for rank in (1, 2, 4, 6):
    print(f"{rank} dimensions explain {result.r_squared[rank - 1]:.4f}")
print(f"{result.r_squared[3]:.4f}")
