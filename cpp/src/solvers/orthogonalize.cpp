#include <algorithm>
#include <cmath>
#include <eigenscope/foundation/blas.hpp>
#include <eigenscope/foundation/random.hpp>
#include <eigenscope/solvers/orthogonalize.hpp>
#include <eigenscope/solvers/tall_products.hpp>
#include <limits>
#include <optional>
#include <vector>

namespace eigenscope {

namespace {

template <class Scalar>
constexpr double epsilon() {
    return std::numeric_limits<RealOf<Scalar>>::epsilon();
}

/// CholeskyQR is trusted while every squared pivot of the normalised Gram matrix exceeds this times b * eps: below,
/// rounding of the Gram matrix is as large as the pivot.
constexpr double pivot_factor = 64.0;

/// X := Q with X = Q R from the Cholesky factor of X^H X; empty when a pivot is too small to be trusted.
template <class Scalar>
std::optional<Matrix<Precise<Scalar>>> cholesky_qr(Block<Scalar> x, double shift, double pivot_floor,
                                                   const Execution& execution) {
    using Wide = Precise<Scalar>;
    Matrix<Wide> gram = inner<Scalar>(x, x, execution);
    const Vector<double> length = gram.diagonal().real().cwiseMax(0.0).cwiseSqrt();
    if (!(length.minCoeff() > 0.0) || !std::isfinite(length.maxCoeff())) return std::nullopt;
    // G = D (N + shift I) D with unit diagonal N, N = R_N^H R_N, R = R_N D.
    const Vector<double> inverse = length.cwiseInverse();
    Matrix<Wide> r = inverse.asDiagonal() * gram * inverse.asDiagonal();
    r.diagonal().array() += Wide(shift);
    if (!blas::cholesky_upper<Wide>(r.cols(), r.data(), r.rows())) return std::nullopt;
    for (Index j = 0; j < r.cols(); ++j) r.col(j).tail(r.rows() - j - 1).setZero();
    if (r.diagonal().cwiseAbs2().real().minCoeff() < pivot_floor) return std::nullopt;
    r = r * length.asDiagonal();
    solve_right<Scalar>(x, r, execution);
    return r;
}

/// Householder QR with column pivoting: X P = Q R; rows of R below the rank are noise.
template <class Scalar>
BlockQr<Scalar> pivoted_householder(Block<Scalar> x, double threshold) {
    const Index b = x.cols, diagonal = std::min(x.rows, b);
    BlockQr<Scalar> result;
    result.method = QrMethod::householder;
    Matrix<Scalar> triangle = Matrix<Scalar>::Zero(diagonal, b);
    std::vector<Index> pivots;
    blas::pivoted_qr<Scalar>(x.rows, b, x.data, x.stride, triangle.data(), std::max<Index>(1, diagonal), pivots);
    const double largest = diagonal > 0 ? std::abs(triangle(0, 0)) : 0.0;
    const double floor = std::max(threshold, breakdown_factor * epsilon<Scalar>() * largest);
    while (result.rank < diagonal && std::abs(triangle(result.rank, result.rank)) > floor) ++result.rank;
    result.r = Matrix<Precise<Scalar>>::Zero(b, b);
    for (Index j = 0; j < b; ++j)
        for (Index i = 0; i < result.rank; ++i) result.r(i, pivots[static_cast<std::size_t>(j)]) = triangle(i, j);
    x.columns(result.rank, b - result.rank).map().setZero();
    return result;
}

}  // namespace

template <class Scalar>
BlockQr<Scalar> orthonormalize(Block<Scalar> x, double threshold, const Execution& execution) {
    using Wide = Precise<Scalar>;
    const Index b = x.cols;
    BlockQr<Scalar> result;
    if (b == 0) return result;
    if (x.rows < b) return pivoted_householder(x, threshold);
    const double pivot_floor = pivot_factor * static_cast<double>(b) * epsilon<Scalar>();
    const Matrix<Scalar> original = x.map();

    auto finish = [&](const Matrix<Wide>& r) {
        result.r = r;
        result.rank = b;
        // |r_jj| is the length of column j off the columns before it.
        return r.diagonal().cwiseAbs().minCoeff() > threshold && r.allFinite();
    };
    if (const auto first = cholesky_qr(x, 0.0, pivot_floor, execution)) {
        if (const auto second = cholesky_qr(x, 0.0, pivot_floor, execution); second && finish(*second * *first))
            return result;
    } else {
        // The shift keeps the factor real and bounds the condition of what remains by about 1 / sqrt(eps).
        const double shift = 11.0 * static_cast<double>(b * (b + 1)) * epsilon<Scalar>();
        const auto rough = cholesky_qr(x, shift, 0.0, execution);
        const auto once = rough ? cholesky_qr(x, 0.0, pivot_floor, execution) : std::nullopt;
        const auto twice = once ? cholesky_qr(x, 0.0, pivot_floor, execution) : std::nullopt;
        if (twice && finish(*twice * *once * *rough)) {
            result.method = QrMethod::shifted_cholesky;
            return result;
        }
    }
    x.map() = original;
    return pivoted_householder(x, threshold);
}

template <class Scalar>
void complete_with_random(ConstBlock<Scalar> basis, Block<Scalar> w, Index first, std::uint64_t seed,
                          std::uint64_t stream, const Execution& execution) {
    const Index missing = w.cols - first;
    if (missing <= 0) return;
    Block<Scalar> fresh = w.columns(first, missing);
    fill_gaussian<Scalar>(seed, stream, fresh, 0, execution);
    const ConstBlock<Scalar> before = w.columns(0, first);
    for (int sweep = 0; sweep < 3; ++sweep) {
        subtract_product<Scalar>(basis, inner<Scalar>(basis, fresh, execution), fresh, execution);
        subtract_product<Scalar>(before, inner<Scalar>(before, fresh, execution), fresh, execution);
        orthonormalize<Scalar>(fresh, 0.0, execution);
    }
}

template <class Scalar>
BlockProjection<Scalar> orthonormalize_against(ConstBlock<Scalar> basis, Block<Scalar> w, double threshold,
                                               std::uint64_t seed, std::uint64_t stream, const Execution& execution) {
    BlockProjection<Scalar> result;
    // First sweep: W - Q (Q^H W) = U R1.
    const auto first = inner<Scalar>(basis, w, execution);
    subtract_product<Scalar>(basis, first, w, execution);
    const auto qr_first = orthonormalize<Scalar>(w, threshold, execution);
    result.rank = qr_first.rank;
    if (result.rank < w.cols) complete_with_random<Scalar>(basis, w, result.rank, seed, stream, execution);
    // Second sweep: U - Q (Q^H U) = W' R2, so H = Q^H W + (Q^H U) R1 and R = R2 R1.
    const auto second = inner<Scalar>(basis, w, execution);
    subtract_product<Scalar>(basis, second, w, execution);
    const auto qr_second = orthonormalize<Scalar>(w, 0.0, execution);
    if (qr_second.rank < w.cols) complete_with_random<Scalar>(basis, w, qr_second.rank, seed, stream + 1, execution);
    result.coefficients = first + second * qr_first.r;
    result.r = qr_second.r * qr_first.r;
    return result;
}

#define EIGENSCOPE_INSTANTIATE(S)                                                                         \
    template BlockQr<S> orthonormalize<S>(Block<S>, double, const Execution&);                            \
    template BlockProjection<S> orthonormalize_against<S>(ConstBlock<S>, Block<S>, double, std::uint64_t, \
                                                          std::uint64_t, const Execution&);               \
    template void complete_with_random<S>(ConstBlock<S>, Block<S>, Index, std::uint64_t, std::uint64_t,   \
                                          const Execution&);
EIGENSCOPE_INSTANTIATE(float)
EIGENSCOPE_INSTANTIATE(double)
EIGENSCOPE_INSTANTIATE(complex64)
EIGENSCOPE_INSTANTIATE(complex128)
#undef EIGENSCOPE_INSTANTIATE

}  // namespace eigenscope
