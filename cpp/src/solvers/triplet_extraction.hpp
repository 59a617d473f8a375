// Singular triplets from a right basis: Rayleigh-Ritz, the check of what it gives, and the error of the approximation.
#pragma once

#include <algorithm>
#include <cmath>
#include <eigenscope/foundation/blas.hpp>
#include <eigenscope/foundation/random.hpp>
#include <eigenscope/foundation/uninterruptible.hpp>
#include <eigenscope/solvers/block_krylov.hpp>
#include <eigenscope/solvers/orthogonalize.hpp>
#include <eigenscope/solvers/tall_products.hpp>
#include <limits>
#include <utility>

#include "remembered_gram.hpp"

namespace eigenscope {

/// Streams beyond those of the Lanczos run.
inline constexpr std::uint64_t probe_stream = std::uint64_t{1} << 40;
inline constexpr std::uint64_t completion_stream = probe_stream + 1;
inline constexpr std::uint64_t test_matrix_stream = probe_stream + 2;

/// A^H u from A^H (A v) magnifies rounding by σ₁ / σ_k; the tolerance must exceed that by this factor.
inline constexpr double inverse_safety = 10.0;

/// Products are recalled when the basis lies in the span of what was multiplied to this share of the tolerance.
inline constexpr double recall_share = 0.05;

template <class Scalar>
struct ThinSvd {
    Matrix<Scalar> u;
    Vector<RealOf<Scalar>> s;
    Matrix<Scalar> vh;
};

/// A = U S V^H by LAPACK.
template <class Scalar>
ThinSvd<Scalar> thin_svd(Matrix<Scalar> matrix, const Execution& execution) {
    struct State {
        Matrix<Scalar> matrix;
        ThinSvd<Scalar> found;
    };
    const Index m = matrix.rows(), n = matrix.cols(), r = std::min(m, n);
    const auto decompose = [m, n, r](State& state) {
        const auto leading = [](Index rows) { return std::max<Index>(1, rows); };
        ThinSvd<Scalar>& svd = state.found;
        blas::svd<Scalar>(m, n, state.matrix.data(), leading(m), svd.s.data(), svd.u.data(), leading(m), svd.vh.data(),
                          leading(r));
    };
    State state{std::move(matrix), {Matrix<Scalar>(m, r), Vector<RealOf<Scalar>>(r), Matrix<Scalar>(r, n)}};
    return run_uninterruptible(r, std::move(state), decompose, execution).found;
}

template <class Scalar>
double effective_tolerance(const SvdOptions& options) {
    return std::max(options.tolerance, residual_floor * std::numeric_limits<RealOf<Scalar>>::epsilon());
}

/// What a right basis V (n x q) needs: A V, A^H A V where that costs no further pass, and A w for the error probes w.
template <class Scalar>
struct BasisProducts {
    Matrix<Scalar> images;
    Matrix<Scalar> gram;
    Matrix<Scalar> probes;
    Matrix<Scalar> probe_images;
};

/// From the products of the iteration where they suffice, and otherwise by one pass for basis and probes together.
template <class Scalar>
BasisProducts<Scalar> multiply_basis(BlockOperator<Scalar>& op, const RememberedGramOperator<Scalar>* remembered,
                                     ConstBlock<Scalar> right, const SvdOptions& options, SvdResult<Scalar>& result,
                                     const Execution& execution) {
    const Index m = op.rows(), n = op.cols(), q = right.cols, n_probes = options.n_error_probes;
    BasisProducts<Scalar> products{Matrix<Scalar>(m, q), Matrix<Scalar>(n, q), Matrix<Scalar>(n, n_probes),
                                   Matrix<Scalar>(m, n_probes)};
    if (n_probes > 0) fill_gaussian<Scalar>(options.seed, probe_stream, products.probes, 0, execution);
    const double tolerance = recall_share * effective_tolerance<Scalar>(options);
    const bool recalled = remembered && remembered->recall(right, tolerance, products.images, products.gram, execution);
    result.n_matvecs += n_probes + (recalled ? 0 : q);
    if (recalled && n_probes > 0) op.apply(products.probes, products.probe_images, execution);
    if (recalled) {
        result.n_passes += n_probes > 0 ? 1 : 0;
        return products;
    }
    ++result.n_passes;
    Matrix<Scalar> block(n, q + n_probes), images(m, q + n_probes);
    block << right.map(), products.probes;
    if ((q == options.k || options.keeps_last_block_only) && op.passes_with_gram() == 1) {
        Matrix<Scalar> gram(n, q + n_probes);
        op.apply_with_gram(block, images, gram, execution);
        products.gram = gram.leftCols(q);
    } else {
        op.apply(block, images, execution);
        products.gram.resize(0, 0);
    }
    finite_magnitude(images.data(), images.size());
    products.images = images.leftCols(q);
    products.probe_images = images.rightCols(n_probes);
    return products;
}

/// ‖(A - U S V^H) w‖² = ‖A w - U (S V^H w)‖² for every probe w; the images A w are overwritten.
template <class Scalar>
void measure_error(const Matrix<Scalar>& probes, Matrix<Scalar>& images, SvdResult<Scalar>& result,
                   const Execution& execution) {
    if (probes.cols() == 0) return;
    Matrix<Precise<Scalar>> coefficients = inner<Scalar>(result.v, probes, execution);
    coefficients = result.singular_values.asDiagonal() * coefficients;
    subtract_product<Scalar>(result.u, coefficients, images, execution);
    result.squared_errors = column_norms<Scalar>(images, execution).cwiseAbs2();
}

/// A^H U = (A^H A V) V_r S^-1, as long as S^-1 does not magnify rounding to the size of the tolerance.
template <class Scalar>
void take_adjoint_product(const Matrix<Scalar>& gram, const Matrix<Precise<Scalar>>& rotation, double tolerance,
                          SvdResult<Scalar>& result, const Execution& execution) {
    const Vector<double>& s = result.singular_values;
    const double rounding = std::numeric_limits<RealOf<Scalar>>::epsilon() * s[0];
    if (!(s[s.size() - 1] * tolerance > inverse_safety * rounding)) return;
    result.adjoint_product.resize(gram.rows(), s.size());
    multiply<Scalar>(gram, rotation * s.cwiseInverse().asDiagonal(), result.adjoint_product, execution);
}

/// Rayleigh-Ritz on the right basis V (n x q): A V = Q R, R = U_r S V_r^H, so U = Q U_r and V := V V_r, of which the
/// first k are kept.
template <class Scalar>
void extract_triplets(BlockOperator<Scalar>& op, const RememberedGramOperator<Scalar>* remembered, Matrix<Scalar> right,
                      const SvdOptions& options, SvdResult<Scalar>& result, const Execution& execution) {
    using Wide = Precise<Scalar>;
    const Index m = op.rows(), n = op.cols(), q = right.cols(), k = std::min(options.k, q);
    BasisProducts<Scalar> products = multiply_basis<Scalar>(op, remembered, right, options, result, execution);
    Matrix<Scalar> left = products.images;
    const double largest = column_norms<Scalar>(left, execution).maxCoeff();
    const double threshold = breakdown_factor * std::numeric_limits<RealOf<Scalar>>::epsilon() * largest;
    const auto qr = orthonormalize<Scalar>(left, threshold, execution);
    if (qr.rank < q)
        complete_with_random<Scalar>(ConstBlock<Scalar>(left.data(), m, 0, m), left, qr.rank, options.seed,
                                     completion_stream, execution);
    const ThinSvd<Wide> small = thin_svd<Wide>(qr.r, execution);
    const Matrix<Wide> left_rotation = small.u.leftCols(k), rotation = small.vh.topRows(k).adjoint();
    result.u.resize(m, k);
    result.v.resize(n, k);
    result.singular_values = small.s.head(k);
    multiply<Scalar>(left, left_rotation, result.u, execution);
    multiply<Scalar>(right, rotation, result.v, execution);
    result.adjoint_product.resize(0, 0);
    if (products.gram.size() > 0)
        take_adjoint_product<Scalar>(products.gram, rotation, options.tolerance, result, execution);
    // A v - σ u, while A V is at hand.
    Matrix<Scalar> difference(m, k);
    multiply<Scalar>(products.images, rotation, difference, execution);
    difference -= result.u * result.singular_values.template cast<RealOf<Scalar>>().asDiagonal();
    result.right_residuals = column_norms<Scalar>(difference, execution);
    measure_error<Scalar>(products.probes, products.probe_images, result, execution);
}

/// sqrt(‖A v - σ u‖² + ‖A^H u - σ v‖²), the second product computed here unless the last pass has given it.
template <class Scalar>
void check_triplets(BlockOperator<Scalar>& op, double tolerance, SvdResult<Scalar>& result,
                    const Execution& execution) {
    const Index k = result.singular_values.size();
    Matrix<Scalar> from_left = std::move(result.adjoint_product);
    if (from_left.cols() != k) {
        from_left.resize(op.cols(), k);
        op.apply_adjoint(result.u, from_left, execution);
        result.n_matvecs += k;
        ++result.n_passes;
    }
    from_left -= result.v * result.singular_values.template cast<RealOf<Scalar>>().asDiagonal();
    result.residual_norms =
        (result.right_residuals.cwiseAbs2() + column_norms<Scalar>(from_left, execution).cwiseAbs2()).cwiseSqrt();
    const double largest = k > 0 ? result.singular_values[0] : 0.0;
    result.converged.clear();
    for (Index j = 0; j < k; ++j) result.converged.push_back(result.residual_norms[j] <= tolerance * largest);
}

template <class Scalar>
Index count_converged(const SvdResult<Scalar>& result) {
    return std::count(result.converged.begin(), result.converged.end(), true);
}

}  // namespace eigenscope
