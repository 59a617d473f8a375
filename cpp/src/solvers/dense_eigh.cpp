#include <algorithm>
#include <cmath>
#include <eigenscope/foundation/blas.hpp>
#include <eigenscope/foundation/error.hpp>
#include <eigenscope/solvers/eigenpairs.hpp>
#include <limits>

namespace eigenscope {

namespace {

/// Columns of the identity that the operator is applied to at once.
constexpr Index identity_block = 64;

template <class Scalar>
Matrix<Scalar> form_matrix(BlockOperator<Scalar>& op, LanczosResult<Scalar>& result, const Execution& execution) {
    const Index n = op.rows();
    Matrix<Scalar> matrix(n, n);
    for (Index first = 0; first < n; first += identity_block) {
        const Index count = std::min(identity_block, n - first);
        Matrix<Scalar> identity = Matrix<Scalar>::Zero(n, count);
        for (Index j = 0; j < count; ++j) identity(first + j, j) = Scalar(1);
        op.apply(identity, Block<Scalar>(matrix).columns(first, count), execution);
        ++result.n_applications;
    }
    result.n_matvecs += n;
    return matrix;
}

}  // namespace

template <class Scalar>
LanczosResult<Scalar> dense_eigh(BlockOperator<Scalar>& op, const LanczosOptions& options, const Execution& execution) {
    using Real = RealOf<Scalar>;
    const Index n = op.rows(), k = std::min(options.k, n);
    LanczosResult<Scalar> result;
    Matrix<Scalar> matrix = form_matrix(op, result, execution);
    result.basis_bytes = 2 * n * n * Index{sizeof(Scalar)};
    const double largest = n > 0 ? static_cast<double>(matrix.cwiseAbs().maxCoeff()) : 0.0;
    if (!std::isfinite(largest)) throw InvalidInput("the operator returned values that are not finite");
    const double scale = largest > 0.0 ? safe_scale<Scalar>(largest) : 1.0;
    if (scale != 1.0) matrix *= static_cast<Real>(scale);
    matrix = (Real(0.5) * (matrix + matrix.adjoint())).eval();

    Vector<Real> values(n);
    blas::eigh<Scalar>(n, matrix.data(), std::max<Index>(1, n), values.data(), true);
    const Vector<double> ascending = values.template cast<double>();
    const auto order = wanted_order(ascending, options.which);
    result.eigenvalues.resize(k);
    result.eigenvectors.resize(n, k);
    for (Index j = 0; j < k; ++j) {
        result.eigenvalues[j] = ascending[order[static_cast<std::size_t>(j)]] / scale;
        result.eigenvectors.col(j) = matrix.col(order[static_cast<std::size_t>(j)]);
    }
    result.norm = n > 0 ? ascending.cwiseAbs().maxCoeff() / scale : 0.0;
    result.residual_norms = residual_norms<Scalar>(op, result.eigenvalues, result.eigenvectors, execution);
    result.n_matvecs += k;
    ++result.n_applications;
    // LAPACK's backward error grows slowly with n.
    const double eps = std::numeric_limits<Real>::epsilon();
    mark_converged(result, std::max(options.tolerance, residual_floor * eps * std::sqrt(static_cast<double>(n))));
    return result;
}

#define EIGENSCOPE_INSTANTIATE(S) \
    template LanczosResult<S> dense_eigh<S>(BlockOperator<S>&, const LanczosOptions&, const Execution&);
EIGENSCOPE_INSTANTIATE(float)
EIGENSCOPE_INSTANTIATE(double)
EIGENSCOPE_INSTANTIATE(complex64)
EIGENSCOPE_INSTANTIATE(complex128)
#undef EIGENSCOPE_INSTANTIATE

}  // namespace eigenscope
