#include <eigenscope/foundation/random.hpp>
#include <type_traits>

#include "testing.hpp"

using namespace eigenscope;

namespace {

template <class Scalar>
using Fill = void (*)(std::uint64_t, std::uint64_t, Block<Scalar>, Index, const Execution&);

template <class Scalar>
void check_parts_and_threads(Fill<Scalar> fill) {
    const Index rows = 1300, cols = 7;
    Matrix<Scalar> whole(rows, cols);
    fill(5, 9, whole, 0, {});
    for (const int threads : {2, 3}) {
        Matrix<Scalar> other(rows, cols);
        fill(5, 9, other, 0, {threads, nullptr});
        CHECK(other == whole);
    }
    // Rows 411 … 1299 of the first 3 columns, into a block whose columns are not contiguous.
    Matrix<Scalar> part = Matrix<Scalar>::Zero(900, 3);
    fill(5, 9, Block<Scalar>(part.data(), 889, 3, 900), 411, {});
    CHECK(part.topRows(889) == whole.block(411, 0, 889, 3));
    CHECK(part.bottomRows(11).isZero(0));
    Matrix<Scalar> other_stream(rows, cols);
    fill(5, 10, other_stream, 0, {});
    CHECK((other_stream.array() != whole.array()).any());
}

template <class Scalar>
void check_all_fills() {
    check_parts_and_threads<Scalar>(fill_gaussian<Scalar>);
    check_parts_and_threads<Scalar>(fill_rademacher<Scalar>);
    check_parts_and_threads<Scalar>(fill_uniform<Scalar>);
}

}  // namespace

// Known answers published with the generator (Random123, kat_vectors, philox4x64 with 10 rounds).
TEST(philox_gives_the_published_words) {
    const std::uint64_t ones = ~std::uint64_t{0};
    CHECK((philox(0, 0, {0, 0, 0, 0}) ==
           PhiloxWords{0x16554d9eca36314cu, 0xdb20fe9d672d0fdcu, 0xd7e772cee186176bu, 0x7e68b68aec7ba23bu}));
    CHECK((philox(ones, ones, {ones, ones, ones, ones}) ==
           PhiloxWords{0x87b092c3013fe90bu, 0x438c3c67be8d0224u, 0x9cc7d7c69cd777b6u, 0xa09caebf594f0ba0u}));
}

TEST(fills_depend_on_seed_stream_row_and_column_alone) {
    check_all_fills<float>();
    check_all_fills<double>();
    check_all_fills<complex64>();
    check_all_fills<complex128>();
}

TEST(single_precision_is_double_precision_rounded) {
    Matrix<double> precise(500, 6);
    Matrix<float> rounded(500, 6);
    fill_gaussian<double>(1, 2, precise, 77, {});
    fill_gaussian<float>(1, 2, rounded, 77, {});
    CHECK(rounded == precise.cast<float>());
}

TEST(complex_elements_are_pairs_of_real_columns) {
    Matrix<double> real(300, 6);
    Matrix<complex128> complex(300, 3);
    fill_uniform<double>(1, 2, real, 0, {});
    fill_uniform<complex128>(1, 2, complex, 0, {});
    for (Index j = 0; j < 3; ++j) {
        CHECK(complex.col(j).real() == real.col(2 * j));
        CHECK(complex.col(j).imag() == real.col(2 * j + 1));
    }
}

// Over N elements the mean square of a unit-variance law has standard deviation at most sqrt(2 / N).
TEST(gaussian_and_rademacher_have_unit_variance) {
    Matrix<complex128> z(20000, 2);
    const double bound = 5.0 * std::sqrt(2.0 / static_cast<double>(z.size()));
    fill_gaussian<complex128>(3, 0, z, 0, {});
    CHECK_CLOSE(z.squaredNorm() / static_cast<double>(z.size()), 1.0, bound);
    fill_rademacher<complex128>(3, 0, z, 0, {});
    CHECK_CLOSE(z.cwiseAbs().maxCoeff(), 1.0, 1e-15);
    CHECK_CLOSE(std::abs(z.mean()), 0.0, bound);
}

TEST(sparse_signs_have_as_many_entries_as_asked_for_in_random_columns) {
    const Index rows = 3000, cols = 40, entries = 8;
    Matrix<float> signs(rows, cols), others(rows, cols);
    fill_sparse_sign<float>(4, 1, signs, entries, {});
    fill_sparse_sign<float>(4, 1, others, entries, {3, nullptr});
    CHECK(signs == others);
    const auto present = (signs.array() != 0.0f).cast<double>();
    CHECK((present.rowwise().sum() == static_cast<double>(entries)).all());
    CHECK_CLOSE(signs.cwiseAbs().maxCoeff(), 1.0 / std::sqrt(8.0), 1e-7);
    // A column holds rows * entries / cols of them, with binomial spread; signs are as often plus as minus.
    const double share = static_cast<double>(entries) / cols, spread = std::sqrt(rows * share * (1 - share));
    CHECK(((present.colwise().sum() - rows * share).abs() < 5 * spread).all());
    CHECK_CLOSE(signs.template cast<double>().sum() * std::sqrt(8.0), 0.0, 5 * std::sqrt(double(rows * entries)));
    Matrix<float> narrow(10, 3);
    fill_sparse_sign<float>(4, 1, narrow, entries, {});
    CHECK_CLOSE(narrow.cwiseAbs().minCoeff(), 1.0 / std::sqrt(3.0), 1e-7);
}

TEST(empty_blocks_are_left_alone) {
    Matrix<double> none(0, 3), thin(5, 0);
    fill_gaussian<double>(0, 0, none, 0, {2, nullptr});
    fill_gaussian<double>(0, 0, thin, 0, {2, nullptr});
    CHECK(none.size() + thin.size() == 0);
}
