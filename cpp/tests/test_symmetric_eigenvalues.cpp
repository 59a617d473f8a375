#include <cmath>
#include <eigenscope/foundation/blas.hpp>
#include <eigenscope/foundation/error.hpp>
#include <eigenscope/foundation/kernels.hpp>
#include <eigenscope/solvers/band_reduction.hpp>
#include <eigenscope/solvers/symmetric_eigenvalues.hpp>
#include <limits>
#include <memory>
#include <vector>

#include "testing.hpp"

using namespace eigenscope;

namespace {

Matrix<double> symmetric(Index n, std::uint64_t stream) {
    const Matrix<double> a = testing::gaussian<double>(n, n, stream);
    return a + testing::adjoint(a);
}

Vector<double> eigenvalues(Matrix<double> matrix, int threads) {
    return symmetric_eigenvalues(matrix.rows(), matrix.data(), matrix.rows(), Execution{threads});
}

double largest_difference(const Vector<double>& a, const Vector<double>& b) {
    return (a - b).cwiseAbs().maxCoeff() / b.cwiseAbs().maxCoeff();
}

/// What the backward error of an orthogonal reduction comes to, relative to the norm.
double reduction_error(Index n) {
    return 4 * std::sqrt(static_cast<double>(n)) * testing::epsilon<double>();
}

struct Pairs : Eigenpairs<double> {
    Pairs(const Matrix<double>& matrix, Index count, int threads = 1)
        : Eigenpairs<double>(of(matrix, count, threads)) {}

    static Eigenpairs<double> of(const Matrix<double>& matrix, Index count, int threads) {
        const auto work = std::make_shared<Matrix<double>>(matrix);
        return largest_eigenpairs(matrix.rows(), work->data(), work, count, Execution{threads});
    }
};

/// A^T B + beta C by BLAS: plain loops would take long at these orders.
Matrix<double> transposed_product(const Matrix<double>& a, const Matrix<double>& b, double beta, Matrix<double> c) {
    blas::gemm<double>(blas::Op::transpose, blas::Op::none, a.cols(), b.cols(), a.rows(), 1.0, a.data(), a.rows(),
                       b.data(), b.rows(), beta, c.data(), std::max<Index>(1, c.rows()));
    return c;
}

/// Largest eigenvalues, residuals and angles are those of a backward stable method.
void check_pairs(const Matrix<double>& matrix, Index count) {
    const Index n = matrix.rows();
    const Pairs pairs(matrix, count);
    const Vector<double> expected = eigenvalues(matrix, 1).tail(count);
    // Frobenius norms over all pairs.
    const double norm = std::max(1e-300, matrix.norm());
    const double error = reduction_error(n) * std::sqrt(static_cast<double>(count));
    CHECK(pairs.values.size() == count && pairs.vectors.cols() == count);
    CHECK_BELOW((pairs.values - expected).cwiseAbs().maxCoeff() / norm, error);
    const Matrix<double> scaled = pairs.vectors * pairs.values.asDiagonal();
    CHECK_BELOW(transposed_product(matrix, pairs.vectors, -1.0, scaled).norm() / norm, error);
    const Matrix<double> identity = Matrix<double>::Identity(count, count);
    CHECK_BELOW(transposed_product(pairs.vectors, pairs.vectors, -1.0, identity).norm(), error);
}

/// Path graph: A = tridiag(-1, 2, -1) has eigenvalues 2 - 2 cos(pi j / (n + 1)).
Vector<double> path_eigenvalues(Index n) {
    Vector<double> values(n);
    for (Index j = 0; j < n; ++j)
        values[j] = 2.0 - 2.0 * std::cos(std::acos(-1.0) * static_cast<double>(j + 1) / static_cast<double>(n + 1));
    return values;
}

}  // namespace

// Orders around the panel, the tile and the block: what is left over at the end has every size.
TEST(two_stage_reduction_agrees_with_lapack) {
    for (const Index n : {1, 2, 63, 255, 256, 257, 319, 320, 321, 385, 513, 640}) {
        const Matrix<double> matrix = symmetric(n, static_cast<std::uint64_t>(n));
        Matrix<double> work = matrix;
        Vector<double> expected(n);
        blas::eigh<double>(n, work.data(), n, expected.data(), false);
        CHECK_BELOW(largest_difference(eigenvalues(matrix, 1), expected), reduction_error(n));
    }
}

TEST(two_stage_reduction_gives_the_same_bits_for_any_number_of_threads) {
    const Matrix<double> matrix = symmetric(700, 5);
    const Vector<double> one = eigenvalues(matrix, 1);
    CHECK(eigenvalues(matrix, 2) == one);
    CHECK(eigenvalues(matrix, 3) == one);
}

TEST(two_stage_reduction_reads_the_lower_triangle_alone) {
    Matrix<double> matrix = symmetric(300, 6);
    const Vector<double> expected = eigenvalues(matrix, 1);
    for (Index j = 0; j < 300; ++j)
        for (Index i = 0; i < j; ++i) matrix(i, j) = std::numeric_limits<double>::quiet_NaN();
    CHECK(eigenvalues(matrix, 1) == expected);
}

TEST(two_stage_reduction_of_structured_matrices) {
    const Index n = 400;
    Matrix<double> path = Matrix<double>::Zero(n, n), ones = Matrix<double>::Ones(n, n);
    path.diagonal().setConstant(2.0);
    path.diagonal(-1).setConstant(-1.0);
    CHECK_BELOW(largest_difference(eigenvalues(path, 1), path_eigenvalues(n)), reduction_error(n));
    const Vector<double> identity = eigenvalues(Matrix<double>::Identity(n, n), 1);
    CHECK(identity == Vector<double>::Ones(n));
    CHECK(eigenvalues(Matrix<double>::Zero(n, n), 1) == Vector<double>::Zero(n));
    const Vector<double> rank_one = eigenvalues(ones, 1);
    CHECK_BELOW(std::abs(rank_one[n - 1] / static_cast<double>(n) - 1.0), reduction_error(n));
    CHECK_BELOW(rank_one.head(n - 1).cwiseAbs().maxCoeff(), static_cast<double>(n) * reduction_error(n));
}

TEST(two_stage_reduction_at_the_ends_of_the_floating_range) {
    const Matrix<double> matrix = symmetric(300, 7);
    const Vector<double> expected = eigenvalues(matrix, 1);
    for (const double scale : {1e-290, 1e-150, 1e150, 1e290})
        CHECK_BELOW(largest_difference(eigenvalues(matrix * scale, 1) / scale, expected), reduction_error(300));
    Matrix<double> broken = matrix;
    broken(200, 100) = std::numeric_limits<double>::infinity();
    CHECK_THROWS(eigenvalues(broken, 1), InvalidInput);
}

// Orders around the panel, the tile, the block of sweeps and the last short panel; one pair and the largest share.
TEST(largest_pairs_agree_with_all_eigenvalues) {
    for (const Index n : {2, 200, 256, 257, 290, 319, 320, 321, 385, 513, 641})
        for (const Index count : {Index{0}, Index{1}, n / 3, n}) {
            CHECK(takes_two_stages(n, count) == (n >= 256 && 3 * count <= n));
            if (count > 0) check_pairs(symmetric(n, static_cast<std::uint64_t>(n)), count);
        }
}

// Copies on both sides of the cut, a cluster narrower than the root of eps, and matrices that are diagonal already.
TEST(largest_pairs_of_repeated_and_close_eigenvalues) {
    const Index n = 300;
    Matrix<double> basis = symmetric(n, 11);
    orthonormalize<double>(basis, 0.0, Execution{});
    for (const double width : {0.0, 1e-14, 1e-10, 1e-6}) {
        Vector<double> spectrum = Vector<double>::LinSpaced(n, 0.0, 1.0);
        for (Index j = n - 60; j < n; ++j) spectrum[j] = 1.0 + width * static_cast<double>(j);
        const Matrix<double> rows = spectrum.asDiagonal() * basis.transpose();
        const Matrix<double> matrix = transposed_product(basis.transpose(), rows, 0.0, Matrix<double>::Zero(n, n));
        for (const Index count : {1, 30, 60, 61}) check_pairs(0.5 * (matrix + matrix.transpose()), count);
    }
    check_pairs(Matrix<double>::Identity(n, n), 20);
    check_pairs(Matrix<double>::Ones(n, n), 20);
    check_pairs(Matrix<double>::Zero(n, n), 20);
}

TEST(largest_pairs_at_the_ends_of_the_floating_range) {
    const Matrix<double> matrix = symmetric(300, 7);
    const Pairs expected(matrix, 40);
    for (const double scale : {1e-290, 1e-150, 1e150, 1e290})
        CHECK_BELOW(largest_difference(Pairs(matrix * scale, 40).values / scale, expected.values),
                    reduction_error(300));
}

TEST(largest_pairs_have_the_same_bits_for_any_number_of_threads) {
    const Matrix<double> matrix = symmetric(700, 5);
    const Pairs one(matrix, 200);
    for (const int threads : {2, 3}) {
        const Pairs other(matrix, 200, threads);
        CHECK(other.values == one.values && other.vectors == one.vectors);
    }
}

// One sweep of every instruction set on the same band: equal to rounding.
TEST(bulge_chasing_kernels_agree) {
    const Index n = 500;
    Matrix<double> matrix = symmetric(n, 8);
    const BandMatrix band = reduce_to_band(n, matrix.data(), n, Execution{});
    const auto chased = [&](const char* name) {
        std::vector<double> entries = band.entries, reflector(BandMatrix::bandwidth + 1);
        kernels_for(name)->chase(entries.data(), BandMatrix::stride, 0, 0, (n - 2) / BandMatrix::bandwidth + 1,
                                 reflector.data(), 0);
        return entries;
    };
    const std::vector<double> baseline = chased("baseline");
    CHECK_BELOW(std::abs(baseline[2]), 0.0);
    for (const char* name : {"v3", "v4"}) {
        if (!kernels_for(name)) continue;
        const std::vector<double> other = chased(name);
        double worst = 0.0;
        // Slots above a block's diagonal are scratch: compare what lies inside the band and its bulges.
        for (Index j = 0; j < n; ++j)
            for (Index i = j; i < std::min(n, j + 2 * BandMatrix::bandwidth); ++i) {
                const auto at = static_cast<std::size_t>(i - j + j * BandMatrix::stride);
                worst = std::max(worst, std::abs(other[at] - baseline[at]));
            }
        CHECK_BELOW(worst, 1e3 * testing::epsilon<double>());
    }
}
