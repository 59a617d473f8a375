// Sums over all pairs of eigenvalues, on which nonlinear shrinkage of covariance matrices rests: O(p²) time, O(p)
// memory.
#pragma once

#include <complex>
#include <eigenscope/foundation/progress.hpp>
#include <span>

namespace eigenscope::random_matrix {

/// Density of the eigenvalues and its Hilbert transform at each of them, by an Epanechnikov kernel whose width at
/// eigenvalue l_j is h l_j: f_i = mean_j k((l_i - l_j) / (h l_j)) / (h l_j). Eigenvalues positive and ascending.
void smoothed_density(std::span<const double> eigenvalues, double bandwidth, const Execution& execution,
                      std::span<double> density, std::span<double> hilbert);

/// With L = 1/l: θ_i = mean_j L_j (L_j - L_i) / ((L_j - L_i)² + h² L_j²) and the conjugate
/// φ_i = mean_j h L_j² / (same).
void inverse_resolvent(std::span<const double> eigenvalues, double bandwidth, const Execution& execution,
                       std::span<double> theta, std::span<double> conjugate);

/// s(l_i - iη) = mean_j 1 / (l_i - iη - l_j).
void resolvent(std::span<const double> eigenvalues, double offset, const Execution& execution,
               std::span<std::complex<double>> values);

}  // namespace eigenscope::random_matrix
