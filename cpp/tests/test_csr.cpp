#include <eigenscope/foundation/error.hpp>
#include <eigenscope/operators/csr.hpp>
#include <vector>

#include "testing.hpp"

using namespace eigenscope;

namespace {

/// A matrix with empty rows, unsorted and repeated entries, and rows of very different lengths.
template <class Scalar, class IndexType>
struct Sparse {
    Sparse(Index rows, Index cols, Index longest) : n_cols(cols) {
        row_start.push_back(0);
        for (Index row = 0; row < rows; ++row) {
            const auto words = philox(1, 2, {static_cast<std::uint64_t>(row), 0, 0, 0});
            const Index length = row % 5 == 0 ? 0 : static_cast<Index>(words[0] % static_cast<std::uint64_t>(longest));
            for (Index p = 0; p < length; ++p) {
                const auto word =
                    philox(3, 4, {static_cast<std::uint64_t>(row), static_cast<std::uint64_t>(p), 0, 0})[0];
                columns.push_back(static_cast<IndexType>(word % static_cast<std::uint64_t>(cols)));
            }
            if (length > 2) columns.back() = columns[columns.size() - 2];
            row_start.push_back(static_cast<IndexType>(columns.size()));
        }
        values = testing::gaussian<Scalar>(static_cast<Index>(columns.size()), 1, 17);
    }

    CsrView<Scalar, IndexType> view() const {
        return {static_cast<Index>(row_start.size()) - 1, n_cols, row_start.data(), columns.data(), values.data()};
    }
    Matrix<Scalar> dense() const {
        Matrix<Scalar> full = Matrix<Scalar>::Zero(static_cast<Index>(row_start.size()) - 1, n_cols);
        for (Index row = 0; row < full.rows(); ++row)
            for (IndexType p = row_start[static_cast<std::size_t>(row)];
                 p < row_start[static_cast<std::size_t>(row) + 1]; ++p)
                full(row, columns[static_cast<std::size_t>(p)]) += values(p);
        return full;
    }

    Index n_cols;
    std::vector<IndexType> row_start, columns;
    Vector<Scalar> values;
};

/// Each product against the dense one, and the same bits for 1, 2 and 3 threads.
template <class Scalar, class IndexType>
void check_products(const Sparse<Scalar, IndexType>& sparse, Index width) {
    const auto a = sparse.view();
    const Matrix<Scalar> dense = sparse.dense(), adjoint = testing::adjoint(dense);
    const Matrix<Scalar> x = testing::gaussian<Scalar>(a.cols, width, 1),
                         u = testing::gaussian<Scalar>(a.rows, width, 2);
    const Matrix<Scalar> ax = testing::product(dense, x);
    // Results go into blocks whose columns are farther apart than their rows, over memory that is not zero.
    Matrix<Scalar> y = testing::gaussian<Scalar>(a.rows + 3, width, 3),
                   z = testing::gaussian<Scalar>(a.cols + 2, width, 4);
    Matrix<Scalar> g = z, y1, z1, g1, kept1;
    const double bound = 64 * testing::epsilon<Scalar>();
    for (const int threads : {1, 2, 3}) {
        const Execution execution{threads, nullptr};
        csr_times_block<Scalar, IndexType>(a, x, {y.data(), a.rows, width, a.rows + 3}, execution);
        csr_adjoint_times_block<Scalar, IndexType>(a, u, {z.data(), a.cols, width, a.cols + 2}, execution);
        Matrix<Scalar> kept = testing::gaussian<Scalar>(a.rows + 1, width, 5);
        csr_gram_times_block<Scalar, IndexType>(a, x, {g.data(), a.cols, width, a.cols + 2},
                                                {kept.data(), a.rows, width, a.rows + 1}, execution);
        Matrix<Scalar> alone = z;
        csr_gram_times_block<Scalar, IndexType>(a, x, {alone.data(), a.cols, width, a.cols + 2}, Block<Scalar>(),
                                                execution);
        CHECK(alone.topRows(a.cols) == g.topRows(a.cols));
        if (threads == 1) {
            y1 = y;
            z1 = z;
            g1 = g;
            kept1 = kept;
            CHECK_BELOW(testing::relative_difference<Scalar>(kept.topRows(a.rows), ax), bound);
            CHECK_BELOW(testing::relative_difference<Scalar>(y.topRows(a.rows), ax), bound);
            CHECK_BELOW(testing::relative_difference<Scalar>(z.topRows(a.cols), testing::product(adjoint, u)), bound);
            CHECK_BELOW(testing::relative_difference<Scalar>(g.topRows(a.cols), testing::product(adjoint, ax)), bound);
        }
        CHECK(y == y1);
        CHECK(z == z1);
        CHECK(g == g1);
        CHECK(kept == kept1);
    }
}

/// z := alpha A x - coupling z and Re <x, z> of row-major blocks against the dense product.
template <class Scalar>
void check_lanczos(Index rows, Index width) {
    using Real = RealOf<Scalar>;
    constexpr Index parts = is_complex<Scalar> ? 2 : 1;
    const Sparse<Scalar, std::int32_t> sparse(rows, rows, 60);
    const Matrix<Scalar> x = testing::gaussian<Scalar>(rows, width, 1), z = testing::gaussian<Scalar>(rows, width, 2);
    const Vector<Real> coupling = Vector<Real>::LinSpaced(width, Real(0.5), Real(2));
    Vector<Real> row(width * parts);
    for (Index k = 0; k < row.size(); ++k) row[k] = coupling[k / parts];
    const Matrix<Scalar> expected =
        Real(3) * testing::product(sparse.dense(), x) - z * coupling.template cast<Scalar>().asDiagonal();
    const double bound = 64 * testing::epsilon<Scalar>();
    Matrix<Scalar> first_found;
    Vector<double> first_products;
    for (const int threads : {1, 2, 3}) {
        // The transpose of a column-major matrix is the row-major one.
        const Matrix<Scalar> packed = x.transpose();
        Matrix<Scalar> next = z.transpose();
        const Vector<double> products =
            csr_lanczos(sparse.view(), packed.data(), next.data(), width, 3.0,
                        reinterpret_cast<const Scalar*>(row.data()), Execution{threads, nullptr});
        if (threads == 1) {
            first_found = next;
            first_products = products;
        }
        CHECK_BELOW(testing::relative_difference<Scalar>(next.transpose(), expected), bound);
        CHECK(next == first_found);
        CHECK(products == first_products);
    }
    for (Index j = 0; j < width; ++j) {
        double product = 0.0;
        for (Index part = 0; part < parts; ++part) product += first_products[parts * j + part];
        CHECK_CLOSE(product, std::real(x.col(j).dot(expected.col(j))),
                    bound * x.col(j).norm() * expected.col(j).norm());
    }
}

template <class Scalar, class IndexType>
void check_shapes() {
    const Sparse<Scalar, IndexType> tall(700, 30, 60), wide(40, 300, 90);
    for (const Index width : {1, 2, 3, 5, 8, 16, 31, 64}) {
        check_products(tall, width);
        check_products(wide, width);
    }
}

}  // namespace

TEST(csr_products_equal_dense_products_float) {
    check_shapes<float, std::int32_t>();
}
TEST(csr_products_equal_dense_products_double) {
    check_shapes<double, std::int32_t>();
}
TEST(csr_products_equal_dense_products_complex64) {
    check_shapes<complex64, std::int32_t>();
}
TEST(csr_products_equal_dense_products_complex128) {
    check_shapes<complex128, std::int64_t>();
}
TEST(csr_products_equal_dense_products_wide_indices) {
    check_shapes<double, std::int64_t>();
}

// Long enough for several tasks and lanes.
TEST(csr_products_are_cut_into_tasks_by_shape_alone) {
    check_products(Sparse<double, std::int32_t>(6000, 100, 120), 12);
}

TEST(lanczos_steps_of_row_major_blocks_equal_dense_ones) {
    for (const Index width : {1, 3, 8, 24}) {
        check_lanczos<float>(900, width);
        check_lanczos<double>(900, width);
        check_lanczos<complex64>(900, width);
        check_lanczos<complex128>(900, width);
    }
}

TEST(rows_visited_in_no_order_stay_in_cache) {
    // All of a small block, a whole line of each row of a large one, and all again where even lines are too many.
    CHECK(columns_together<double>(1000, 32) == 32);
    CHECK(columns_together<double>(200'000, 32) == 8);
    CHECK(columns_together<float>(200'000, 32) == 16);
    CHECK(columns_together<double>(1'000'000, 32) == 32);
    CHECK(columns_together<double>(0, 5) == 5);
}

TEST(csr_products_of_nothing) {
    const std::vector<std::int32_t> starts(6, 0);
    const CsrView<double, std::int32_t> empty{5, 3, starts.data(), nullptr, nullptr};
    const Matrix<double> x = testing::gaussian<double>(3, 2, 0), u = testing::gaussian<double>(5, 2, 1);
    Matrix<double> y = u, z = x;
    check_csr(empty);
    csr_times_block<double, std::int32_t>(empty, x, y, {});
    csr_adjoint_times_block<double, std::int32_t>(empty, u, z, {});
    CHECK(y.isZero(0));
    CHECK(z.isZero(0));
    z = x;
    y = u;
    csr_gram_times_block<double, std::int32_t>(empty, x, z, y, {});
    CHECK(y.isZero(0));
    CHECK(z.isZero(0));

    const CsrView<double, std::int32_t> no_rows{0, 3, starts.data(), nullptr, nullptr},
        no_cols{5, 0, starts.data(), nullptr, nullptr};
    Matrix<double> none(0, 2), no_vectors_x(3, 0), no_vectors_y(5, 0);
    z = x;
    csr_adjoint_times_block<double, std::int32_t>(no_rows, none, z, {});
    CHECK(z.isZero(0));
    y = u;
    csr_times_block<double, std::int32_t>(no_cols, none, y, {});
    CHECK(y.isZero(0));
    csr_times_block<double, std::int32_t>(empty, no_vectors_x, no_vectors_y, {});
}

TEST(wrong_structure_and_shapes_are_refused) {
    const std::vector<std::int32_t> starts = {0, 2, 1}, ascending = {0, 1, 2}, columns = {0, 3}, negative = {0, -1};
    const std::vector<double> values = {1, 1};
    const auto view = [&](const auto& row_start, const auto& column) {
        return CsrView<double, std::int32_t>{2, 3, row_start.data(), column.data(), values.data()};
    };
    CHECK_THROWS(check_csr(view(starts, columns)), InvalidInput);
    CHECK_THROWS(check_csr(view(ascending, columns)), InvalidInput);
    CHECK_THROWS(check_csr(view(ascending, negative)), InvalidInput);
    Matrix<double> x(2, 1), y(2, 1);
    CHECK_THROWS((csr_times_block<double, std::int32_t>(view(ascending, columns), x, y, {})), InvalidInput);
}

TEST(products_answer_a_stop) {
    struct Stopped : StopToken {
        void poll() override { request_stop(); }
    } stop;
    const Sparse<double, std::int32_t> sparse(3000, 50, 40);
    const Matrix<double> x = testing::gaussian<double>(50, 4, 0), u = testing::gaussian<double>(3000, 4, 1);
    Matrix<double> y = u, z = x;
    CHECK_THROWS((csr_times_block<double, std::int32_t>(sparse.view(), x, y, {2, &stop})), Interrupted);
    CHECK_THROWS((csr_adjoint_times_block<double, std::int32_t>(sparse.view(), u, z, {2, &stop})), Interrupted);
}
