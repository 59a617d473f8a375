// Noise beside spikes, given where the spikes lie in the sample: its variance, and the edge of its bulk.
#pragma once

#include <eigenscope/random_matrix/spikes.hpp>
#include <span>

namespace eigenscope::random_matrix {

/// Noise variance and the bulk it fills beside the leading sample eigenvalues.
struct ConditionalNoise {
    double variance = 0;
    NoiseEdge edge;
    bool converged = false;
};

/// Noise variance from the leading sample eigenvalues and the sum of all others.
///
/// Given k separated spikes L_i, the other m = min(n, p) - k eigenvalues have the density
/// Π |λ_i - λ_j| Π λ^((|n-p|-1)/2) exp(-n λ / 2 s²) Π (L_i - λ_j)^½: integrating the eigenvectors of the spikes leaves
/// half of their repulsion, whatever their population values are. Scaling all λ_j gives E Σ λ_j = (s²/n)
/// [(n-k)(p-k) - Σ_i E Σ_j λ_j / (L_i - λ_j)], and `variance` solves it with the limiting density in the last term.
ConditionalNoise conditional_noise(std::span<const double> leading, double rest, double n_samples, double n_features);

/// Upper edge of the bulk of noise of this variance beside the leading sample eigenvalues.
NoiseEdge conditional_edge(std::span<const double> leading, double variance, double n_samples, double n_features);

}  // namespace eigenscope::random_matrix
