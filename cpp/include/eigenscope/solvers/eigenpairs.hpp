// What every eigensolver does with its pairs at the end.
#pragma once

#include <algorithm>
#include <cmath>
#include <eigenscope/foundation/blas.hpp>
#include <eigenscope/foundation/error.hpp>
#include <eigenscope/foundation/uninterruptible.hpp>
#include <eigenscope/solvers/lanczos.hpp>
#include <eigenscope/solvers/orthogonalize.hpp>
#include <eigenscope/solvers/tall_products.hpp>
#include <limits>
#include <memory>
#include <utility>

namespace eigenscope {

/// 1, or the power of two that brings `magnitude` near 1 when squares of it would leave the floating range.
template <class Scalar>
double safe_scale(double magnitude) {
    using Real = RealOf<Scalar>;
    const int exponent = std::ilogb(magnitude);
    const bool safe = std::abs(exponent) < std::numeric_limits<Real>::max_exponent / 8;
    // A factor beyond the range itself would be infinite; the rest of the way does no harm.
    const int limit = std::numeric_limits<Real>::max_exponent - 2;
    return safe ? 1.0 : std::ldexp(1.0, std::min(limit, std::max(-limit, -exponent)));
}

/// The largest magnitude of what an operator has returned; no comparison with NaN is true, so that each entry is asked.
template <class Scalar>
double finite_magnitude(const Scalar* entries, Index size) {
    double largest = 0.0;
    for (Index i = 0; i < size; ++i) {
        const double magnitude = std::abs(Precise<Scalar>(entries[i]));
        if (!std::isfinite(magnitude)) throw InvalidInput("the operator returned values that are not finite");
        largest = std::max(largest, magnitude);
    }
    return largest;
}

template <class Scalar>
struct Eigenpairs {
    Vector<RealOf<Scalar>> values;
    Matrix<Scalar> vectors;
};

/// All eigenpairs (ascending) from the lower triangle of a Hermitian matrix, whose memory the vectors take.
template <class Scalar>
Eigenpairs<Scalar> hermitian_eigenpairs(Matrix<Scalar> matrix, const Execution& execution) {
    const Index n = matrix.rows();
    const auto decompose = [](Eigenpairs<Scalar>& pairs) {
        const Index order = pairs.vectors.rows();
        blas::eigh<Scalar>(order, pairs.vectors.data(), std::max<Index>(1, order), pairs.values.data(), true);
    };
    Eigenpairs<Scalar> pairs{Vector<RealOf<Scalar>>(n), std::move(matrix)};
    return run_uninterruptible(n, std::move(pairs), decompose, execution);
}

/// Eigenpairs number first … first + count - 1 (ascending) from the lower triangle of A (n x n), which is destroyed;
/// `owner` keeps its memory when the caller is told to stop.
template <class Scalar>
Eigenpairs<Scalar> eigenpairs_in_range(Index n, Scalar* a, std::shared_ptr<void> owner, Index first, Index count,
                                       const Execution& execution) {
    Eigenpairs<Scalar> pairs{Vector<RealOf<Scalar>>(count), Matrix<Scalar>(n, count)};
    if (count == 0) return pairs;
    const auto decompose = [n, a, owner, first, count](Eigenpairs<Scalar>& found) {
        blas::eigh_range<Scalar>(n, a, n, first, first + count - 1, found.values.data(), found.vectors.data(), n);
    };
    pairs = run_uninterruptible(n, std::move(pairs), decompose, execution);
    // Relatively robust representations leave angles of a few hundred eps between vectors.
    orthonormalize<Scalar>(pairs.vectors, 0.0, Execution{});
    return pairs;
}

/// ‖A v_j - lambda_j v_j‖ for every column, in double, from the product A V.
template <class Scalar>
Vector<double> residual_norms_of(const Matrix<Scalar>& product, const Vector<double>& eigenvalues,
                                 const Matrix<Scalar>& vectors) {
    Vector<double> norms(vectors.cols());
    for (Index j = 0; j < vectors.cols(); ++j) {
        // Divided by a power of two first, so that squares stay inside the range.
        const double unit = eigenvalues[j] != 0.0 ? 1.0 / safe_scale<double>(std::abs(eigenvalues[j])) : 1.0;
        double sum = 0.0;
        for (Index i = 0; i < vectors.rows(); ++i)
            sum += std::norm((Precise<Scalar>(product(i, j)) - eigenvalues[j] * Precise<Scalar>(vectors(i, j))) / unit);
        norms[j] = std::sqrt(sum) * unit;
    }
    return norms;
}

template <class Scalar>
Vector<double> residual_norms(BlockOperator<Scalar>& op, const Vector<double>& eigenvalues,
                              const Matrix<Scalar>& vectors, const Execution& execution) {
    Matrix<Scalar> product(vectors.rows(), vectors.cols());
    op.apply(vectors, product, execution);
    return residual_norms_of(product, eigenvalues, vectors);
}

/// Which residuals meet tolerance * norm; a set that was declared complete but misses it has stagnated.
template <class Scalar>
void mark_converged(LanczosResult<Scalar>& result, double tolerance) {
    result.converged.clear();
    bool all = true;
    for (Index j = 0; j < result.residual_norms.size(); ++j) {
        result.converged.push_back(result.residual_norms[j] <= tolerance * result.norm);
        all = all && result.converged.back();
    }
    if (!all && (result.status == Status::converged || result.status == Status::possible_omission))
        result.status = Status::stagnated;
}

}  // namespace eigenscope
