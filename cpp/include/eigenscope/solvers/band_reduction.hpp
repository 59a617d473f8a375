// A symmetric matrix brought to band form by orthogonal transformations: the first of two stages on the way to its
// eigenvalues. Nearly all work is in matrix products, where the classical one-stage reduction waits for memory.
// Bischof, Lang, Sun, ACM TOMS 26, 581 (2000).
#pragma once

#include <eigenscope/foundation/kernels.hpp>
#include <eigenscope/foundation/progress.hpp>
#include <eigenscope/foundation/types.hpp>
#include <vector>

namespace eigenscope {

/// The lower triangle of a symmetric band matrix in the layout that BulgeKernels ask for.
struct BandMatrix {
    static constexpr Index bandwidth = BulgeKernels::bandwidth;
    static constexpr Index stride = 2 * bandwidth + BulgeKernels::lanes;

    Index order;
    std::vector<double> entries;

    explicit BandMatrix(Index n) : order(n), entries(static_cast<std::size_t>((n + 2 * bandwidth) * stride), 0.0) {}
    double& at(Index row, Index column) { return entries[static_cast<std::size_t>(row - column + column * stride)]; }
    double at(Index row, Index column) const {
        return entries[static_cast<std::size_t>(row - column + column * stride)];
    }
};

/// The factors T of the block reflectors I - V T V^T, one per panel of columns, from first to last; the V stay in A,
/// below the band.
using PanelFactors = std::vector<Matrix<double>>;

/// Q^T A Q as a band matrix, from the lower triangle of A (n x n), which is destroyed. Bits do not depend on threads.
BandMatrix reduce_to_band(Index n, double* a, Index lda, const Execution& execution, PanelFactors* factors = nullptr);

/// Z := Q Z with the Q of reduce_to_band, whose A is given; Z is n x count.
void multiply_by_panels(Index n, double* a, Index lda, const PanelFactors& factors, Block<double> z,
                        const Execution& execution);

}  // namespace eigenscope
