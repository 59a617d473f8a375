// Orthonormal bases of tall blocks, with a report of their rank.
#pragma once

#include <cstdint>
#include <eigenscope/foundation/progress.hpp>
#include <eigenscope/foundation/types.hpp>

namespace eigenscope {

enum class QrMethod { cholesky, shifted_cholesky, householder };

/// X = Q R. With rank < cols, only the first `rank` columns of Q are meaningful and the other rows of R are zero.
template <class Scalar>
struct BlockQr {
    Matrix<Precise<Scalar>> r;
    Index rank = 0;
    QrMethod method = QrMethod::cholesky;
};

/// Directions shorter than this times the norm of the operator are rounding noise.
inline constexpr double breakdown_factor = 64.0;

/// Orthonormalise the columns of X in place: CholeskyQR2; when the Gram matrix is too ill-conditioned, shifted
/// CholeskyQR3 (Fukaya et al. 2020); when that fails or columns are shorter than `threshold`, Householder QR with
/// column pivoting, which reveals the rank.
template <class Scalar>
BlockQr<Scalar> orthonormalize(Block<Scalar> x, double threshold, const Execution& execution);

/// W = Q H + W' R, W' orthonormal and orthogonal to Q.
template <class Scalar>
struct BlockProjection {
    Matrix<Precise<Scalar>> coefficients;  // H, basis.cols x w.cols
    Matrix<Precise<Scalar>> r;             // R, w.cols x w.cols
    Index rank = 0;
};

/// Block classical Gram-Schmidt, twice, with an orthonormalisation after each projection (BCGSI+, Barlow and
/// Smoktunowicz 2013). Directions below `threshold` are replaced by random ones with zero rows in R; `rank` counts
/// the others.
template <class Scalar>
BlockProjection<Scalar> orthonormalize_against(ConstBlock<Scalar> basis, Block<Scalar> w, double threshold,
                                               std::uint64_t seed, std::uint64_t stream, const Execution& execution);

/// Fill columns first … of w with random vectors orthonormal to the basis and to the columns before them.
template <class Scalar>
void complete_with_random(ConstBlock<Scalar> basis, Block<Scalar> w, Index first, std::uint64_t seed,
                          std::uint64_t stream, const Execution& execution);

}  // namespace eigenscope
