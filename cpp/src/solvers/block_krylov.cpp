#include <algorithm>
#include <chrono>
#include <cmath>
#include <eigenscope/foundation/error.hpp>
#include <eigenscope/foundation/random.hpp>
#include <eigenscope/operators/views.hpp>
#include <eigenscope/solvers/block_krylov.hpp>
#include <eigenscope/solvers/eigenpairs.hpp>
#include <eigenscope/solvers/orthogonalize.hpp>
#include <eigenscope/solvers/tall_products.hpp>
#include <limits>
#include <optional>
#include <utility>

#include "formed_matrix.hpp"
#include "triplet_extraction.hpp"

namespace eigenscope {

namespace {

/// Nonzeros in a row of a sparse sign matrix.
constexpr Index sparse_sign_entries = 8;

/// Room for the vectors and products of an iteration, and their largest share of the matrix; beyond it the last pass is
/// made anew.
constexpr Index remembered_bytes = Index{128} << 20;
constexpr Index remembered_share = 8;

LanczosOptions lanczos_options(const SvdOptions& options, Which which, Index k) {
    LanczosOptions lanczos;
    lanczos.k = k;
    lanczos.which = which;
    lanczos.tolerance = options.tolerance;
    lanczos.block = options.block;
    lanczos.basis_size = options.basis_size;
    lanczos.max_matvecs = options.max_matvecs;
    lanczos.max_seconds = options.max_seconds;
    lanczos.certify = options.certify;
    lanczos.seed = options.seed;
    lanczos.monitor = options.monitor;
    if (options.n_blocks > 0) {
        lanczos.certify = false;
        lanczos.max_matvecs = options.n_blocks * options.block;
        lanczos.basis_size = std::max(options.n_blocks + 1, Index{3}) * options.block + k;
    }
    return lanczos;
}

template <class Scalar>
void add_cost(const LanczosResult<Scalar>& lanczos, Index passes_per_application, SvdResult<Scalar>& result) {
    result.status = lanczos.status;
    result.interrupted = lanczos.interrupted;
    result.n_matvecs += lanczos.n_matvecs;
    result.n_passes += passes_per_application * lanczos.n_applications;
    result.n_restarts += lanczos.n_restarts;
    result.basis_bytes = std::max(result.basis_bytes, lanczos.basis_bytes);
}

/// Vectors whose products an iteration keeps: all of its first basis, where they fit and cost no further pass. Those of
/// a caller's function are made anew, to check it.
template <class Scalar>
Index remembered_vectors(const BlockOperator<Scalar>& op, const LanczosOptions& options) {
    if (!op.is_repeatable() || op.passes_with_gram() > op.passes_per_gram()) return 0;
    const Index m = op.rows(), n = op.cols();
    const Index count = lanczos_basis_size(n, options) + options.block, size = count * (m + 2 * n);
    const bool fits = size * Index{sizeof(Scalar)} <= remembered_bytes && size <= m * n / remembered_share;
    return fits ? count : 0;
}

template <class Scalar>
LanczosResult<Scalar> eigenpairs(BlockOperator<Scalar>& op, const LanczosOptions& options, ConstBlock<Scalar> start,
                                 const Execution& execution) {
    const Index n = op.rows();
    if (lanczos_basis_size(n, options) + options.block <= n) return lanczos<Scalar>(op, options, start, execution);
    // LAPACK takes n products; for fewer, the largest basis that leaves room for another block.
    LanczosOptions fitted = options;
    fitted.basis_size = n - options.block;
    const bool is_short = options.max_matvecs > 0 && options.max_matvecs < n;
    if (is_short && fitted.basis_size >= options.k + 3 * options.block)
        return lanczos<Scalar>(op, fitted, start, execution);
    return dense_eigh(op, options, execution);
}

/// At most as many random vectors as A has rows or columns.
template <class Scalar>
Matrix<Scalar> test_matrix(const BlockOperator<Scalar>& op, const SvdOptions& options, const Execution& execution) {
    Matrix<Scalar> omega(op.cols(), std::min({op.rows(), op.cols(), options.block}));
    if (options.test_matrix == TestMatrix::sparse_sign)
        fill_sparse_sign<Scalar>(options.seed, test_matrix_stream, omega, sparse_sign_entries, execution);
    else
        fill_gaussian<Scalar>(options.seed, test_matrix_stream, omega, 0, execution);
    return omega;
}

/// An orthonormal basis of all rows of A, for more blocks than there is room for: no pass, or one where A is wide.
template <class Scalar>
Matrix<Scalar> whole_row_space(BlockOperator<Scalar>& op, const SvdOptions& options, SvdResult<Scalar>& result,
                               const Execution& execution) {
    const Index m = op.rows(), n = op.cols();
    if (n <= m) return Matrix<Scalar>::Identity(n, n);
    Matrix<Scalar> basis(n, m);
    op.apply_adjoint(Matrix<Scalar>(Matrix<Scalar>::Identity(m, m)), basis, execution);
    result.n_matvecs += m;
    ++result.n_passes;
    const double largest = finite_magnitude(basis.data(), basis.size());
    const double threshold = breakdown_factor * std::numeric_limits<RealOf<Scalar>>::epsilon() * largest;
    const auto qr = orthonormalize<Scalar>(basis, threshold, execution);
    if (qr.rank < m)
        complete_with_random<Scalar>(ConstBlock<Scalar>(basis.data(), n, 0, n), basis, qr.rank, options.seed,
                                     completion_stream, execution);
    return basis;
}

/// Orthonormal basis of G^n_blocks Omega, orthonormalised after every product.
template <class Scalar>
Matrix<Scalar> subspace_iteration(BlockOperator<Scalar>& gram, Matrix<Scalar> vectors, const SvdOptions& options,
                                  SvdResult<Scalar>& result, const Execution& execution) {
    const Index n = gram.rows();
    Matrix<Scalar> product(n, vectors.cols());
    result.basis_bytes = 2 * vectors.size() * Index{sizeof(Scalar)};
    for (Index step = 0; step < options.n_blocks; ++step) {
        gram.apply(vectors, product, execution);
        result.n_matvecs += vectors.cols();
        const double largest = finite_magnitude(product.data(), product.size());
        if (largest > 0.0) product *= static_cast<RealOf<Scalar>>(safe_scale<Scalar>(largest));
        vectors.swap(product);
        const auto qr = orthonormalize<Scalar>(vectors, 0.0, execution);
        if (qr.rank < vectors.cols())
            complete_with_random<Scalar>(ConstBlock<Scalar>(vectors.data(), n, 0, n), vectors, qr.rank, options.seed,
                                         completion_stream, execution);
    }
    return vectors;
}

using Clock = std::chrono::steady_clock;

/// What the budgets leave for the refinement, nothing where it could not grow a basis and pay for its triplets.
std::optional<SvdOptions> left_for_refinement(const SvdOptions& options, Index spent_matvecs, Clock::time_point began) {
    SvdOptions left = options;
    if (options.max_matvecs > 0) {
        left.max_matvecs = options.max_matvecs - spent_matvecs - 2 * options.k;
        if (left.max_matvecs < 2 * options.k + options.block) return std::nullopt;
    }
    if (options.max_seconds > 0.0) {
        left.max_seconds = options.max_seconds - std::chrono::duration<double>(Clock::now() - began).count();
        if (left.max_seconds <= 0.0) return std::nullopt;
    }
    return left;
}

/// Small singular values from the eigenpairs (u; v) / sqrt(2) of [0 A; A^H 0].
template <class Scalar>
void refine(BlockOperator<Scalar>& op, const SvdOptions& options, SvdResult<Scalar>& result,
            const Execution& execution) {
    JordanWielandtOperator<Scalar> augmented(op);
    const ConstBlock<Scalar> no_start(nullptr, augmented.rows(), 0, augmented.rows());
    auto pairs = eigenpairs<Scalar>(augmented, lanczos_options(options, Which::largest_algebraic, options.k), no_start,
                                    execution);
    add_cost(pairs, 2, result);
    result.refined = true;
    Matrix<Scalar> right = pairs.eigenvectors.bottomRows(op.cols());
    const auto qr = orthonormalize<Scalar>(right, 0.0, execution);
    complete_with_random<Scalar>(ConstBlock<Scalar>(right.data(), op.cols(), 0, op.cols()), right, qr.rank,
                                 options.seed, completion_stream, execution);
    extract_triplets<Scalar>(op, nullptr, std::move(right), options, result, execution);
    check_triplets<Scalar>(op, effective_tolerance<Scalar>(options), result, execution);
}

/// The refined triplets, or those before where a budget has ended the refinement too early to be of use.
template <class Scalar>
void refine_where_better(BlockOperator<Scalar>& op, const SvdOptions& left, SvdResult<Scalar>& result,
                         const Execution& execution) {
    SvdResult<Scalar> before = result;
    refine<Scalar>(op, left, result, execution);
    const Index lost = count_converged(before) - count_converged(result);
    if (lost < 0 || (lost == 0 && result.residual_norms.sum() <= before.residual_norms.sum())) return;
    before.status = result.status;
    before.interrupted = result.interrupted;
    before.n_matvecs = result.n_matvecs;
    before.n_passes = result.n_passes;
    before.n_restarts = result.n_restarts;
    before.basis_bytes = result.basis_bytes;
    result = std::move(before);
}

/// Check the triplets, recompute those that squaring spoiled unless the run has `ended`, and say how good they are.
template <class Scalar>
void settle(BlockOperator<Scalar>& op, const SvdOptions& options, Clock::time_point began, bool ended,
            SvdResult<Scalar>& result, const Execution& execution) {
    const auto complete = [&] { return count_converged(result) == static_cast<Index>(result.converged.size()); };
    check_triplets<Scalar>(op, effective_tolerance<Scalar>(options), result, execution);
    if (!complete() && !ended) {
        const auto left = left_for_refinement(options, result.n_matvecs, began);
        if (left)
            refine_where_better<Scalar>(op, *left, result, execution);
        else
            result.status = Status::budget;
    }
    if (complete() && (result.status == Status::stagnated || options.n_blocks > 0)) result.status = Status::converged;
    if (!complete() && result.status != Status::budget) result.status = Status::stagnated;
}

/// The triplets that an iteration has found. A wish to stop that comes now ends it with what it has; the next one, or
/// one after an interrupted iteration, gives it up.
template <class Scalar>
void conclude(BlockOperator<Scalar>& op, const RememberedGramOperator<Scalar>& remembered, const Matrix<Scalar>& right,
              const SvdOptions& options, Clock::time_point began, SvdResult<Scalar>& result,
              const Execution& execution) {
    const auto extract_and_settle = [&] {
        extract_triplets<Scalar>(op, &remembered, right, options, result, execution);
        const bool ended = result.interrupted || options.n_blocks > 0 || result.status == Status::budget;
        settle<Scalar>(op, options, began, ended, result, execution);
    };
    try {
        extract_and_settle();
    } catch (const Interrupted&) {
        if (result.interrupted) throw;
        if (execution.stop) execution.stop->acknowledge();
        result.interrupted = true;
        result.status = Status::budget;
        extract_and_settle();
    }
}

}  // namespace

template <class Scalar>
SvdResult<Scalar> svd_from_basis(BlockOperator<Scalar>& op, ConstBlock<Scalar> right, const SvdOptions& options,
                                 const Execution& execution) {
    const auto began = Clock::now();
    SvdResult<Scalar> result;
    extract_triplets<Scalar>(op, nullptr, right.map(), options, result, execution);
    settle<Scalar>(op, options, began, false, result, execution);
    return result;
}

template <class Scalar>
SvdResult<Scalar> block_krylov_svd(BlockOperator<Scalar>& op, const SvdOptions& options, const Execution& execution) {
    const auto began = Clock::now();
    SvdResult<Scalar> result;
    if (options.keeps_last_block_only) {
        GramOperator<Scalar> gram(op);
        auto basis =
            subspace_iteration<Scalar>(gram, test_matrix<Scalar>(op, options, execution), options, result, execution);
        result.n_passes += op.passes_per_gram() * options.n_blocks;
        extract_triplets<Scalar>(op, nullptr, std::move(basis), options, result, execution);
        settle<Scalar>(op, options, began, true, result, execution);
        return result;
    }
    LanczosOptions settings = lanczos_options(options, Which::largest_algebraic, options.k);
    settings.squared = true;
    settings.recompute_residuals = false;
    // Products with the triplets from both sides, for their residuals, end the run.
    if (options.n_blocks == 0 && options.max_matvecs > 0)
        settings.max_matvecs = std::max<Index>(1, options.max_matvecs - 2 * options.k);
    if (options.n_blocks > 0 && lanczos_basis_size(op.cols(), settings) + settings.block > op.cols()) {
        extract_triplets<Scalar>(op, nullptr, whole_row_space<Scalar>(op, options, result, execution), options, result,
                                 execution);
        settle<Scalar>(op, options, began, true, result, execution);
        return result;
    }
    RememberedGramOperator<Scalar> gram(op, remembered_vectors<Scalar>(op, settings));
    Matrix<Scalar> start(op.cols(), 0);
    if (options.test_matrix != TestMatrix::gaussian) start = test_matrix<Scalar>(op, options, execution);
    auto pairs = eigenpairs<Scalar>(gram, settings, start, execution);
    add_cost(pairs, op.passes_per_gram(), result);
    result.basis_bytes += gram.bytes();
    if (pairs.interrupted && pairs.eigenvectors.cols() == 0) return result;
    conclude<Scalar>(op, gram, pairs.eigenvectors, options, began, result, execution);
    return result;
}

template <class Scalar>
SvdResult<Scalar> dense_svd(BlockOperator<Scalar>& op, const SvdOptions& options, const Execution& execution) {
    using Real = RealOf<Scalar>;
    const Index m = op.rows(), n = op.cols(), r = std::min(m, n), k = std::min(options.k, r);
    SvdResult<Scalar> result;
    FormedMatrix<Scalar> formed = form_matrix(op, execution);
    result.n_matvecs = formed.n_matvecs;
    result.n_passes = formed.n_applications;
    // LAPACK's own word for NaN is that of a wrong argument.
    finite_magnitude(formed.matrix.data(), formed.matrix.size());
    const auto [u, s, vh] = thin_svd<Scalar>(std::move(formed.matrix), execution);
    result.basis_bytes = (m * n + u.size() + vh.size()) * Index{sizeof(Scalar)};
    result.u = u.leftCols(k);
    result.v = vh.topRows(k).adjoint();
    result.singular_values = s.head(k).template cast<double>();
    Matrix<Scalar> difference(m, k);
    op.apply(result.v, difference, execution);
    ++result.n_passes;
    difference -= result.u * s.head(k).asDiagonal();
    result.right_residuals = column_norms<Scalar>(difference, execution);
    const double size_factor = std::sqrt(static_cast<double>(std::max(m, n)));
    const double floor = residual_floor * std::numeric_limits<Real>::epsilon() * size_factor;
    check_triplets<Scalar>(op, std::max(options.tolerance, floor), result, execution);
    if (count_converged(result) < k) result.status = Status::stagnated;
    return result;
}

#define EIGENSCOPE_INSTANTIATE(S)                                                                                   \
    template SvdResult<S> block_krylov_svd<S>(BlockOperator<S>&, const SvdOptions&, const Execution&);              \
    template SvdResult<S> svd_from_basis<S>(BlockOperator<S>&, ConstBlock<S>, const SvdOptions&, const Execution&); \
    template SvdResult<S> dense_svd<S>(BlockOperator<S>&, const SvdOptions&, const Execution&);
EIGENSCOPE_INSTANTIATE(float)
EIGENSCOPE_INSTANTIATE(double)
EIGENSCOPE_INSTANTIATE(complex64)
EIGENSCOPE_INSTANTIATE(complex128)
#undef EIGENSCOPE_INSTANTIATE

}  // namespace eigenscope
