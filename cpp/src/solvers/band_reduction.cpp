#include <algorithm>
#include <eigenscope/foundation/blas.hpp>
#include <eigenscope/foundation/parallel.hpp>
#include <eigenscope/solvers/band_reduction.hpp>

namespace eigenscope {

namespace {

constexpr Index band = BandMatrix::bandwidth;
/// Rows and columns of a tile, one task each: its rank-2b update runs at the speed of BLAS, and there are enough.
constexpr Index tile = 512;
/// Vectors that one task transforms at once.
constexpr Index columns_together = 64;

/// The part of a matrix not yet reduced: rows and columns first … n - 1. Tiles on the diagonal hold both triangles.
struct Trailing {
    double* a;
    Index lda;
    Index first;
    Index n;

    Index size() const { return n - first; }
    Index first_tile() const { return first / tile; }
    Index n_tiles() const { return (n + tile - 1) / tile - first_tile(); }
    Index tile_start(Index number) const { return std::max(first, (first_tile() + number) * tile); }
    Index tile_end(Index number) const { return std::min(n, (first_tile() + number + 1) * tile); }
    double* at(Index row, Index column) const { return a + row + column * lda; }
};

/// Reflectors of one panel, and what the two-sided update needs: left = [V X], right = [X V], each m x 2b.
struct Reflectors {
    Matrix<double> left;
    Matrix<double> right;
    Matrix<double> t = Matrix<double>::Zero(band, band);
    Matrix<double> product;

    explicit Reflectors(Index m) : left(m, 2 * band), right(m, 2 * band), product(m, band) {}
};

void mirror_diagonal_tiles(const Trailing& matrix, const Execution& execution) {
    parallel::run_tasks(matrix.n_tiles(), execution, [&](Index task, int) {
        for (Index j = matrix.tile_start(task); j < matrix.tile_end(task); ++j)
            for (Index i = j + 1; i < matrix.tile_end(task); ++i) *matrix.at(j, i) = *matrix.at(i, j);
    });
}

/// Copy V (unit lower trapezoid, m x r) out of a factored panel; columns beyond r are zero.
void copy_reflectors(const double* panel, Index lda, Index m, Index r, Reflectors& reflectors) {
    for (Index j = 0; j < band; ++j) {
        double* column = reflectors.left.col(j).data();
        std::fill_n(column, m, 0.0);
        if (j >= r) continue;
        column[j] = 1.0;
        std::copy(panel + j + 1 + j * lda, panel + m + j * lda, column + j + 1);
    }
    reflectors.right.middleCols(band, band).topRows(m) = reflectors.left.leftCols(band).topRows(m);
}

/// W = A V T for the symmetric trailing matrix (m x m): row tile i is A_i,0…i V plus the transposes of what lies below.
void multiply(const Trailing& matrix, Reflectors& reflectors, const Execution& execution) {
    const Index m = matrix.size(), ld = reflectors.left.rows();
    const double* v = reflectors.left.data();
    parallel::run_tasks(matrix.n_tiles(), execution, [&](Index task, int) {
        const Index start = matrix.tile_start(task), end = matrix.tile_end(task), rows = end - start;
        const Index offset = start - matrix.first;
        Matrix<double> w(rows, band);
        blas::gemm<double>(blas::Op::none, blas::Op::none, rows, band, end - matrix.first, 1.0,
                           matrix.at(start, matrix.first), matrix.lda, v, ld, 0.0, w.data(), rows);
        if (end < matrix.n)
            blas::gemm<double>(blas::Op::transpose, blas::Op::none, rows, band, matrix.n - end, 1.0,
                               matrix.at(end, start), matrix.lda, v + (end - matrix.first), ld, 1.0, w.data(), rows);
        blas::gemm<double>(blas::Op::none, blas::Op::none, rows, band, band, 1.0, w.data(), rows, reflectors.t.data(),
                           band, 0.0, reflectors.product.data() + offset, m);
    });
}

/// X = W - V S / 2 with S = T^T V^T W (b x b), so that Q^T A Q = A - V X^T - X V^T.
void complete(Index m, Reflectors& reflectors) {
    const Index ld = reflectors.left.rows();
    Matrix<double> cross(band, band), s(band, band);
    blas::gemm<double>(blas::Op::transpose, blas::Op::none, band, band, m, 1.0, reflectors.left.data(), ld,
                       reflectors.product.data(), m, 0.0, cross.data(), band);
    blas::gemm<double>(blas::Op::transpose, blas::Op::none, band, band, band, 1.0, reflectors.t.data(), band,
                       cross.data(), band, 0.0, s.data(), band);
    double* x = reflectors.left.col(band).data();
    for (Index j = 0; j < band; ++j) std::copy_n(reflectors.product.data() + j * m, m, x + j * ld);
    blas::gemm<double>(blas::Op::none, blas::Op::none, m, band, band, -0.5, reflectors.left.data(), ld, s.data(), band,
                       1.0, x, ld);
    reflectors.right.leftCols(band).topRows(m) = reflectors.left.rightCols(band).topRows(m);
}

/// A := A - [V X] [X V]^T on the lower triangle, tile by tile.
void update(const Trailing& matrix, const Reflectors& reflectors, const Execution& execution) {
    const Index tiles = matrix.n_tiles(), ld = reflectors.left.rows();
    parallel::run_tasks(tiles * tiles, execution, [&](Index task, int) {
        const Index i = task / tiles, j = task % tiles;
        if (j > i) return;
        const Index row = matrix.tile_start(i), column = matrix.tile_start(j);
        blas::gemm<double>(blas::Op::none, blas::Op::transpose, matrix.tile_end(i) - row, matrix.tile_end(j) - column,
                           2 * band, -1.0, reflectors.left.data() + (row - matrix.first), ld,
                           reflectors.right.data() + (column - matrix.first), ld, 1.0, matrix.at(row, column),
                           matrix.lda);
    });
}

/// What lies above the diagonal of V belongs to the band, which has been copied.
void make_trapezoid(double* v, Index lda, Index r) {
    for (Index j = 0; j < r; ++j) {
        std::fill_n(v + j * lda, j, 0.0);
        v[j + j * lda] = 1.0;
    }
}

}  // namespace

BandMatrix reduce_to_band(Index n, double* a, Index lda, const Execution& execution, PanelFactors* factors) {
    BandMatrix result(n);
    Trailing trailing{a, lda, 0, n};
    mirror_diagonal_tiles(trailing, execution);
    Reflectors reflectors(std::max<Index>(n - band, 0));
    for (Index column = 0; column < n; column += band) {
        const Index count = std::min(band, n - column), m = n - column - count;
        if (m > 0) {
            // A panel below the band, m x b: Q R, R stays; then Q^T (.) Q on what is left.
            double* panel = a + column + band + column * lda;
            blas::householder_qr<double>(m, band, panel, lda, reflectors.t.data(), band);
            copy_reflectors(panel, lda, m, std::min(m, band), reflectors);
            trailing.first = column + band;
            multiply(trailing, reflectors, execution);
            complete(m, reflectors);
            update(trailing, reflectors, execution);
            if (factors) factors->push_back(reflectors.t);
        }
        for (Index j = column; j < column + count; ++j)
            for (Index i = j; i < std::min(n, j + band + 1); ++i) result.at(i, j) = a[i + j * lda];
    }
    return result;
}

void multiply_by_panels(Index n, double* a, Index lda, const PanelFactors& factors, Block<double> z,
                        const Execution& execution) {
    // Q = Q_0 Q_1 …, so the last panel comes first: Z := Z - V (T (V^T Z)) from row `first` on.
    for (Index panel = static_cast<Index>(factors.size()) - 1; panel >= 0; --panel) {
        const Index column = panel * band, first = column + band, m = n - first, r = std::min(m, band);
        double* v = a + first + column * lda;
        make_trapezoid(v, lda, r);
        const Matrix<double>& t = factors[static_cast<std::size_t>(panel)];
        parallel::for_ranges(z.cols, columns_together, execution, [&](Index begin, Index end) {
            const Index count = end - begin;
            double* target = z.column(begin) + first;
            Matrix<double> projection(r, count), coefficients(r, count);
            blas::gemm<double>(blas::Op::transpose, blas::Op::none, r, count, m, 1.0, v, lda, target, z.stride, 0.0,
                               projection.data(), r);
            blas::gemm<double>(blas::Op::none, blas::Op::none, r, count, r, 1.0, t.data(), t.rows(), projection.data(),
                               r, 0.0, coefficients.data(), r);
            blas::gemm<double>(blas::Op::none, blas::Op::none, m, count, r, -1.0, v, lda, coefficients.data(), r, 1.0,
                               target, z.stride);
        });
    }
}

}  // namespace eigenscope
