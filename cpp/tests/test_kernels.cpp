#include <eigenscope/foundation/kernels.hpp>
#include <vector>

#include "testing.hpp"

using namespace eigenscope;

TEST(the_baseline_is_always_there_and_nonsense_never) {
    CHECK(kernels_for("baseline") != nullptr);
    CHECK(kernels_for("v9") == nullptr);
    CHECK(kernels_for(instruction_set()) == &kernels());
}

// Philox is integer arithmetic: equal bits. The quantile and the sums of products: equal to rounding.
TEST(instruction_sets_agree) {
    constexpr std::int64_t count = 3000, width = 21, rows = 40;
    const std::uint64_t key[2] = {7, 8}, counter[4] = {1, 2, 3, 4};
    std::vector<std::uint64_t> words(4 * count), other_words(words.size());
    std::vector<double> normal(words.size()), other_normal(words.size());
    const Kernels& baseline = *kernels_for("baseline");
    baseline.philox(key, counter, count, words.data());
    baseline.normal(words.data(), 4 * count, normal.data());

    std::vector<std::int32_t> row_start, columns;
    for (std::int32_t row = 0; row <= rows; ++row) row_start.push_back(row * (row + 1) / 2);
    for (std::int32_t p = 0; p < row_start.back(); ++p) columns.push_back((p * 17) % 50);
    std::vector<double> y(rows * width), other_y(y.size());
    const CsrKernels<double, std::int32_t>& csr = baseline;
    csr.times(0, rows, row_start.data(), columns.data(), normal.data(), normal.data() + 1000, width, y.data());

    for (const char* name : {"v3", "v4"}) {
        const Kernels* other = kernels_for(name);
        if (!other) continue;
        other->philox(key, counter, count, other_words.data());
        CHECK(other_words == words);
        other->normal(words.data(), 4 * count, other_normal.data());
        const CsrKernels<double, std::int32_t>& other_csr = *other;
        other_csr.times(0, rows, row_start.data(), columns.data(), normal.data(), normal.data() + 1000, width,
                        other_y.data());
        double worst_normal = 0, worst_sum = 0;
        for (std::size_t i = 0; i < normal.size(); ++i)
            worst_normal = std::max(worst_normal, std::abs(other_normal[i] / normal[i] - 1));
        for (std::size_t i = 0; i < y.size(); ++i) worst_sum = std::max(worst_sum, std::abs(other_y[i] - y[i]));
        CHECK_BELOW(worst_normal, 16 * testing::epsilon<double>());
        CHECK_BELOW(worst_sum, rows * 16 * testing::epsilon<double>());
    }
}

TEST(three_term_recurrences_agree_with_plain_loops) {
    constexpr std::int64_t count = 1003;  // not a multiple of any register
    const Matrix<double> x = testing::gaussian<double>(count, 3, 5);
    for (const char* name : {"baseline", "v3", "v4"}) {
        const Kernels* found = kernels_for(name);
        if (!found) continue;
        const RecurrenceKernels<double>& kernel = *found;
        Vector<double> next = x.col(2);
        const double product = kernel.dot(count, x.col(0).data(), x.col(1).data());
        const double squares = kernel.advance(count, 2.0, x.col(0).data(), 3.0, x.col(1).data(), 0.5, next.data());
        double expected_product = 0.0, expected_squares = 0.0, worst = 0.0;
        for (Index i = 0; i < count; ++i) {
            const double value = 2.0 * x(i, 0) - 3.0 * x(i, 1) - 0.5 * x(i, 2);
            expected_product += x(i, 0) * x(i, 1);
            expected_squares += value * value;
            worst = std::max(worst, std::abs(next[i] - value));
        }
        const double tolerance = count * 16 * testing::epsilon<double>();
        CHECK_CLOSE(product, expected_product, tolerance);
        CHECK_CLOSE(squares, expected_squares, tolerance * expected_squares);
        CHECK_BELOW(worst, 32 * testing::epsilon<double>());
    }
}

TEST(recurrences_of_row_major_blocks_are_those_of_their_columns) {
    // More rows than go into one sum, and a width that no chunk divides.
    const Index rows = 301, width = 11;
    const Matrix<double> x = testing::gaussian<double>(rows, 2 * width, 5);
    const auto packed = [&](Index block) {
        Vector<double> row_major(rows * width);
        for (Index i = 0; i < rows; ++i)
            for (Index j = 0; j < width; ++j) row_major[i * width + j] = x(i, block * width + j);
        return row_major;
    };
    const Vector<double> current = packed(0);
    const Vector<double> a = Vector<double>::LinSpaced(width, 1.0, 2.0), b = a.reverse();
    for (const char* name : {"baseline", "v3", "v4"}) {
        const Kernels* found = kernels_for(name);
        if (!found) continue;
        const RecurrenceKernels<double>& kernel = *found;
        Vector<double> next = packed(1), squares = Vector<double>::Ones(width);
        kernel.advance_rows(rows, width, a.data(), b.data(), current.data(), next.data(), squares.data());
        for (Index j = 0; j < width; ++j) {
            const Vector<double> expected = a[j] * x.col(width + j) - b[j] * x.col(j);
            const double tolerance = rows * 16 * testing::epsilon<double>();
            CHECK_CLOSE(squares[j], 1.0 + expected.squaredNorm(), tolerance * expected.squaredNorm());
            for (Index i = 0; i < rows; ++i) CHECK_CLOSE(next[i * width + j], expected[i], tolerance);
        }
    }
}

// Every remainder of rows and of columns, for each instruction set.
template <class Real>
void check_tall_products(Index rows, Index x_cols, Index y_cols) {
    const Index stride = rows + 3;
    const Matrix<Real> x = testing::gaussian<Real>(stride, x_cols, 7), y = testing::gaussian<Real>(stride, y_cols, 8),
                       c = testing::gaussian<Real>(x_cols + 1, y_cols, 9);
    const Matrix<Real> expected_inner = x.topRows(rows).transpose() * y.topRows(rows);
    Matrix<Real> expected_sum = y;
    expected_sum.topRows(rows) += x.topRows(rows) * c.topRows(x_cols);
    for (const char* name : {"baseline", "v3", "v4"}) {
        const Kernels* found = kernels_for(name);
        if (!found) continue;
        const TallKernels<Real>& tall = *found;
        Matrix<Real> product = Matrix<Real>::Constant(x_cols, y_cols, Real(1e30)), sum = y;
        tall.inner(rows, x.data(), stride, x_cols, y.data(), stride, y_cols, product.data());
        tall.add_product(rows, x.data(), stride, x_cols, c.data(), x_cols + 1, sum.data(), stride, y_cols);
        const double tolerance = 64 * testing::epsilon<Real>();
        CHECK_BELOW((product - expected_inner).cwiseAbs().maxCoeff(), tolerance * std::sqrt(double(rows)) * 4);
        CHECK_BELOW((sum - expected_sum).cwiseAbs().maxCoeff(), tolerance * double(x_cols + 1));
        // What lies between the columns is not touched.
        CHECK(sum.bottomRows(3) == y.bottomRows(3));
    }
}

TEST(tall_products_agree_with_plain_ones) {
    for (Index rows : {1, 7, 64, 515, 2048})
        for (Index x_cols : {1, 2, 3, 8, 13})
            for (Index y_cols : {1, 3, 5, 8, 23}) {
                check_tall_products<double>(rows, x_cols, y_cols);
                check_tall_products<float>(rows, x_cols, y_cols);
            }
}
