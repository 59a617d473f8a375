#include <bit>
#include <eigenscope/panels/moments.hpp>
#include <eigenscope/panels/partition.hpp>
#include <eigenscope/panels/pass.hpp>
#include <eigenscope/panels/scan.hpp>
#include <limits>
#include <vector>

#include "testing.hpp"

using namespace eigenscope;

namespace {

template <class Element>
DenseSource source_of(const std::vector<Element>& values, ElementType type, Index rows, Index cols, bool row_major) {
    const Index size = sizeof(Element);
    DenseSource source;
    source.data = reinterpret_cast<const std::byte*>(values.data());
    source.type = type;
    source.rows = rows;
    source.cols = cols;
    source.row_stride = row_major ? cols * size : size;
    source.column_stride = row_major ? size : rows * size;
    return source;
}

DenseSource source_of(const Matrix<double>& matrix) {
    DenseSource source;
    source.data = reinterpret_cast<const std::byte*>(matrix.data());
    source.rows = matrix.rows();
    source.cols = matrix.cols();
    source.row_stride = sizeof(double);
    source.column_stride = matrix.rows() * Index{sizeof(double)};
    return source;
}

template <class Scalar>
Scalar element(const Panel<Scalar>& panel, Index i, Index j) {
    return panel.data[panel.row_major ? i * panel.stride + j : i + j * panel.stride];
}

/// Small integers, which every type holds exactly.
Index small_integer(Index i, Index j) {
    return (7 * i + 3 * j) % 50;
}

/// Reads every window of a 9 x 5 matrix of `Element` in both orders, reversed, and by index.
template <class Element, class Scalar>
void check_reading(ElementType type) {
    constexpr Index rows = 9, cols = 5;
    const std::vector<Index> some_rows = {8, 1, 4}, some_cols = {4, 0};
    for (const bool row_major : {true, false}) {
        std::vector<Element> values(rows * cols);
        for (Index i = 0; i < rows; ++i)
            for (Index j = 0; j < cols; ++j)
                values[static_cast<std::size_t>(row_major ? i * cols + j : i + j * rows)] =
                    static_cast<Element>(small_integer(i, j));
        const DenseSource plain = source_of(values, type, rows, cols, row_major);
        std::vector<Scalar> scratch(rows * cols);
        const auto panel = read_panel<Scalar>(plain, 2, 4, 1, 3, {}, scratch.data());
        CHECK(panel.rows == 4 && panel.cols == 3);
        for (Index i = 0; i < 4; ++i)
            for (Index j = 0; j < 3; ++j)
                CHECK(element(panel, i, j) == static_cast<Scalar>(small_integer(i + 2, j + 1)));

        DenseSource reversed = plain;
        reversed.data += (rows - 1) * plain.row_stride + (cols - 1) * plain.column_stride;
        reversed.row_stride = -plain.row_stride;
        reversed.column_stride = -plain.column_stride;
        const auto backward = read_panel<Scalar>(reversed, 0, rows, 0, cols, {}, scratch.data());
        for (Index i = 0; i < rows; ++i)
            for (Index j = 0; j < cols; ++j)
                CHECK(element(backward, i, j) == static_cast<Scalar>(small_integer(rows - 1 - i, cols - 1 - j)));

        DenseSource selected = plain;
        selected.rows = 3;
        selected.cols = 2;
        selected.row_index = some_rows.data();
        selected.column_index = some_cols.data();
        const double shift[] = {10.0, -1.0}, factor[] = {0.5, 2.0};
        const auto chosen = read_panel<Scalar>(selected, 0, 3, 0, 2, {shift, factor}, scratch.data());
        for (std::size_t i = 0; i < 3; ++i)
            for (std::size_t j = 0; j < 2; ++j) {
                const auto value = static_cast<double>(small_integer(some_rows[i], some_cols[j]));
                CHECK(element(chosen, static_cast<Index>(i), static_cast<Index>(j)) ==
                      static_cast<Scalar>((value - shift[j]) * factor[j]));
            }
    }
}

template <class Element>
void check_reading_both(ElementType type) {
    check_reading<Element, float>(type);
    check_reading<Element, double>(type);
}

/// The lower triangle of centred cross products, and the sums, one number at a time in long double.
Moments direct_moments(const Matrix<double>& x) {
    const Index n = x.rows(), p = x.cols();
    Moments result(p);
    result.features.count = n;
    std::vector<long double> mean(static_cast<std::size_t>(p), 0.0L);
    for (Index j = 0; j < p; ++j) {
        for (Index i = 0; i < n; ++i) mean[static_cast<std::size_t>(j)] += x(i, j);
        mean[static_cast<std::size_t>(j)] /= static_cast<long double>(n);
        result.features.mean[j] = static_cast<double>(mean[static_cast<std::size_t>(j)]);
    }
    const auto deviation = [&](Index i, Index j) { return x(i, j) - mean[static_cast<std::size_t>(j)]; };
    for (Index j = 0; j < p; ++j) {
        long double lagged = 0.0L;
        for (Index i = 0; i + 1 < n; ++i) lagged += deviation(i, j) * deviation(i + 1, j);
        result.features.lag_product[j] = static_cast<double>(lagged);
        for (Index l = j; l < p; ++l) {
            long double sum = 0.0L;
            for (Index i = 0; i < n; ++i) sum += deviation(i, j) * deviation(i, l);
            result.cross_products(l, j) = static_cast<double>(sum);
        }
        result.features.squared_deviation[j] = result.cross_products(j, j);
    }
    return result;
}

void check_moments(const Moments& found, const Moments& expected, double bound) {
    const Index p = expected.features.mean.size();
    const double size = expected.features.squared_deviation.maxCoeff();
    CHECK(found.features.count == expected.features.count);
    for (Index j = 0; j < p; ++j) {
        CHECK_CLOSE(found.features.mean[j], expected.features.mean[j],
                    bound + 4e-16 * std::abs(expected.features.mean[j]));
        CHECK_CLOSE(found.features.squared_deviation[j], expected.features.squared_deviation[j], bound * size);
        // Lag products know the last digit of the mean through the samples at the ends of panels.
        CHECK_CLOSE(found.features.lag_product[j], expected.features.lag_product[j],
                    bound * size + 4e-14 * std::abs(expected.features.mean[j]));
        for (Index l = j; l < p; ++l)
            CHECK_CLOSE(found.cross_products(l, j), expected.cross_products(l, j), bound * size);
    }
}

Matrix<double> data_with_mean(Index rows, Index cols, double mean) {
    Matrix<double> x = testing::gaussian<double>(rows, cols, 5);
    for (Index i = 0; i < x.size(); ++i) x.data()[i] += mean;
    return x;
}

}  // namespace

TEST(partitions_cover_rows_once_in_order) {
    for (const Index rows : {0, 1, 63, 64, 65, 8192, 8193, 1000000})
        for (const Index row_bytes : {1, 8, 4096, 1 << 22})
            for (const Index summary_bytes : {0, 800, 1 << 25}) {
                const Partition partition = cut_rows(rows, row_bytes, summary_bytes);
                Index covered = 0;
                for (Index panel = 0; panel < partition.panels; ++panel) {
                    CHECK(partition.first_row(panel) == covered);
                    CHECK(partition.rows_in(panel) > 0);
                    covered += partition.rows_in(panel);
                }
                CHECK(covered == rows);
                CHECK(partition.lanes >= 1 && partition.lanes <= most_lanes);
                CHECK(partition.first_panel(0) == 0);
                CHECK(partition.first_panel(partition.lanes) == partition.panels);
                for (Index lane = 0; lane < partition.lanes; ++lane)
                    CHECK(partition.first_panel(lane) <= partition.first_panel(lane + 1));
            }
}

TEST(a_pass_absorbs_every_panel_once_and_merges_in_order) {
    const Partition partition = cut_rows(100000, 8, 8);
    for (const int threads : {1, 2, 3}) {
        const auto seen = run_pass(
            partition, Execution{threads, nullptr}, [] { return std::vector<Index>(); },
            [](std::vector<Index>& into, Index panel, int) { into.push_back(panel); },
            [](std::vector<Index>& into, const std::vector<Index>& from) {
                into.insert(into.end(), from.begin(), from.end());
            });
        CHECK(static_cast<Index>(seen.size()) == partition.panels);
        for (std::size_t panel = 0; panel < seen.size(); ++panel) CHECK(seen[panel] == static_cast<Index>(panel));
    }
}

TEST(every_element_type_is_read) {
    check_reading_both<std::int8_t>(ElementType::int8);
    check_reading_both<std::int16_t>(ElementType::int16);
    check_reading_both<std::int32_t>(ElementType::int32);
    check_reading_both<std::int64_t>(ElementType::int64);
    check_reading_both<std::uint8_t>(ElementType::uint8);
    check_reading_both<std::uint16_t>(ElementType::uint16);
    check_reading_both<std::uint32_t>(ElementType::uint32);
    check_reading_both<std::uint64_t>(ElementType::uint64);
    check_reading_both<float>(ElementType::float32);
    check_reading_both<double>(ElementType::float64);
}

TEST(booleans_and_half_precision_are_read) {
    const std::vector<std::uint8_t> flags = {1, 0, 0, 1, 1, 0};
    std::vector<double> scratch(6);
    const auto panel =
        read_panel<double>(source_of(flags, ElementType::boolean, 2, 3, true), 0, 2, 0, 3, {}, scratch.data());
    for (Index i = 0; i < 2; ++i)
        for (Index j = 0; j < 3; ++j) CHECK(element(panel, i, j) == flags[static_cast<std::size_t>(3 * i + j)]);
    // 1, -2, the largest 65504, the smallest subnormal 2^-24, infinity and zero.
    const std::vector<std::uint16_t> halves = {0x3c00, 0xc000, 0x7bff, 0x0001, 0x7c00, 0x8000};
    const double expected[] = {1.0, -2.0, 65504.0, std::ldexp(1.0, -24), std::numeric_limits<double>::infinity(), 0.0};
    const auto half =
        read_panel<double>(source_of(halves, ElementType::float16, 1, 6, true), 0, 1, 0, 6, {}, scratch.data());
    for (Index j = 0; j < 6; ++j) CHECK(element(half, 0, j) == expected[j]);
}

TEST(swapped_bytes_are_read) {
    std::vector<std::uint64_t> swapped;
    for (const double value : {1.5, -3e300, 0.1, 7.0}) {
        const auto bits = std::bit_cast<std::uint64_t>(value);
        std::uint64_t reversed = 0;
        for (int byte = 0; byte < 8; ++byte) reversed |= ((bits >> (8 * byte)) & 0xff) << (56 - 8 * byte);
        swapped.push_back(reversed);
    }
    DenseSource source = source_of(swapped, ElementType::float64, 2, 2, true);
    source.byte_swapped = true;
    CHECK(!readable_in_place<double>(source, {}));
    std::vector<double> scratch(4);
    const auto panel = read_panel<double>(source, 0, 2, 0, 2, {}, scratch.data());
    CHECK(element(panel, 0, 0) == 1.5);
    CHECK(element(panel, 0, 1) == -3e300);
    CHECK(element(panel, 1, 0) == 0.1);
    CHECK(element(panel, 1, 1) == 7.0);
}

TEST(data_of_the_right_type_are_not_copied) {
    const std::vector<double> values(20, 1.0);
    const DenseSource source = source_of(values, ElementType::float64, 4, 5, true);
    CHECK(readable_in_place<double>(source, {}));
    CHECK(!readable_in_place<float>(source, {}));
    std::vector<double> scratch(20);
    const auto panel = read_panel<double>(source, 1, 2, 1, 3, {}, scratch.data());
    CHECK(panel.data == values.data() + 6);
}

TEST(moments_equal_direct_sums_at_any_mean) {
    for (const double mean : {0.0, 3.0, 1e8})
        for (const Index rows : {2, 256, 257, 1500}) {
            const Matrix<double> x = data_with_mean(rows, 5, mean);
            const Moments expected = direct_moments(x);
            // The last digit of the means enters the sums to second order.
            for (const int threads : {1, 2})
                check_moments(moments<double>(source_of(x), 1.0, {threads, nullptr}), expected, 1e-13);
        }
}

TEST(moments_of_many_features_share_one_summary) {
    const Matrix<double> x = data_with_mean(300, 520, 1.0);
    const Moments one = moments<double>(source_of(x), 1.0, {1, nullptr}),
                  two = moments<double>(source_of(x), 1.0, {2, nullptr});
    CHECK(one.cross_products == two.cross_products);
    const Matrix<double> few = x.leftCols(3);
    const Moments expected = direct_moments(few);
    for (Index j = 0; j < 3; ++j)
        for (Index i = j; i < 3; ++i) CHECK_CLOSE(one.cross_products(i, j), expected.cross_products(i, j), 1e-12 * 300);
}

TEST(merging_is_associative_and_has_an_identity) {
    const Matrix<double> x = data_with_mean(90, 4, 1e3);
    const auto part = [&](Index first, Index count) {
        const Matrix<double> rows = x.middleRows(first, count);
        return moments<double>(source_of(rows), 1.0, {});
    };
    const Moments whole = direct_moments(x);
    for (const Index first : {1, 30, 89}) {
        Moments joined = part(0, first);
        joined.merge(part(first, 90 - first));
        check_moments(joined, whole, 1e-13);
    }
    Moments left = part(0, 20), right = part(20, 30), last = part(50, 40);
    Moments first_two = left;
    first_two.merge(right);
    first_two.merge(last);
    right.merge(last);
    left.merge(right);
    check_moments(left, first_two, 1e-13);

    Moments none(4), something = part(0, 90);
    none.merge(something);
    check_moments(none, whole, 1e-13);
    something.merge(Moments(4));
    check_moments(something, whole, 1e-13);
}

TEST(the_gram_matrix_of_samples_holds_the_same_eigenvalues) {
    // For centred X, X X^T and X^T X have the same trace and the same trace of the square.
    const Matrix<double> x = data_with_mean(12, 300, 5.0);
    const Moments gram = sample_gram<double>(source_of(x), 1.0, true, false, {2, nullptr});
    double trace = 0.0, row_sum = 0.0;
    for (Index i = 0; i < 12; ++i) {
        trace += gram.cross_products(i, i);
        for (Index j = 0; j < 12; ++j) row_sum += gram.cross_products(std::max(i, j), std::min(i, j));
    }
    CHECK_CLOSE(trace, gram.features.squared_deviation.sum(), 1e-12 * trace);
    // The constant vector is in the null space of centred data.
    CHECK_CLOSE(row_sum, 0.0, 1e-11 * trace);
    const Moments unit = sample_gram<double>(source_of(x), 1.0, true, true, {});
    double unit_trace = 0.0;
    for (Index i = 0; i < 12; ++i) unit_trace += unit.cross_products(i, i);
    CHECK_CLOSE(unit_trace, 300.0 * 11.0, 1e-10 * unit_trace);
}

TEST(constant_features_are_not_scaled) {
    Matrix<double> x = data_with_mean(12, 3, 0.0);
    for (Index i = 0; i < 12; ++i) x(i, 1) = 0.1;
    const Moments gram = sample_gram<double>(source_of(x), 1.0, true, true, {});
    double trace = 0.0;
    for (Index i = 0; i < 12; ++i) trace += gram.cross_products(i, i);
    CHECK_CLOSE(trace, 22.0, 1e-12);
}

TEST(feature_sums_equal_those_of_moments) {
    const Matrix<double> x = data_with_mean(3000, 6, 20.0);
    const FeatureSums sums = feature_sums<double>(source_of(x), 1.0, {2, nullptr});
    const Moments expected = direct_moments(x);
    for (Index j = 0; j < 6; ++j) {
        CHECK_CLOSE(sums.mean[j], expected.features.mean[j], 1e-13);
        CHECK_CLOSE(sums.squared_deviation[j], expected.features.squared_deviation[j], 1e-9);
        CHECK_CLOSE(sums.lag_product[j], expected.features.lag_product[j], 1e-9);
        CHECK(sums.first[j] == x(0, j));
        CHECK(sums.last[j] == x(2999, j));
    }
}

TEST(a_scan_finds_what_is_not_finite) {
    Matrix<double> x = data_with_mean(5000, 3, 0.0);
    x(4000, 1) = -50.0;
    ScanSummary found = scan(source_of(x), {2, nullptr});
    CHECK(found.n_nonfinite == 0 && found.first_row == -1 && found.rows_touched == 0);
    CHECK(found.largest_magnitude == 50.0);
    x(4500, 2) = std::numeric_limits<double>::quiet_NaN();
    x(4500, 0) = std::numeric_limits<double>::infinity();
    x(70, 2) = -std::numeric_limits<double>::infinity();
    found = scan(source_of(x), {2, nullptr});
    CHECK(found.n_nonfinite == 3);
    CHECK(found.first_row == 70 && found.first_column == 2);
    CHECK(found.rows_touched == 2 && found.columns_touched == 2);
    CHECK(found.largest_magnitude == 50.0);
}
