// Products of a few long columns with few others, one piece of the rows at a time: BLAS would first copy both.
#include "arithmetic.hpp"
#include "topics.hpp"

namespace eigenscope::EIGENSCOPE_KERNEL_NAMESPACE {
namespace {

/// Columns of y, columns of x and registers of rows that are worked on together: as many accumulators as leave
/// registers for the operands.
#if defined(__AVX512F__)
constexpr int y_together = 8, x_together = 3, rows_together = 3;
#else
constexpr int y_together = 4, x_together = 2, rows_together = 2;
#endif

/// Bytes of a column in one piece: `y_together` of them stay in the first-level cache.
constexpr int piece_bytes = 4096;

template <class Real>
constexpr int lanes = register_bytes / static_cast<int>(sizeof(Real));

/// x_i and y_j are columns `x_stride` and `y_stride` apart; entry (i, j) of a small matrix is at i + j * stride.
template <class Real>
struct Columns {
    const Real* data;
    std::int64_t stride;

    const Real* column(std::int64_t j) const { return data + j * stride; }
    Columns from(std::int64_t row, std::int64_t j) const { return {data + row + j * stride, stride}; }
};

/// product_ij += sum_r x_i[r] y_j[r] for I columns of x and J of y.
template <class Real, int I, int J>
void inner_tile(std::int64_t rows, Columns<Real> x, Columns<Real> y, Real* product, std::int64_t stride) {
    constexpr int W = lanes<Real>;
    Chunk<Real, W> sums[I][J] = {};
    std::int64_t r = 0;
    for (; r + W <= rows; r += W) {
        Chunk<Real, W> x_r[I];
        for (int i = 0; i < I; ++i) x_r[i] = Chunk<Real, W>::load(x.column(i) + r);
        for (int j = 0; j < J; ++j) {
            const Chunk<Real, W> y_r = Chunk<Real, W>::load(y.column(j) + r);
            for (int i = 0; i < I; ++i) sums[i][j].add_product(x_r[i], y_r);
        }
    }
    for (int i = 0; i < I; ++i)
        for (int j = 0; j < J; ++j) {
            Real sum = sums[i][j].sum();
            for (std::int64_t rest = r; rest < rows; ++rest) sum += x.column(i)[rest] * y.column(j)[rest];
            product[i + j * stride] += sum;
        }
}

template <class Real, int J>
void inner_columns(std::int64_t rows, Columns<Real> x, std::int64_t x_cols, Columns<Real> y, Real* product,
                   std::int64_t stride) {
    std::int64_t i = 0;
    for (; i + x_together <= x_cols; i += x_together)
        inner_tile<Real, x_together, J>(rows, x.from(0, i), y, product + i, stride);
    for (; i < x_cols; ++i) inner_tile<Real, 1, J>(rows, x.from(0, i), y, product + i, stride);
}

/// body<J>(j) for groups of columns that cover `columns`: as many of the widest as fit, then halves.
template <class Body>
void for_columns(std::int64_t columns, const Body& body) {
    for_chunks<y_together, 1>(0, columns, body);
}

template <class Real>
void inner(std::int64_t rows, const Real* x, std::int64_t x_stride, std::int64_t x_cols, const Real* y,
           std::int64_t y_stride, std::int64_t y_cols, Real* product) {
    constexpr std::int64_t piece = piece_bytes / static_cast<int>(sizeof(Real));
    const Columns<Real> left{x, x_stride}, right{y, y_stride};
    for (std::int64_t k = 0; k < x_cols * y_cols; ++k) product[k] = Real(0);
    for (std::int64_t first = 0; first < rows; first += piece) {
        const std::int64_t count = rows - first < piece ? rows - first : piece;
        for_columns(y_cols, [&]<int J>(std::int64_t j) {
            inner_columns<Real, J>(count, left.from(first, 0), x_cols, right.from(first, j), product + j * x_cols,
                                   x_cols);
        });
    }
}

/// y_j[r] += sum_i c_ij x_i[r] for V registers of W rows and J columns of y.
template <class Real, int W, int V, int J>
EIGENSCOPE_ALWAYS_INLINE void add_tile(std::int64_t r, Columns<Real> x, std::int64_t x_cols, Columns<Real> c, Real* y,
                                       std::int64_t y_stride) {
    Chunk<Real, W> sums[J][V];
    for (int j = 0; j < J; ++j)
        for (int v = 0; v < V; ++v) sums[j][v] = Chunk<Real, W>::load(y + j * y_stride + r + v * W);
    for (std::int64_t i = 0; i < x_cols; ++i) {
        Chunk<Real, W> x_i[V];
        for (int v = 0; v < V; ++v) x_i[v] = Chunk<Real, W>::load(x.column(i) + r + v * W);
        for (int j = 0; j < J; ++j)
            for (int v = 0; v < V; ++v) sums[j][v].add(c.column(j)[i], x_i[v]);
    }
    for (int j = 0; j < J; ++j)
        for (int v = 0; v < V; ++v) sums[j][v].store(y + j * y_stride + r + v * W);
}

template <class Real, int J>
void add_columns(std::int64_t rows, Columns<Real> x, std::int64_t x_cols, Columns<Real> c, Real* y,
                 std::int64_t y_stride) {
    constexpr int W = lanes<Real>, V = rows_together;
    std::int64_t r = 0;
    for (; r + V * W <= rows; r += V * W) add_tile<Real, W, V, J>(r, x, x_cols, c, y, y_stride);
    for (; r + W <= rows; r += W) add_tile<Real, W, 1, J>(r, x, x_cols, c, y, y_stride);
    for (; r < rows; ++r) add_tile<Real, 1, 1, J>(r, x, x_cols, c, y, y_stride);
}

/// Columns of x that pass over a piece of y together: their rows are read from memory one after the other.
constexpr std::int64_t x_per_pass = 8;

template <class Real>
void add_product(std::int64_t rows, const Real* x, std::int64_t x_stride, std::int64_t x_cols, const Real* c,
                 std::int64_t c_stride, Real* y, std::int64_t y_stride, std::int64_t y_cols) {
    constexpr std::int64_t piece = piece_bytes / static_cast<int>(sizeof(Real));
    const Columns<Real> left{x, x_stride}, small{c, c_stride};
    for (std::int64_t first = 0; first < rows; first += piece) {
        const std::int64_t count = rows - first < piece ? rows - first : piece;
        for (std::int64_t i = 0; i < x_cols; i += x_per_pass) {
            const std::int64_t columns = x_cols - i < x_per_pass ? x_cols - i : x_per_pass;
            for_columns(y_cols, [&]<int J>(std::int64_t j) {
                add_columns<Real, J>(count, left.from(first, i), columns, small.from(i, j), y + first + j * y_stride,
                                     y_stride);
            });
        }
    }
}

template <class Real>
void add(TallKernels<Real>& table) {
    table.inner = inner<Real>;
    table.add_product = add_product<Real>;
}

}  // namespace

void add_tall(Kernels& table) {
    add<float>(table);
    add<double>(table);
}

}  // namespace eigenscope::EIGENSCOPE_KERNEL_NAMESPACE
