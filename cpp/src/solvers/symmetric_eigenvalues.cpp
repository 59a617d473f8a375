#include <algorithm>
#include <cmath>
#include <eigenscope/foundation/blas.hpp>
#include <eigenscope/foundation/error.hpp>
#include <eigenscope/foundation/kernels.hpp>
#include <eigenscope/foundation/uninterruptible.hpp>
#include <eigenscope/solvers/band_reduction.hpp>
#include <eigenscope/solvers/bulge_chasing.hpp>
#include <eigenscope/solvers/eigenpairs.hpp>
#include <eigenscope/solvers/symmetric_eigenvalues.hpp>
#include <eigenscope/solvers/tridiagonal_ends.hpp>
#include <optional>

namespace eigenscope {

namespace {

/// Below this order LAPACK's one stage stays in cache and is faster.
constexpr Index smallest_two_stage_order = 256;
/// Where fewer pairs than this share are wanted, two stages and their two transformations back are faster than one.
constexpr Index two_stage_share = 3;

Vector<double> tridiagonal_eigenvalues(blas::Tridiagonal<double> t, const Execution& execution) {
    const auto solve = [](blas::Tridiagonal<double>& both) {
        blas::tridiagonal_eigenvalues<double>(both.diagonal.size(), both.diagonal.data(), both.off_diagonal.data());
    };
    const Index n = t.diagonal.size();
    return run_uninterruptible(n, std::move(t), solve, execution).diagonal;
}

struct LargestOfTridiagonal {
    blas::Tridiagonal<double> t;
    Index count;
    std::optional<TridiagonalPairs<double>> pairs;
};

/// The `count` largest eigenpairs, ascending.
Eigenpairs<double> tridiagonal_largest(blas::Tridiagonal<double> t, Index count, const Execution& execution) {
    const Index n = t.diagonal.size();
    const auto solve = [](LargestOfTridiagonal& work) { work.pairs = pairs_at_ends<double>(work.t, 0, work.count); };
    auto work = run_uninterruptible(n, LargestOfTridiagonal{std::move(t), count, std::nullopt}, solve, execution);
    if (work.pairs) return {std::move(work.pairs->values), std::move(work.pairs->vectors)};
    // A copy of a wanted eigenvalue is left out: LAPACK's other methods do not mind.
    Matrix<double> full = Matrix<double>::Zero(n, n);
    full.diagonal() = work.t.diagonal;
    full.diagonal(-1) = work.t.off_diagonal.head(n - 1);
    auto all = hermitian_eigenpairs<double>(std::move(full), execution);
    return {all.values.tail(count), all.vectors.rightCols(count)};
}

double largest_magnitude(Index n, const double* a, Index lda) {
    double largest = 0.0;
    for (Index j = 0; j < n; ++j)
        for (Index i = j; i < n; ++i) {
            const double magnitude = std::abs(a[i + j * lda]);
            if (!(magnitude <= largest)) largest = magnitude;
        }
    return largest;
}

/// Multiplies the lower triangle by a power of two near one over its largest entry, where squares of entries would
/// overflow or vanish otherwise; returns it, or 0 for a matrix of zeros.
double bring_into_range(Index n, double* a, Index lda) {
    const double largest = largest_magnitude(n, a, lda);
    if (!std::isfinite(largest)) throw InvalidInput("the matrix holds values that are not finite");
    if (largest == 0.0) return 0.0;
    const double scale = safe_scale<double>(largest);
    if (scale != 1.0)
        for (Index j = 0; j < n; ++j)
            for (Index i = j; i < n; ++i) a[i + j * lda] *= scale;
    return scale;
}

/// A = Q1 B Q1^T, B = Q2 T Q2^T: the vectors of A are Q1 Q2 times those of T.
Eigenpairs<double> two_stage_pairs(Index n, double* a, Index count, const Execution& execution) {
    PanelFactors panels;
    BandMatrix band = reduce_to_band(n, a, n, execution, &panels);
    BulgeReflectors bulges(n);
    auto pairs = tridiagonal_largest(chase_bulges(band, execution, &bulges), count, execution);
    // Relatively robust representations leave angles of a few hundred eps between vectors.
    orthonormalize<double>(pairs.vectors, 0.0, execution);
    multiply_by_bulges(bulges, pairs.vectors, execution);
    multiply_by_panels(n, a, n, panels, pairs.vectors, execution);
    return pairs;
}

}  // namespace

Vector<double> symmetric_eigenvalues(Index n, double* a, Index lda, const Execution& execution) {
    Vector<double> values = Vector<double>::Zero(n);
    const double scale = bring_into_range(n, a, lda);
    if (scale == 0.0) return values;
    if (n < smallest_two_stage_order) {
        blas::eigh<double>(n, a, lda, values.data(), false);
        return values / scale;
    }
    BandMatrix band = reduce_to_band(n, a, lda, execution);
    return tridiagonal_eigenvalues(chase_bulges(band, execution), execution) / scale;
}

bool takes_two_stages(Index n, Index count) {
    return n >= smallest_two_stage_order && count * two_stage_share <= n;
}

Eigenpairs<double> largest_eigenpairs(Index n, double* a, std::shared_ptr<void> owner, Index count,
                                      const Execution& execution) {
    const double scale = bring_into_range(n, a, n);
    const bool in_two_stages = scale != 0.0 && n >= smallest_two_stage_order && count * two_stage_share <= n;
    Eigenpairs<double> pairs = in_two_stages
                                   ? two_stage_pairs(n, a, count, execution)
                                   : eigenpairs_in_range<double>(n, a, std::move(owner), n - count, count, execution);
    if (scale != 0.0) pairs.values /= scale;
    return pairs;
}

Index symmetric_eigenvalues_workspace_bytes(Index n) {
    // The band, then left, right and product of the reflectors (5 b columns), and a few vectors.
    return Index{sizeof(double)} *
           ((n + 2 * BandMatrix::bandwidth) * BandMatrix::stride + 5 * n * BandMatrix::bandwidth + 4 * n);
}

}  // namespace eigenscope
