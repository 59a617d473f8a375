#include <algorithm>
#include <eigenscope/foundation/kernels.hpp>
#include <eigenscope/foundation/parallel.hpp>
#include <eigenscope/solvers/bulge_chasing.hpp>
#include <memory>

namespace eigenscope {

namespace {

constexpr Index bandwidth = BandMatrix::bandwidth;
/// Sweeps and steps that are worked on together: a thousand columns of the band stay in cache meanwhile.
constexpr Index sweeps_together = 16;
/// Sweeps whose reflectors are applied as one block: long enough for BLAS, while at most a third of it is zeros.
constexpr Index block_sweeps = 32;
constexpr Index block_rows = bandwidth + block_sweeps - 1;
/// Vectors that one task transforms at once.
constexpr Index columns_together = 64;

Index ceiling_ratio(Index value, Index divisor) {
    return (value + divisor - 1) / divisor;
}

/// Steps of one sweep: its first reflector begins below the diagonal, the last one ends with the matrix.
Index steps_of(Index order, Index sweep) {
    return ceiling_ratio(order - 1 - sweep, bandwidth);
}

/// The reflectors number `step` of up to block_sweeps neighbouring sweeps, H_0 H_1 … = I - V T V^T.
struct BulgeBlock {
    Index first_row = 0, rows = 0;
    Matrix<double> v, vt;  // V, and V T

    BulgeBlock(const BulgeReflectors& reflectors, Index first_sweep, Index step) {
        const Index n = reflectors.order(), count = std::min(block_sweeps, reflectors.sweeps() - first_sweep);
        first_row = first_sweep + 1 + step * bandwidth;
        rows = std::min(block_rows, n - first_row);
        v.setZero(rows, count);
        Vector<double> tau = Vector<double>::Zero(count);
        for (Index i = 0; i < count && step < reflectors.steps(first_sweep + i); ++i) {
            const double* reflector = reflectors.sweep(first_sweep + i) + step * BulgeReflectors::length;
            std::copy_n(reflector, std::min(bandwidth, rows - i), v.col(i).data() + i);
            tau[i] = reflector[bandwidth];
        }
        multiply_by_factor(tau);
    }

    /// T column by column: T_jj = tau_j, T_0…j-1,j = -tau_j T_0…j-1,0…j-1 (V^T v_j).
    void multiply_by_factor(const Vector<double>& tau) {
        const Index count = tau.size();
        Matrix<double> cross(count, count), t = Matrix<double>::Zero(count, count);
        blas::gemm<double>(blas::Op::transpose, blas::Op::none, count, count, rows, 1.0, v.data(), rows, v.data(), rows,
                           0.0, cross.data(), count);
        for (Index j = 0; j < count; ++j) {
            const Vector<double> previous = t.topLeftCorner(j, j).triangularView<Eigen::Upper>() * cross.col(j).head(j);
            t.col(j).head(j) = -tau[j] * previous;
            t(j, j) = tau[j];
        }
        vt.resize(rows, count);
        blas::gemm<double>(blas::Op::none, blas::Op::none, rows, count, count, 1.0, v.data(), rows, t.data(), count,
                           0.0, vt.data(), rows);
    }

    /// Z := Z - (V T) (V^T Z) on its rows.
    void apply(Block<double> z) const {
        const Index count = v.cols();
        double* target = z.data + first_row;
        Matrix<double> projection(count, z.cols);
        blas::gemm<double>(blas::Op::transpose, blas::Op::none, count, z.cols, rows, 1.0, v.data(), rows, target,
                           z.stride, 0.0, projection.data(), count);
        blas::gemm<double>(blas::Op::none, blas::Op::none, rows, z.cols, count, -1.0, vt.data(), rows,
                           projection.data(), count, 1.0, target, z.stride);
    }
};

/// The diagonal and the first subdiagonal are all that is left of the band.
blas::Tridiagonal<double> remaining_diagonals(const BandMatrix& band) {
    const Index n = band.order;
    blas::Tridiagonal<double> t{Vector<double>(n), Vector<double>::Zero(n), {}};
    for (Index j = 0; j < n; ++j) {
        t.diagonal[j] = band.at(j, j);
        if (j + 1 < n) t.off_diagonal[j] = band.at(j + 1, j);
    }
    return t;
}

}  // namespace

BulgeReflectors::BulgeReflectors(Index order) : order_(order) {
    Index size = 0;
    for (Index sweep = 0; sweep < sweeps(); ++sweep) {
        begin_.push_back(size);
        size += steps(sweep) * length;
    }
    numbers_.resize(static_cast<std::size_t>(size));
}

Index BulgeReflectors::steps(Index sweep) const {
    return steps_of(order_, sweep);
}

/// Sweep s clears column s and chases the bulge down, a block per step; step k of sweep s may run when step k + 1 of
/// sweep s - 1 is done. Parallelograms of G sweeps by G steps, skewed by one step per sweep, visit the band piece by
/// piece. One thread: the pieces pass from core to core otherwise, which costs what it gains.
blas::Tridiagonal<double> chase_bulges(BandMatrix& matrix, const Execution& execution, BulgeReflectors* kept) {
    const Index n = matrix.order, sweeps = std::max<Index>(n - 2, 0), group = sweeps_together;
    Matrix<double> last_ones(BulgeReflectors::length, group);
    const auto work = [&](Index batch, int) {
        const Index first_sweep = batch * group, count = std::min(group, sweeps - first_sweep);
        const Index longest = steps_of(n, first_sweep);
        for (Index number = 0; number * group < longest + count - 1; ++number)
            for (Index i = 0; i < count; ++i) {
                const Index sweep = first_sweep + i;
                const Index first = std::max<Index>(0, number * group - i);
                const Index last = std::min(steps_of(n, sweep), (number + 1) * group - i);
                if (first < last)
                    kernels().chase(matrix.entries.data(), BandMatrix::stride, sweep, first, last,
                                    kept ? kept->sweep(sweep) : last_ones.col(i).data(),
                                    kept ? BulgeReflectors::length : 0);
            }
    };
    parallel::run_tasks(ceiling_ratio(sweeps, group), Execution{1, execution.stop}, work);
    return remaining_diagonals(matrix);
}

void multiply_by_bulges(const BulgeReflectors& reflectors, Block<double> z, const Execution& execution) {
    // Q is the product of all sweeps from first to last, so the last ones come first. Where a step of one sweep and an
    // earlier step of a later sweep share rows, the latter is the first to act: blocks go from step 0 on.
    for (Index group = ceiling_ratio(reflectors.sweeps(), block_sweeps) - 1; group >= 0; --group) {
        const Index first_sweep = group * block_sweeps, steps = reflectors.steps(first_sweep);
        std::vector<std::unique_ptr<BulgeBlock>> blocks(static_cast<std::size_t>(steps));
        parallel::run_tasks(steps, execution, [&](Index step, int) {
            blocks[static_cast<std::size_t>(step)] = std::make_unique<BulgeBlock>(reflectors, first_sweep, step);
        });
        parallel::for_ranges(z.cols, columns_together, execution, [&](Index begin, Index end) {
            for (const auto& block : blocks) block->apply(z.columns(begin, end - begin));
        });
    }
}

}  // namespace eigenscope
