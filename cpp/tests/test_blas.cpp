#include <algorithm>
#include <eigenscope/foundation/blas.hpp>
#include <eigenscope/foundation/error.hpp>

#include "testing.hpp"

using namespace eigenscope;
using testing::adjoint;
using testing::gaussian;
using testing::product;
using testing::relative_difference;

namespace {

/// Backward stable algorithms leave residuals of some n eps; n is 30 here.
template <class Scalar>
double bound() {
    return 30 * 10 * testing::epsilon<Scalar>();
}

template <class Scalar>
double defect_of_orthonormality(const Matrix<Scalar>& q) {
    Matrix<Scalar> gram = product(adjoint(q), q);
    gram.diagonal().array() -= Scalar(1);
    return static_cast<double>(gram.norm());
}

template <class Scalar>
Matrix<Scalar> hermitian(Index n) {
    const Matrix<Scalar> g = gaussian<Scalar>(n, n, 40);
    return g + g.adjoint();
}

template <class Scalar>
void check_products() {
    const Matrix<Scalar> a = gaussian<Scalar>(20, 30, 1), b = gaussian<Scalar>(30, 7, 2),
                         c = gaussian<Scalar>(20, 7, 3);
    const Scalar alpha(2), beta(-3);
    Matrix<Scalar> d = c;
    blas::gemm<Scalar>(blas::Op::none, blas::Op::none, 20, 7, 30, alpha, a.data(), 20, b.data(), 30, beta, d.data(),
                       20);
    CHECK_BELOW(relative_difference(d, Matrix<Scalar>(alpha * product(a, b) + beta * c)), bound<Scalar>());

    Matrix<Scalar> e(30, 7);
    blas::gemm<Scalar>(blas::Op::adjoint, blas::Op::none, 30, 7, 20, Scalar(1), a.data(), 20, c.data(), 20, Scalar(0),
                       e.data(), 30);
    CHECK_BELOW(relative_difference(e, product(adjoint(a), c)), bound<Scalar>());

    Matrix<Scalar> gram = Matrix<Scalar>::Constant(30, 30, Scalar(5));
    blas::gram_lower<Scalar>(blas::Op::adjoint, 30, 20, a.data(), 20, 0, gram.data(), 30);
    const Matrix<Scalar> expected = product(adjoint(a), a);
    CHECK_BELOW(relative_difference(Matrix<Scalar>(gram.template triangularView<Eigen::Lower>()),
                                    Matrix<Scalar>(expected.template triangularView<Eigen::Lower>())),
                bound<Scalar>());
    CHECK(gram(0, 29) == Scalar(5));
}

template <class Scalar>
void check_cholesky() {
    const Matrix<Scalar> a = gaussian<Scalar>(60, 30, 5), b = gaussian<Scalar>(8, 30, 6);
    const Matrix<Scalar> gram = product(adjoint(a), a);
    Matrix<Scalar> r = gram;
    CHECK(blas::cholesky_upper<Scalar>(30, r.data(), 30));
    const Matrix<Scalar> upper = r.template triangularView<Eigen::Upper>();
    CHECK_BELOW(relative_difference(product(adjoint(upper), upper), gram), bound<Scalar>());

    Matrix<Scalar> solved = b;
    blas::solve_upper_right<Scalar>(8, 30, r.data(), 30, solved.data(), 8);
    CHECK_BELOW(relative_difference(product(solved, upper), b), bound<Scalar>());

    Matrix<Scalar> indefinite = -gram;
    CHECK(!blas::cholesky_upper<Scalar>(30, indefinite.data(), 30));
}

template <class Scalar>
void check_qr() {
    Matrix<Scalar> a = gaussian<Scalar>(50, 30, 7);
    // A short first column, which pivoting moves to the end.
    a.col(0) *= RealOf<Scalar>(1e-3);
    Matrix<Scalar> q = a, r(30, 30), permuted(50, 30);
    std::vector<Index> pivots;
    blas::pivoted_qr<Scalar>(50, 30, q.data(), 50, r.data(), 30, pivots);
    CHECK(pivots.size() == 30 && pivots.back() == 0);
    for (Index j = 0; j < 30; ++j) permuted.col(j) = a.col(pivots[static_cast<std::size_t>(j)]);
    CHECK_BELOW(defect_of_orthonormality(q), bound<Scalar>());
    CHECK_BELOW(relative_difference(product(q, r), permuted), bound<Scalar>());
    CHECK(Matrix<Scalar>(r.template triangularView<Eigen::StrictlyLower>()).isZero(0));
    for (Index j = 1; j < 30; ++j) CHECK(std::abs(r(j, j)) <= std::abs(r(j - 1, j - 1)) * RealOf<Scalar>(1.001));
}

template <class Scalar>
void check_eigh() {
    const Index n = 30;
    const Matrix<Scalar> a = hermitian<Scalar>(n);
    Matrix<Scalar> vectors = a, destroyed = a;
    Vector<RealOf<Scalar>> all(n), values_only(n);
    blas::eigh<Scalar>(n, vectors.data(), n, all.data(), true);
    blas::eigh<Scalar>(n, destroyed.data(), n, values_only.data(), false);
    const Vector<Scalar> diagonal = all.template cast<Scalar>();
    CHECK_BELOW(relative_difference(product<Scalar>(vectors * diagonal.asDiagonal(), adjoint(vectors)), a),
                bound<Scalar>());
    CHECK_BELOW(defect_of_orthonormality(vectors), bound<Scalar>());
    CHECK_BELOW(relative_difference<RealOf<Scalar>>(values_only, all), bound<Scalar>());
    for (Index i = 1; i < n; ++i) CHECK(all(i - 1) <= all(i));

    const Index first = 22, last = 28, count = last - first + 1;
    destroyed = a;
    Vector<RealOf<Scalar>> some(count);
    Matrix<Scalar> some_vectors(n, count);
    blas::eigh_range<Scalar>(n, destroyed.data(), n, first, last, some.data(), some_vectors.data(), n);
    const Vector<Scalar> some_diagonal = some.template cast<Scalar>();
    CHECK_BELOW(relative_difference<RealOf<Scalar>>(some, all.segment(first, count)), bound<Scalar>());
    CHECK_BELOW(
        relative_difference(product(a, some_vectors), Matrix<Scalar>(some_vectors * some_diagonal.asDiagonal())),
        bound<Scalar>());
    CHECK_BELOW(defect_of_orthonormality(some_vectors), bound<Scalar>());
}

/// A few eigenpairs by way of the tridiagonal matrix.
template <class Real>
void check_tridiagonal() {
    const Index n = 30, first = 3, last = 7, count = last - first + 1;
    const Matrix<Real> g = gaussian<Real>(n, n, 9), a = g + adjoint(g);
    Matrix<Real> reduced = a, all_vectors = a, vectors(n, count);
    Vector<Real> all(n), some(count);
    blas::eigh<Real>(n, all_vectors.data(), n, all.data(), false);
    const blas::Tridiagonal<Real> t = blas::tridiagonalize<Real>(n, reduced.data(), n);
    const Real low = (all[first - 1] + all[first]) / 2, high = (all[last] + all[last + 1]) / 2;
    CHECK(blas::tridiagonal_eigh_between<Real>(t, low, high, count, some.data(), vectors.data(), n));
    CHECK_BELOW(relative_difference<Real>(some, all.segment(first, count)), bound<Real>());
    blas::multiply_by_reflectors<Real>(n, reduced.data(), n, t, count, vectors.data(), n);
    CHECK_BELOW(relative_difference(product(a, vectors), Matrix<Real>(vectors * some.asDiagonal())), bound<Real>());
    CHECK_BELOW(defect_of_orthonormality(vectors), bound<Real>());
    const auto neighbours = blas::tridiagonal_neighbours<Real>(t, first, std::numeric_limits<Real>::epsilon());
    CHECK(neighbours.has_value());
    CHECK_BELOW(std::abs((*neighbours)[0] - all[first - 1]), bound<Real>() * all.cwiseAbs().maxCoeff());
    CHECK_BELOW(std::abs((*neighbours)[1] - all[first]), bound<Real>() * all.cwiseAbs().maxCoeff());
    CHECK(!blas::tridiagonal_eigh_between<Real>(t, low, all[last - 1], count, some.data(), vectors.data(), n));
}

template <class Scalar>
void check_svd(Index m, Index n) {
    const Index r = std::min(m, n);
    const Matrix<Scalar> a = gaussian<Scalar>(m, n, 8);
    Matrix<Scalar> destroyed = a, u(m, r), vh(r, n);
    Vector<RealOf<Scalar>> s(r);
    blas::svd<Scalar>(m, n, destroyed.data(), m, s.data(), u.data(), m, vh.data(), r);
    const Vector<Scalar> diagonal = s.template cast<Scalar>();
    CHECK_BELOW(relative_difference(product<Scalar>(u * diagonal.asDiagonal(), vh), a), bound<Scalar>());
    CHECK_BELOW(defect_of_orthonormality(u), bound<Scalar>());
    CHECK_BELOW(defect_of_orthonormality(adjoint(vh)), bound<Scalar>());
    for (Index i = 1; i < r; ++i) CHECK(s(i - 1) >= s(i));
}

template <class Scalar>
void check_all() {
    check_products<Scalar>();
    check_cholesky<Scalar>();
    check_qr<Scalar>();
    check_eigh<Scalar>();
    check_svd<Scalar>(50, 30);
    check_svd<Scalar>(12, 30);
}

}  // namespace

TEST(blas_table_is_filled_by_the_linked_library) {
    CHECK(blas::ready());
    const auto names = blas::routine_names();
    for (const char* name : {"sgemm", "zheevd", "dsterf"}) CHECK(std::count(names.begin(), names.end(), name) == 1);
    CHECK_THROWS(blas::install("dnonsense", nullptr), InvalidInput);
}

TEST(eigenpairs_by_way_of_a_tridiagonal_matrix) {
    check_tridiagonal<float>();
    check_tridiagonal<double>();
}

TEST(blas_and_lapack_float) {
    check_all<float>();
}
TEST(blas_and_lapack_double) {
    check_all<double>();
}
TEST(blas_and_lapack_complex64) {
    check_all<complex64>();
}
TEST(blas_and_lapack_complex128) {
    check_all<complex128>();
}

TEST(blas_refuses_dimensions_beyond_32_bits) {
    double value = 0;
    CHECK_THROWS(blas::gemm<double>(blas::Op::none, blas::Op::none, Index{1} << 31, 1, 1, 1.0, &value, Index{1} << 31,
                                    &value, 1, 0.0, &value, Index{1} << 31),
                 InvalidInput);
}
