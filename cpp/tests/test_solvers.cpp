#include <algorithm>
#include <eigenscope/foundation/error.hpp>
#include <eigenscope/operators/dense.hpp>
#include <eigenscope/operators/views.hpp>
#include <eigenscope/solvers/block_krylov.hpp>
#include <eigenscope/solvers/lanczos.hpp>
#include <eigenscope/solvers/orthogonalize.hpp>
#include <vector>

#include "testing.hpp"

using namespace eigenscope;

namespace {

/// max |Q^H Q - I|
template <class Scalar>
double orthonormality_error(const Matrix<Scalar>& q) {
    const Matrix<Scalar> gram = testing::product(testing::adjoint(q), q);
    double worst = 0.0;
    for (Index j = 0; j < gram.cols(); ++j)
        for (Index i = 0; i < gram.rows(); ++i)
            worst = std::max(worst, static_cast<double>(std::abs(gram(i, j) - Scalar(i == j ? 1 : 0))));
    return worst;
}

template <class Scalar>
Matrix<Scalar> narrowed(const Matrix<Precise<Scalar>>& wide) {
    return wide.template cast<Scalar>();
}

template <class Scalar>
ElementType element_type() {
    if constexpr (std::is_same_v<Scalar, float>) return ElementType::float32;
    if constexpr (std::is_same_v<Scalar, double>) return ElementType::float64;
    if constexpr (std::is_same_v<Scalar, complex64>) return ElementType::complex_single;
    return ElementType::complex_double;
}

template <class Scalar>
DenseSource source_of(const Matrix<Scalar>& matrix) {
    DenseSource source;
    source.data = reinterpret_cast<const std::byte*>(matrix.data());
    source.type = element_type<Scalar>();
    source.rows = matrix.rows();
    source.cols = matrix.cols();
    source.row_stride = sizeof(Scalar);
    source.column_stride = matrix.rows() * Index{sizeof(Scalar)};
    return source;
}

/// diag(values) times a block.
template <class Scalar>
CallbackOperator<Scalar> diagonal(const std::vector<double>& values) {
    const auto multiply = [values](ConstBlock<Scalar> x, Block<Scalar> y) {
        for (Index j = 0; j < x.cols; ++j)
            for (Index i = 0; i < x.rows; ++i)
                y.column(j)[i] = x.column(j)[i] * static_cast<RealOf<Scalar>>(values[static_cast<std::size_t>(i)]);
    };
    const auto n = static_cast<Index>(values.size());
    return {n, n, multiply, multiply};
}

/// 1, 1/2, 1/3 …, each `multiplicity` times.
std::vector<double> repeated(Index n, Index multiplicity) {
    std::vector<double> values;
    for (Index i = 0; i < n; ++i) values.push_back(1.0 / static_cast<double>(1 + i / multiplicity));
    return values;
}

/// A block with columns decades apart; QR methods differ in what they bear.
template <class Scalar>
void check_orthonormalize(double ratio, Index rank, QrMethod method) {
    const Index n = 400, b = 6;
    Matrix<Scalar> x = testing::gaussian<Scalar>(n, b, 1);
    // Nearly parallel columns: each is the first plus a small part of its own.
    for (Index j = 1; j < b; ++j)
        for (Index i = 0; i < n; ++i)
            x(i, j) = x(i, 0) + (j < rank ? static_cast<RealOf<Scalar>>(ratio) * x(i, j) : Scalar(0));
    Matrix<Scalar> q = x;
    const double threshold = 1e3 * testing::epsilon<Scalar>() * 20.0 * (rank < b ? 1.0 : 0.0);
    const auto qr = orthonormalize<Scalar>(q, threshold, {});
    CHECK(qr.method == method);
    CHECK(qr.rank == rank);
    const Matrix<Scalar> kept = q.leftCols(qr.rank);
    CHECK_BELOW(orthonormality_error(kept), 64 * testing::epsilon<Scalar>());
    const Matrix<Scalar> rows = narrowed<Scalar>(qr.r).topRows(qr.rank);
    CHECK_BELOW(testing::relative_difference(testing::product(kept, rows), x), 64 * testing::epsilon<Scalar>());
}

template <class Scalar>
void check_orthonormalize_all() {
    const double eps = testing::epsilon<Scalar>();
    check_orthonormalize<Scalar>(1.0, 6, QrMethod::cholesky);
    check_orthonormalize<Scalar>(std::pow(eps, 0.8), 6, QrMethod::shifted_cholesky);
    check_orthonormalize<Scalar>(1.0, 3, QrMethod::householder);
}

template <class Scalar>
void check_projection() {
    const Index n = 300;
    Matrix<Scalar> basis = testing::gaussian<Scalar>(n, 10, 2), w = testing::gaussian<Scalar>(n, 4, 3);
    orthonormalize<Scalar>(basis, 0.0, {});
    // One column inside the basis, one nearly so.
    for (Index i = 0; i < n; ++i) {
        w(i, 1) = basis(i, 4);
        w(i, 2) = basis(i, 0) + static_cast<RealOf<Scalar>>(1e-3) * w(i, 2);
    }
    Matrix<Scalar> q = w;
    const auto found =
        orthonormalize_against<Scalar>(basis, q, breakdown_factor * testing::epsilon<Scalar>() * 20.0, 7, 1, {});
    CHECK(found.rank == 3);
    Matrix<Scalar> together(n, 14);
    together.leftCols(10) = basis;
    together.rightCols(4) = q;
    CHECK_BELOW(orthonormality_error(together), 64 * testing::epsilon<Scalar>());
    Matrix<Scalar> rebuilt = testing::product(basis, narrowed<Scalar>(found.coefficients));
    rebuilt += testing::product(q, narrowed<Scalar>(found.r));
    CHECK_BELOW(testing::relative_difference(rebuilt, w), 4 * breakdown_factor * testing::epsilon<Scalar>());
}

template <class Scalar>
void check_lanczos(Index multiplicity, Index k, double tolerance) {
    const std::vector<double> values = repeated(500, multiplicity);
    auto op = diagonal<Scalar>(values);
    LanczosOptions options;
    options.k = k;
    options.tolerance = tolerance;
    for (const std::uint64_t seed : {0, 1, 2}) {
        options.seed = seed;
        const auto found = lanczos<Scalar>(op, options, ConstBlock<Scalar>(), {});
        CHECK(found.status == Status::converged);
        for (Index j = 0; j < k; ++j)
            CHECK_CLOSE(found.eigenvalues[j], values[static_cast<std::size_t>(j)],
                        std::max(tolerance, 64 * testing::epsilon<Scalar>()));
        CHECK_BELOW(orthonormality_error(found.eigenvectors), 64 * testing::epsilon<Scalar>());
        CHECK_BELOW(found.residual_norms.maxCoeff(), std::max(tolerance, residual_floor * testing::epsilon<Scalar>()));
    }
}

/// ⟨A x, y⟩ = ⟨x, A^H y⟩ and A^H A x = A^H (A x).
template <class Scalar>
void check_adjoint(BlockOperator<Scalar>& op) {
    const Matrix<Scalar> x = testing::gaussian<Scalar>(op.cols(), 3, 21),
                         y = testing::gaussian<Scalar>(op.rows(), 2, 22);
    Matrix<Scalar> ax(op.rows(), 3), ay(op.cols(), 2), gram(op.cols(), 3), twice(op.cols(), 3);
    const double bound = 256 * testing::epsilon<Scalar>();
    for (const int threads : {1, 2}) {
        const Execution execution{threads, nullptr};
        op.apply(x, ax, execution);
        op.apply_adjoint(y, ay, execution);
        const Matrix<Scalar> left = testing::product(testing::adjoint(y), ax);
        const Matrix<Scalar> right = testing::product(testing::adjoint(ay), x);
        CHECK_BELOW(testing::relative_difference(left, right), bound);
        op.apply_gram(x, gram, execution);
        op.apply_adjoint(ax, twice, execution);
        CHECK_BELOW(testing::relative_difference(gram, twice), bound);
    }
}

template <class Scalar>
void check_operators() {
    const Matrix<Scalar> a = testing::gaussian<Scalar>(700, 30, 11);
    std::vector<double> shift(30, 0.25), factor(30, 2.0);
    DenseOperator<Scalar> plain(source_of(a), {}, 1.0), shifted(source_of(a), {shift.data(), factor.data()}, 0.5),
        wide(source_of(a).transposed(), {}, 1.0);
    Vector<Scalar> means(30);
    Vector<RealOf<Scalar>> factors(30);
    for (Index j = 0; j < 30; ++j) {
        means[j] = a(j, j);
        factors[j] = static_cast<RealOf<Scalar>>(1 + j);
    }
    StandardizedOperator<Scalar> standardized(plain, means, factors, 0.5);
    AdjointOperator<Scalar> adjoint(plain);
    GramOperator<Scalar> gram(plain);
    JordanWielandtOperator<Scalar> augmented(plain);
    check_adjoint<Scalar>(plain);
    check_adjoint<Scalar>(shifted);
    check_adjoint<Scalar>(wide);
    check_adjoint<Scalar>(standardized);
    check_adjoint<Scalar>(adjoint);
    check_adjoint<Scalar>(gram);
    check_adjoint<Scalar>(augmented);

    const Matrix<Scalar> x = testing::gaussian<Scalar>(30, 3, 12);
    Matrix<Scalar> y(700, 3);
    plain.apply(x, y, {});
    CHECK_BELOW(testing::relative_difference(y, testing::product(a, x)), 64 * testing::epsilon<Scalar>());
}

/// Columns with norms `values`, orthogonal: their singular values.
Matrix<double> graded_matrix(Index rows, const std::vector<double>& values) {
    Matrix<double> a = testing::gaussian<double>(rows, static_cast<Index>(values.size()), 31);
    orthonormalize<double>(a, 0.0, {});
    for (Index j = 0; j < a.cols(); ++j)
        for (Index i = 0; i < rows; ++i) a(i, j) *= values[static_cast<std::size_t>(j)];
    return a;
}

}  // namespace

TEST(each_orthonormalization_bears_what_it_is_chosen_for) {
    check_orthonormalize_all<double>();
    check_orthonormalize_all<complex128>();
}

TEST(single_precision_is_factored_in_double) {
    check_orthonormalize<float>(1.0, 6, QrMethod::cholesky);
    check_orthonormalize<float>(1.0, 3, QrMethod::householder);
}

TEST(a_block_of_zeros_has_rank_zero) {
    Matrix<double> zeros = Matrix<double>::Zero(50, 3);
    CHECK(orthonormalize<double>(zeros, 1e-12, {}).rank == 0);
}

TEST(projection_against_a_basis_replaces_what_the_basis_holds) {
    check_projection<float>();
    check_projection<double>();
    check_projection<complex64>();
    check_projection<complex128>();
}

TEST(random_completion_is_orthonormal) {
    Matrix<double> basis = testing::gaussian<double>(40, 20, 4);
    orthonormalize<double>(basis, 0.0, {});
    Matrix<double> together(40, 30);
    together.leftCols(20) = basis;
    Matrix<double> w(40, 10);
    complete_with_random<double>(basis, w, 0, 1, 2, {});
    together.rightCols(10) = w;
    CHECK_BELOW(orthonormality_error(together), 64 * testing::epsilon<double>());
}

TEST(lanczos_finds_all_copies_of_repeated_values) {
    // Also sets whose last value goes on beyond them.
    for (const Index multiplicity : {1, 2, 3, 7, 20}) check_lanczos<double>(multiplicity, 6, 1e-10);
    check_lanczos<float>(3, 6, 1e-4);
    check_lanczos<complex128>(5, 6, 1e-10);
}

TEST(lanczos_of_zero_and_of_the_identity) {
    for (const double value : {0.0, 1.0}) {
        auto op = diagonal<double>(std::vector<double>(200, value));
        const auto found = lanczos<double>(op, LanczosOptions{}, ConstBlock<double>(), {});
        CHECK(found.status == Status::converged);
        for (Index j = 0; j < 6; ++j) CHECK_CLOSE(found.eigenvalues[j], value, 1e-14);
        CHECK_BELOW(orthonormality_error(found.eigenvectors), 1e-13);
    }
}

TEST(lanczos_serves_every_end) {
    std::vector<double> values;
    for (int i = 0; i < 300; ++i) values.push_back(std::cos(0.01 * i * i));
    std::vector<double> ascending = values;
    std::sort(ascending.begin(), ascending.end());
    auto op = diagonal<double>(values);
    LanczosOptions options;
    options.k = 4;
    options.which = Which::smallest_algebraic;
    const auto low = lanczos<double>(op, options, ConstBlock<double>(), {});
    options.which = Which::largest_algebraic;
    const auto high = lanczos<double>(op, options, ConstBlock<double>(), {});
    for (std::size_t j = 0; j < 4; ++j) {
        CHECK_CLOSE(low.eigenvalues[static_cast<Index>(j)], ascending[j], 1e-9);
        CHECK_CLOSE(high.eigenvalues[static_cast<Index>(j)], ascending[299 - j], 1e-9);
    }
}

TEST(lanczos_stays_inside_its_budget) {
    std::vector<double> values;
    for (int i = 0; i < 1000; ++i) values.push_back(1.0 - 1e-3 * i);
    auto op = diagonal<double>(values);
    LanczosOptions options;
    options.max_matvecs = 100;
    const auto found = lanczos<double>(op, options, ConstBlock<double>(), {});
    CHECK(found.status == Status::budget);
    CHECK(found.n_matvecs <= 100);
    CHECK(found.eigenvalues.size() == 6);
}

TEST(lanczos_stopped_by_its_monitor_or_a_token) {
    auto op = diagonal<double>(repeated(500, 1));
    LanczosOptions options;
    options.tolerance = 0.0;
    options.monitor = [](const LanczosProgress& progress) { return progress.n_matvecs >= 12; };
    CHECK(lanczos<double>(op, options, ConstBlock<double>(), {}).status == Status::budget);
    options.monitor = nullptr;
    struct Countdown : StopToken {
        int left = 5;
        void poll() override {
            if (--left == 0) request_stop();
        }
    } stop;
    const auto found = lanczos<double>(op, options, ConstBlock<double>(), {1, &stop});
    CHECK(found.interrupted);
    CHECK(found.status == Status::budget);
}

TEST(products_of_an_operator_and_its_adjoint_agree) {
    check_operators<float>();
    check_operators<double>();
    check_operators<complex64>();
    check_operators<complex128>();
}

TEST(small_singular_values_keep_the_digits_that_squaring_loses) {
    // Down to 4e-10 among the first 25, where squares are below eps.
    std::vector<double> values;
    for (int j = 0; j < 200; ++j) values.push_back(std::max(1e-13, std::pow(10.0, -0.4 * j)));
    const Matrix<double> a = graded_matrix(300, values);
    DenseOperator<double> op(source_of(a), {}, 1.0);
    SvdOptions options;
    options.k = 24;
    options.block = 8;
    options.tolerance = 1e-12;
    options.max_matvecs = 20000;
    const auto found = block_krylov_svd<double>(op, options, {});
    CHECK(found.refined);
    CHECK(found.status == Status::converged);
    for (Index j = 0; j < 24; ++j) CHECK_CLOSE(found.singular_values[j], values[static_cast<std::size_t>(j)], 1e-13);
    CHECK_BELOW(orthonormality_error(found.u), 1e-12);
    CHECK_BELOW(orthonormality_error(found.v), 1e-12);
}

TEST(error_probes_are_the_frobenius_error) {
    const Matrix<double> a = graded_matrix(200, {4.0, 3.0, 2.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0,
                                                 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0});
    DenseOperator<double> op(source_of(a), {}, 1.0);
    SvdOptions options;
    options.k = 3;
    options.n_error_probes = 400;
    const auto found = dense_svd<double>(op, options, {});
    CHECK_CLOSE(found.singular_values[0], 4.0, 1e-12);
    CHECK_CLOSE(found.singular_values[2], 2.0, 1e-12);
    if (found.squared_errors.size() > 0) {
        // A sum of 23 squares has deviation sqrt(46); the mean of 400 one of 0.34, of which four.
        CHECK_CLOSE(found.squared_errors.mean(), 23.0, 4 * 0.34);
    }
}
