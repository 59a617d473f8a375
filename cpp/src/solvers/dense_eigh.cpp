#include <algorithm>
#include <cmath>
#include <eigenscope/foundation/blas.hpp>
#include <eigenscope/foundation/error.hpp>
#include <eigenscope/foundation/uninterruptible.hpp>
#include <eigenscope/solvers/eigenpairs.hpp>
#include <eigenscope/solvers/tridiagonal_ends.hpp>
#include <limits>
#include <optional>
#include <type_traits>
#include <utility>

#include "formed_matrix.hpp"

namespace eigenscope {

namespace {

/// Some eigenpairs of one matrix, values in any order.
template <class Scalar>
struct Selection {
    Vector<double> values;
    Matrix<Scalar> vectors;
};

/// From this order on, a few pairs at the ends cost less than all of them; and only where they are so few.
constexpr Index smallest_partial_order = 64;
constexpr Index partial_share = 8;

template <class Scalar>
Selection<Scalar> all_pairs(Matrix<Scalar> matrix, const Execution& execution) {
    auto pairs = hermitian_eigenpairs<Scalar>(std::move(matrix), execution);
    return {pairs.values.template cast<double>(), std::move(pairs.vectors)};
}

/// The way to eigenpairs from both ends: the matrix, destroyed on it, and what is found.
struct EndsOfMatrix {
    Matrix<double> matrix;
    Index lower, upper;
    std::optional<TridiagonalPairs<double>> pairs;

    /// A = Q T Q^T once for both ends.
    void find() {
        const Index n = matrix.rows();
        const auto t = blas::tridiagonalize<double>(n, matrix.data(), n);
        pairs = pairs_at_ends<double>(t, lower, upper);
        if (pairs)
            blas::multiply_by_reflectors<double>(n, matrix.data(), n, t, lower + upper, pairs->vectors.data(), n);
    }
};

/// `lower` and `upper` pairs, or nothing.
Selection<double> pairs_at_both_ends(Matrix<double> matrix, Index lower, Index upper, const Execution& execution) {
    const Index n = matrix.rows();
    EndsOfMatrix ends{std::move(matrix), lower, upper, std::nullopt};
    ends = run_uninterruptible(n, std::move(ends), [](EndsOfMatrix& both) { both.find(); }, execution);
    if (!ends.pairs) return {};
    // Relatively robust representations leave angles of a few hundred eps between vectors.
    orthonormalize<double>(ends.pairs->vectors, 0.0, Execution{});
    return {std::move(ends.pairs->values), std::move(ends.pairs->vectors)};
}

/// Enough pairs from the ends to hold the k wanted ones; empty where all must be computed.
template <class Scalar>
Selection<Scalar> partial_pairs(const Matrix<Scalar>& matrix, Index k, Which which, const Execution& execution) {
    const Index n = matrix.rows();
    if constexpr (std::is_same_v<Scalar, double>) {
        if (n < smallest_partial_order || k * partial_share > n) return {};
        Index upper = k, lower = k;
        if (which == Which::largest_algebraic) lower = 0;
        if (which == Which::smallest_algebraic) upper = 0;
        if (which == Which::both_ends) upper = k - k / 2, lower = k / 2;
        return pairs_at_both_ends(matrix, lower, upper, execution);
    }
    return {};
}

}  // namespace

template <class Scalar>
LanczosResult<Scalar> dense_eigh(BlockOperator<Scalar>& op, const LanczosOptions& options, const Execution& execution) {
    using Real = RealOf<Scalar>;
    const Index n = op.rows(), k = std::min(options.k, n);
    LanczosResult<Scalar> result;
    FormedMatrix<Scalar> formed = form_matrix(op, execution);
    result.n_matvecs = formed.n_matvecs;
    result.n_applications = formed.n_applications;
    Matrix<Scalar> matrix = std::move(formed.matrix);
    result.basis_bytes = 2 * n * n * Index{sizeof(Scalar)};
    const double largest = finite_magnitude(matrix.data(), matrix.size());
    const double scale = largest > 0.0 ? safe_scale<Scalar>(largest) : 1.0;
    if (scale != 1.0) matrix *= static_cast<Real>(scale);
    matrix = (Real(0.5) * (matrix + matrix.adjoint())).eval();

    // LAPACK's backward error grows slowly with n.
    const double tolerance = std::max(
        options.tolerance, residual_floor * std::numeric_limits<Real>::epsilon() * std::sqrt(static_cast<double>(n)));
    const auto select = [&](const Selection<Scalar>& pairs) {
        const auto order = wanted_order(pairs.values, options.which);
        result.eigenvalues.resize(k);
        result.eigenvectors.resize(n, k);
        for (Index j = 0; j < k; ++j) {
            result.eigenvalues[j] = pairs.values[order[static_cast<std::size_t>(j)]] / scale;
            result.eigenvectors.col(j) = pairs.vectors.col(order[static_cast<std::size_t>(j)]);
        }
        result.norm = pairs.values.size() > 0 ? pairs.values.cwiseAbs().maxCoeff() / scale : 0.0;
        result.residual_norms = residual_norms<Scalar>(op, result.eigenvalues, result.eigenvectors, execution);
        result.n_matvecs += k;
        ++result.n_applications;
        result.status = Status::converged;
        mark_converged(result, tolerance);
    };
    const auto ends = partial_pairs(matrix, k, options.which, execution);
    if (ends.values.size() > 0) select(ends);
    if (ends.values.size() == 0 || result.status != Status::converged) select(all_pairs(std::move(matrix), execution));
    return result;
}

#define EIGENSCOPE_INSTANTIATE(S) \
    template LanczosResult<S> dense_eigh<S>(BlockOperator<S>&, const LanczosOptions&, const Execution&);
EIGENSCOPE_INSTANTIATE(float)
EIGENSCOPE_INSTANTIATE(double)
EIGENSCOPE_INSTANTIATE(complex64)
EIGENSCOPE_INSTANTIATE(complex128)
#undef EIGENSCOPE_INSTANTIATE

}  // namespace eigenscope
