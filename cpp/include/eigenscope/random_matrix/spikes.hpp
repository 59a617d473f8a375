// Noise with spikes: the noise variance behind a spectrum, and the edge of the noise beside its signals.
#pragma once

#include <eigenscope/foundation/types.hpp>
#include <span>
#include <vector>

namespace eigenscope::random_matrix {

/// Noise variance and population spikes that explain each other.
struct NoiseAndSpikes {
    double variance = 0;
    std::vector<double> spikes;  // population values, one for each leading eigenvalue
    bool converged = false;      // and every leading eigenvalue lies where a spike can put it
};

/// Kritchman and Nadler's noise variance from the leading eigenvalues and the sum of all others: s² and the
/// spikes ρ_i solve ρ² - ρ (l_i + s² - s² (p - k) / n) + l_i s² = 0 and s² (p - k) = rest + Σ (l_i - ρ_i).
NoiseAndSpikes kritchman_nadler(std::span<const double> leading, double rest, double n_samples, double n_features);

/// Where the noise bulk ends and the scale on which its largest eigenvalue fluctuates there.
struct NoiseEdge {
    double location = 0;
    double scale = 0;
    bool separated = false;  // false: the noise merges with the spikes and there is no edge between them
};

/// Upper edge of the noise interval of the population law (1 - k/p) δ_{s²} + (1/p) Σ δ_{ρ_i}.
NoiseEdge noise_edge(std::span<const double> spikes, double variance, double n_samples, double n_features);

}  // namespace eigenscope::random_matrix
