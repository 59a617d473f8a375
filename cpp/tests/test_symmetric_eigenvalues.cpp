#include <cmath>
#include <eigenscope/foundation/blas.hpp>
#include <eigenscope/foundation/error.hpp>
#include <eigenscope/foundation/kernels.hpp>
#include <eigenscope/solvers/band_reduction.hpp>
#include <eigenscope/solvers/symmetric_eigenvalues.hpp>
#include <limits>
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

// One sweep of every instruction set on the same band: equal to rounding.
TEST(bulge_chasing_kernels_agree) {
    const Index n = 500;
    Matrix<double> matrix = symmetric(n, 8);
    const BandMatrix band = reduce_to_band(n, matrix.data(), n, Execution{});
    const auto chased = [&](const char* name) {
        std::vector<double> entries = band.entries, reflector(BandMatrix::bandwidth + 1);
        kernels_for(name)->chase(entries.data(), BandMatrix::stride, 0, 0, (n - 2) / BandMatrix::bandwidth + 1,
                                 reflector.data());
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
