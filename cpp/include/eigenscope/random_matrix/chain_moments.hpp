// Unbiased moments of population eigenvalues from a Gram matrix: sums over chains of different samples.
// Kong and Valiant 2017, "Spectrum estimation from samples", Annals of Statistics 45.
#pragma once

#include <eigenscope/foundation/progress.hpp>
#include <eigenscope/foundation/types.hpp>
#include <span>

namespace eigenscope::random_matrix {

/// Estimates of Σ λ^m, m = 1 … moments.size(), from the n x n matrix A of products between samples, rows of it one
/// after the other: tr(F^(m-1) A) / (n choose m), F the strictly upper triangle of A, sums A_{i1 i2} … A_{im i1} over
/// increasing chains, in which no sample meets itself. A need not be symmetric: it may lie between two repeats.
template <class Real>
void chain_moments(const Real* gram, Index n, std::span<double> moments);

/// The same for differences of consecutive pairs of samples over √2, which have mean zero exactly, in several orders.
/// `cross` holds n x n products between samples, `orders` n indices for each order, `moments` is orders x n_moments.
template <class Real>
void paired_chain_moments(const Real* cross, Index n, std::span<const Index> orders, Index n_moments,
                          const Execution& execution, std::span<double> moments);

}  // namespace eigenscope::random_matrix
