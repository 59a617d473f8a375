#include <algorithm>
#include <cmath>
#include <eigenscope/foundation/blas.hpp>
#include <eigenscope/foundation/error.hpp>
#include <eigenscope/foundation/kernels.hpp>
#include <eigenscope/foundation/parallel.hpp>
#include <eigenscope/foundation/random.hpp>
#include <eigenscope/solvers/eigenpairs.hpp>
#include <eigenscope/solvers/orthogonalize.hpp>
#include <eigenscope/solvers/quadrature.hpp>
#include <eigenscope/solvers/tall_products.hpp>
#include <limits>

#include "row_major_probes.hpp"

namespace eigenscope {

namespace {

/// Rows of one task: a chunk of three columns stays in the first-level cache.
constexpr Index chunk_rows = 4096;
/// Four probes share one stream of random numbers, so that a probe does not depend on the group it is in.
constexpr Index probes_per_stream = 4;
/// Far from the streams other solvers draw from.
constexpr std::uint64_t first_stream = std::uint64_t{1} << 40;

/// For every column the sum over row chunks of what body(column, first, count) returns, in a fixed order.
template <class Body>
Vector<double> sum_over_rows(Index rows, Index cols, const Execution& execution, const Body& body) {
    const Index chunks = (rows + chunk_rows - 1) / chunk_rows;
    Matrix<double> partial(chunks, cols);
    parallel::run_tasks(chunks, execution, [&](Index chunk, int) {
        const Index first = chunk * chunk_rows, count = std::min(chunk_rows, rows - first);
        for (Index j = 0; j < cols; ++j) partial(chunk, j) = body(j, first, count);
    });
    return partial.colwise().sum().transpose();
}

/// Columns as the kernels see them: reals, two for a complex number.
template <class Scalar>
struct Reals {
    using Real = RealOf<Scalar>;
    static constexpr Index parts = is_complex<Scalar> ? 2 : 1;
    static const Real* at(const Matrix<Scalar>& x, Index row, Index j) {
        return reinterpret_cast<const Real*>(x.data() + j * x.rows() + row);
    }
    static Real* at(Matrix<Scalar>& x, Index row, Index j) {
        return reinterpret_cast<Real*>(x.data() + j * x.rows() + row);
    }
};

/// Re <x_j, y_j> for every column.
template <class Scalar>
Vector<double> column_products(const Matrix<Scalar>& x, const Matrix<Scalar>& y, const Execution& execution) {
    const RecurrenceKernels<RealOf<Scalar>>& kernel = kernels();
    using View = Reals<Scalar>;
    return sum_over_rows(x.rows(), x.cols(), execution, [&](Index j, Index first, Index count) {
        return kernel.dot(count * View::parts, View::at(x, first, j), View::at(y, first, j));
    });
}

/// previous_j := a_j product_j - b_j current_j - c_j previous_j; returns the norms of the new columns.
template <class Scalar>
Vector<double> advance_columns(const Vector<double>& a, const Matrix<Scalar>& product, const Vector<double>& b,
                               const Matrix<Scalar>& current, const Vector<double>& c, Matrix<Scalar>& previous,
                               const Execution& execution) {
    using View = Reals<Scalar>;
    using Real = RealOf<Scalar>;
    const RecurrenceKernels<Real>& kernel = kernels();
    const Vector<double> squares =
        sum_over_rows(product.rows(), product.cols(), execution, [&](Index j, Index first, Index count) {
            return kernel.advance(count * View::parts, static_cast<Real>(a[j]), View::at(product, first, j),
                                  static_cast<Real>(b[j]), View::at(current, first, j), static_cast<Real>(c[j]),
                                  View::at(previous, first, j));
        });
    return squares.cwiseSqrt();
}

}  // namespace

template <class Scalar>
void fill_probes(const QuadratureOptions& options, Index first_probe, Block<Scalar> block, const Execution& execution) {
    Matrix<Scalar> together(block.rows, probes_per_stream);
    for (Index done = 0; done < block.cols;) {
        const Index probe = first_probe + done, offset = probe % probes_per_stream;
        const Index count = std::min(probes_per_stream - offset, block.cols - done);
        const std::uint64_t stream = first_stream + static_cast<std::uint64_t>(probe / probes_per_stream);
        if (options.probe == ProbeKind::rademacher)
            fill_rademacher<Scalar>(options.seed, stream, together, 0, execution);
        else
            fill_gaussian<Scalar>(options.seed, stream, together, 0, execution);
        block.columns(done, count).map() = together.middleCols(offset, count);
        done += count;
    }
    if (options.probe == ProbeKind::orthogonal) {
        orthonormalize<Scalar>(block, 0.0, execution);
        return;
    }
    const Vector<double> norms = column_norms<Scalar>(block, execution);
    for (Index j = 0; j < block.cols; ++j) block.columns(j, 1).map() *= static_cast<RealOf<Scalar>>(1.0 / norms[j]);
}

template <class Scalar>
ProbeRecurrences<Scalar>::ProbeRecurrences(BlockOperator<Scalar>& op, const QuadratureOptions& options,
                                           Index first_probe, Index width, const Execution& execution)
    : op_(op), options_(options), execution_(execution), degree_(std::min(options.degree, op.cols())) {
    current_.resize(op.cols(), width);
    fill_probes<Scalar>(options, first_probe, current_, execution);
    if (!options.gram && !options.reorthogonalize && op.has_recurrence()) {
        by_rows_ = std::make_unique<RowMajorProbes<Scalar>>(op, current_, execution);
        current_.resize(0, 0);
    } else {
        product_.resize(op.cols(), width);
        previous_ = Matrix<Scalar>::Zero(op.rows(), width);
    }
    if (options.gram) left_product_.resize(op.rows(), width);
    factor_ = Vector<double>::Ones(width);
    previous_factor_ = coupling_ = norms_ = Vector<double>::Zero(width);
    coefficients_.diagonal = coefficients_.off_diagonal = Matrix<double>::Zero(degree_, width);
    coefficients_.lengths.assign(static_cast<std::size_t>(width), 0);
    if (options.reorthogonalize) bases_.assign(static_cast<std::size_t>(width), Matrix<Scalar>(op.cols(), degree_));
}

template <class Scalar>
ProbeRecurrences<Scalar>::~ProbeRecurrences() = default;

template <class Scalar>
Index ProbeRecurrences<Scalar>::bytes() const {
    Index count = current_.size() + previous_.size() + product_.size() + left_product_.size();
    if (by_rows_) count += 2 * by_rows_->size();
    for (const auto& basis : bases_) count += basis.size();
    return count * Index{sizeof(Scalar)};
}

template <class Scalar>
bool ProbeRecurrences<Scalar>::finished() const {
    return steps_ == degree_ || factor_.maxCoeff() == 0.0;
}

template <class Scalar>
void ProbeRecurrences<Scalar>::step() {
    if (options_.gram)
        golub_kahan_step();
    else
        lanczos_step();
    ++steps_;
}

/// A power of two that brings the operator near 1, where squares neither overflow nor vanish.
template <class Scalar>
void ProbeRecurrences<Scalar>::choose_scale(double largest) {
    if (largest > 0.0) scale_ = safe_scale<Scalar>(largest);
}

template <class Scalar>
bool ProbeRecurrences<Scalar>::is_negligible(double length, Index probe) const {
    return length <= breakdown_factor * std::numeric_limits<RealOf<Scalar>>::epsilon() * norms_[probe];
}

/// w := A v_k - beta_k v_k-1 with alpha_k = <v_k, w>, then w := w - alpha_k v_k of norm beta_k+1, in two passes.
template <class Scalar>
typename ProbeRecurrences<Scalar>::Step ProbeRecurrences<Scalar>::step_by_rows() {
    Vector<double> coupling = Vector<double>::Zero(width());
    for (Index j = 0; j < width(); ++j)
        if (factor_[j] > 0.0) coupling[j] = coupling_[j] * previous_factor_[j] / (scale_ * factor_[j]);
    const Vector<double> products = by_rows_->multiply(coupling, execution_);
    if (steps_ == 0) {
        double largest = 0.0;
        for (const auto& tile : by_rows_->tiles())
            largest = std::max(largest, finite_magnitude(tile.next(), tile.size()));
        choose_scale(largest);
    }
    Step step;
    step.alpha = scale_ * factor_.cwiseAbs2().cwiseProduct(products);
    step.beta = by_rows_->advance(scale_ * factor_, step.alpha.cwiseProduct(factor_), execution_).cwiseSqrt();
    return step;
}

template <class Scalar>
typename ProbeRecurrences<Scalar>::Step ProbeRecurrences<Scalar>::step_by_columns() {
    op_.apply(current_, product_, execution_);
    if (steps_ == 0) choose_scale(finite_magnitude(product_.data(), product_.size()));
    Step step;
    step.alpha = scale_ * factor_.cwiseAbs2().cwiseProduct(column_products(current_, product_, execution_));
    step.beta = advance_columns<Scalar>(scale_ * factor_, product_, step.alpha.cwiseProduct(factor_), current_,
                                        coupling_.cwiseProduct(previous_factor_), previous_, execution_);
    keep_basis_vector();
    step.beta = orthogonalized_norms(step.beta, previous_);
    std::swap(current_, previous_);
    return step;
}

/// beta_k+1 v_k+1 = A v_k - alpha_k v_k - beta_k v_k-1, alpha_k = <v_k, A v_k>
template <class Scalar>
void ProbeRecurrences<Scalar>::lanczos_step() {
    const auto [alpha, beta] = by_rows_ ? step_by_rows() : step_by_columns();
    previous_factor_ = factor_;
    for (Index j = 0; j < width(); ++j) {
        if (factor_[j] == 0.0) continue;
        norms_[j] = std::max(norms_[j], std::abs(alpha[j]) + beta[j]);
        coefficients_.diagonal(steps_, j) = alpha[j];
        coefficients_.lengths[static_cast<std::size_t>(j)] = steps_ + 1;
        if (is_negligible(beta[j], j)) {
            end_probe(j);
            continue;
        }
        coefficients_.off_diagonal(steps_, j) = coupling_[j] = beta[j];
        factor_[j] = 1.0 / beta[j];
    }
}

/// alpha_k u_k = A v_k - beta_k-1 u_k-1,  beta_k v_k+1 = A^H u_k - alpha_k v_k
template <class Scalar>
void ProbeRecurrences<Scalar>::golub_kahan_step() {
    const Vector<double> none = Vector<double>::Zero(width());
    op_.apply(current_, left_product_, execution_);
    if (steps_ == 0) choose_scale(finite_magnitude(left_product_.data(), left_product_.size()));
    Vector<double> alpha = advance_columns<Scalar>(scale_ * factor_, left_product_, none, left_product_,
                                                   coupling_.cwiseProduct(previous_factor_), previous_, execution_);
    op_.apply_adjoint(previous_, product_, execution_);
    for (Index j = 0; j < width(); ++j) {
        norms_[j] = std::max(norms_[j], alpha[j]);
        previous_factor_[j] = factor_[j] == 0.0 || is_negligible(alpha[j], j) ? 0.0 : 1.0 / alpha[j];
        if (previous_factor_[j] == 0.0) alpha[j] = 0.0;
    }
    keep_basis_vector();
    Vector<double> beta = advance_columns<Scalar>(scale_ * previous_factor_, product_, none, product_,
                                                  alpha.cwiseProduct(factor_), current_, execution_);
    beta = orthogonalized_norms(beta, current_);
    for (Index j = 0; j < width(); ++j) {
        if (factor_[j] == 0.0) continue;
        norms_[j] = std::max(norms_[j], alpha[j] + beta[j]);
        coefficients_.diagonal(steps_, j) = alpha[j];
        coefficients_.lengths[static_cast<std::size_t>(j)] = steps_ + 1;
        if (alpha[j] == 0.0 || is_negligible(beta[j], j)) {
            end_probe(j);
            continue;
        }
        coefficients_.off_diagonal(steps_, j) = coupling_[j] = beta[j];
        factor_[j] = 1.0 / beta[j];
    }
}

template <class Scalar>
void ProbeRecurrences<Scalar>::end_probe(Index probe) {
    factor_[probe] = coupling_[probe] = 0.0;
}

template <class Scalar>
void ProbeRecurrences<Scalar>::keep_basis_vector() {
    for (std::size_t j = 0; j < bases_.size(); ++j) {
        const Index column = static_cast<Index>(j);
        bases_[j].col(steps_) = current_.col(column) * static_cast<RealOf<Scalar>>(factor_[column]);
    }
}

/// w := w - Q (Q^H w), twice, with the basis Q of each probe; returns the new norms.
template <class Scalar>
Vector<double> ProbeRecurrences<Scalar>::orthogonalized_norms(const Vector<double>& norms, Matrix<Scalar>& vectors) {
    if (bases_.empty()) return norms;
    const Index n = vectors.rows(), k = steps_ + 1;
    parallel::run_tasks(width(), execution_, [&](Index j, int) {
        const Matrix<Scalar>& basis = bases_[static_cast<std::size_t>(j)];
        Vector<Scalar> overlaps(k);
        Scalar* w = vectors.data() + j * n;
        for (int pass = 0; pass < 2; ++pass) {
            blas::gemm<Scalar>(blas::Op::adjoint, blas::Op::none, k, 1, n, Scalar(1), basis.data(), n, w, n, Scalar(0),
                               overlaps.data(), k);
            blas::gemm<Scalar>(blas::Op::none, blas::Op::none, n, 1, k, Scalar(-1), basis.data(), n, overlaps.data(), k,
                               Scalar(1), w, n);
        }
    });
    return column_norms<Scalar>(vectors, execution_);
}

#define EIGENSCOPE_INSTANTIATE(S)                                                              \
    template void fill_probes<S>(const QuadratureOptions&, Index, Block<S>, const Execution&); \
    template class ProbeRecurrences<S>;
EIGENSCOPE_INSTANTIATE(float)
EIGENSCOPE_INSTANTIATE(double)
EIGENSCOPE_INSTANTIATE(complex64)
EIGENSCOPE_INSTANTIATE(complex128)
#undef EIGENSCOPE_INSTANTIATE

}  // namespace eigenscope
