#include <algorithm>
#include <cmath>
#include <eigenscope/foundation/blas.hpp>
#include <eigenscope/foundation/error.hpp>
#include <eigenscope/foundation/kernels.hpp>
#include <eigenscope/foundation/parallel.hpp>
#include <eigenscope/foundation/uninterruptible.hpp>
#include <eigenscope/solvers/band_reduction.hpp>
#include <eigenscope/solvers/eigenpairs.hpp>
#include <eigenscope/solvers/symmetric_eigenvalues.hpp>

namespace eigenscope {

namespace {

/// Below this order LAPACK's one stage stays in cache and is faster.
constexpr Index smallest_two_stage_order = 256;
/// Sweeps and steps that are worked on together: a thousand columns of the band stay in cache meanwhile.
constexpr Index sweeps_together = 16;

Index ceiling_ratio(Index value, Index divisor) {
    return (value + divisor - 1) / divisor;
}

/// Band to tridiagonal. Sweep s clears column s and chases the bulge down, a block per step; step k of sweep s may
/// run when step k + 1 of sweep s - 1 is done. Parallelograms of G sweeps by G steps, skewed by one step per sweep,
/// visit the band piece by piece. One thread: the pieces pass from core to core otherwise, which costs what it gains.
void chase_bulges(BandMatrix& matrix, const Execution& execution) {
    const Index n = matrix.order, sweeps = std::max<Index>(n - 2, 0), group = sweeps_together;
    Matrix<double> reflectors(BandMatrix::bandwidth + 1, group);
    const auto work = [&](Index batch, int) {
        const Index first_sweep = batch * group, count = std::min(group, sweeps - first_sweep);
        const Index longest = ceiling_ratio(n - 1 - first_sweep, BandMatrix::bandwidth);
        for (Index number = 0; number * group < longest + count - 1; ++number)
            for (Index i = 0; i < count; ++i) {
                const Index sweep = first_sweep + i;
                const Index steps = ceiling_ratio(n - 1 - sweep, BandMatrix::bandwidth);
                const Index first = std::max<Index>(0, number * group - i);
                const Index last = std::min(steps, (number + 1) * group - i);
                if (first < last)
                    kernels().chase(matrix.entries.data(), BandMatrix::stride, sweep, first, last,
                                    reflectors.col(i).data());
            }
    };
    parallel::run_tasks(ceiling_ratio(sweeps, group), Execution{1, execution.stop}, work);
}

/// From the diagonal and the first subdiagonal, all that is left of the band.
Vector<double> tridiagonal_eigenvalues(const BandMatrix& band, const Execution& execution) {
    const Index n = band.order;
    Matrix<double> diagonals = Matrix<double>::Zero(n, 2);
    for (Index j = 0; j < n; ++j) {
        diagonals(j, 0) = band.at(j, j);
        if (j + 1 < n) diagonals(j, 1) = band.at(j + 1, j);
    }
    const auto solve = [](Matrix<double>& both) {
        blas::tridiagonal_eigenvalues<double>(both.rows(), both.col(0).data(), both.col(1).data());
    };
    return run_uninterruptible(n, std::move(diagonals), solve, execution).col(0);
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

}  // namespace

Vector<double> symmetric_eigenvalues(Index n, double* a, Index lda, const Execution& execution) {
    Vector<double> values = Vector<double>::Zero(n);
    const double largest = largest_magnitude(n, a, lda);
    if (!std::isfinite(largest)) throw InvalidInput("the matrix holds values that are not finite");
    if (largest == 0.0) return values;
    if (n < smallest_two_stage_order) {
        blas::eigh<double>(n, a, lda, values.data(), false);
        return values;
    }
    // A power of two near one over the largest entry: squares of entries neither overflow nor vanish.
    const double scale = safe_scale<double>(largest);
    if (scale != 1.0)
        for (Index j = 0; j < n; ++j)
            for (Index i = j; i < n; ++i) a[i + j * lda] *= scale;
    BandMatrix band = reduce_to_band(n, a, lda, execution);
    chase_bulges(band, execution);
    return tridiagonal_eigenvalues(band, execution) / scale;
}

Index symmetric_eigenvalues_workspace_bytes(Index n) {
    // The band, then left, right and product of the reflectors (5 b columns), and a few vectors.
    return Index{sizeof(double)} *
           ((n + 2 * BandMatrix::bandwidth) * BandMatrix::stride + 5 * n * BandMatrix::bandwidth + 4 * n);
}

}  // namespace eigenscope
