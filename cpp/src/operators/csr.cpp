#include <algorithm>
#include <eigenscope/foundation/error.hpp>
#include <eigenscope/foundation/kernels.hpp>
#include <eigenscope/foundation/parallel.hpp>
#include <eigenscope/operators/csr.hpp>
#include <string>
#include <vector>

#include "packed.hpp"

namespace eigenscope {

namespace {

/// Multiplications per task: below a millisecond, so that threads balance and a stop is answered at once.
constexpr Index work_per_task = Index{1} << 20;
/// Bytes of a tile of rows that is turned between the two layouts in the first-level cache.
constexpr Index tile_bytes = 16 * 1024;
/// Rows of a block are visited in no order: this much of it stays in the cache that a few cores share.
constexpr Index visited_bytes = Index{16} << 20;
constexpr Index cache_line = 64;
/// Lanes of a transposed product: their accumulators take no more than the larger of these two.
constexpr Index lane_bytes = Index{64} << 20;
constexpr Index lane_blocks = 4;
/// More lanes than this would be summed longer than they save.
constexpr Index most_lanes = 16;
/// A lane must bring this many nonzeros per accumulator row, which is written and summed once.
constexpr Index nonzeros_per_lane_row = 4;

/// One of the sparse kernels, bound to a matrix.
template <class Scalar, class IndexType>
struct Product {
    using Element = KernelScalar<Scalar>;

    const CsrView<Scalar, IndexType>& a;
    typename CsrKernels<Element, IndexType>::Product kernel;

    void operator()(Index first, Index last, const Scalar* x, Index width, Scalar* y) const {
        kernel(first, last, a.row_start, a.columns, reinterpret_cast<const Element*>(a.values),
               reinterpret_cast<const Element*>(x), width, reinterpret_cast<Element*>(y));
    }
};

template <class Scalar, class IndexType>
const CsrKernels<KernelScalar<Scalar>, IndexType>& csr_kernels() {
    return kernels();
}

/// Rows cut into `count` contiguous ranges of about equal work, one unit per row and one per nonzero.
template <class Scalar, class IndexType>
class RowCut {
  public:
    RowCut(const CsrView<Scalar, IndexType>& a, Index count) : a_(a), count_(count) {}

    Index count() const { return count_; }
    Index begin(Index part) const {
        // The first row before which part / count of all work is done; done(row) ascends.
        const Index total = done(a_.rows);
        const Index wanted = part * (total / count_) + part * (total % count_) / count_;
        Index low = 0, high = a_.rows;
        while (low < high) {
            const Index middle = low + (high - low) / 2;
            if (done(middle) < wanted)
                low = middle + 1;
            else
                high = middle;
        }
        return low;
    }
    Index end(Index part) const { return begin(part + 1); }

  private:
    Index done(Index row) const { return static_cast<Index>(a_.row_start[row]) - a_.row_start[0] + row; }

    const CsrView<Scalar, IndexType>& a_;
    const Index count_;
};

template <class Scalar, class IndexType>
Index task_count(const CsrView<Scalar, IndexType>& a, Index width) {
    return std::max<Index>(1, (a.nonzeros() + a.rows) / std::max<Index>(1, work_per_task / width));
}

template <class Scalar>
Index rows_per_tile(Index width) {
    return std::max<Index>(8, tile_bytes / (width * static_cast<Index>(sizeof(Scalar))));
}

void require_shape(bool fits, const char* product, Index rows, Index cols, Index x_rows, Index x_cols, Index y_rows,
                   Index y_cols) {
    if (fits) return;
    const auto shape = [](Index n, Index m) { return std::to_string(n) + " x " + std::to_string(m); };
    throw InvalidInput(std::string(product) + ": the matrix is " + shape(rows, cols) + ", the block " +
                       shape(x_rows, x_cols) + ", the result " + shape(y_rows, y_cols));
}

template <class Scalar>
void set_zero(Block<Scalar> y) {
    for (Index j = 0; j < y.cols; ++j) std::fill_n(y.column(j), y.rows, Scalar(0));
}

/// Lanes of a product that adds into `rows` accumulator rows of `width`: a function of shape and sparsity alone.
template <class Scalar>
Index lane_count(Index nonzeros, Index rows, Index width) {
    const Index bytes = rows * width * static_cast<Index>(sizeof(Scalar));
    const Index by_memory = std::max(lane_blocks, lane_bytes / bytes);
    const Index by_work = nonzeros / (nonzeros_per_lane_row * rows);
    return std::clamp(std::min(by_memory, by_work), Index{1}, most_lanes);
}

/// Y = sum over lanes of what `add_rows(first, last, accumulator)` adds for the lane's rows, in lane order.
template <class Scalar, class IndexType, class AddRows>
void sum_lanes(const CsrView<Scalar, IndexType>& a, Block<Scalar> y, const Execution& execution,
               const AddRows& add_rows) {
    const Index width = y.cols, size = y.rows * width;
    const RowCut lanes(a, lane_count<Scalar>(a.nonzeros(), y.rows, width));
    PackedBlock<Scalar> accumulators(lanes.count() * size);
    const Index steps = (task_count(a, width) + lanes.count() - 1) / lanes.count();
    parallel::run_tasks(lanes.count(), execution, [&](Index lane, int worker) {
        Scalar* accumulator = accumulators.data() + lane * size;
        std::fill_n(accumulator, size, Scalar(0));
        const Index begin = lanes.begin(lane), end = lanes.end(lane);
        // A lane may take long, so it listens for a stop as run_tasks does between tasks.
        const Index rows_per_step = std::max<Index>(1, (end - begin + steps - 1) / steps);
        for (Index first = begin; first < end; first += rows_per_step) {
            if (execution.stop && worker == 0) execution.stop->poll();
            if (execution.stop && execution.stop->stop_requested()) return;
            add_rows(first, std::min(end, first + rows_per_step), accumulator);
        }
    });
    const Index tile = rows_per_tile<Scalar>(width);
    parallel::for_ranges(y.rows, tile, execution, [&](Index first, Index last) {
        Scalar* sum = accumulators.data() + first * width;
        for (Index lane = 1; lane < lanes.count(); ++lane) {
            const Scalar* next = sum + lane * size;
            for (Index i = 0; i < (last - first) * width; ++i) sum[i] += next[i];
        }
        to_column_major(sum, y.rows_range(first, last - first));
    });
}

/// Y = A X, all columns at once.
template <class Scalar, class IndexType>
void times_columns(const CsrView<Scalar, IndexType>& a, ConstBlock<Scalar> x, Block<Scalar> y,
                   const Execution& execution) {
    const Index width = x.cols, tile = rows_per_tile<Scalar>(width);
    const PackedBlock<Scalar> packed(x, execution);
    const Product<Scalar, IndexType> times{a, csr_kernels<Scalar, IndexType>().times};
    const RowCut cut(a, task_count(a, width));
    parallel::run_tasks(cut.count(), execution, [&](Index task, int) {
        std::vector<Scalar> rows(static_cast<std::size_t>(tile * width));
        for (Index first = cut.begin(task), end = cut.end(task); first < end; first += tile) {
            const Index count = std::min(tile, end - first);
            times(first, first + count, packed.data(), width, rows.data());
            to_column_major(rows.data(), y.rows_range(first, count));
        }
    });
}

}  // namespace

// Where one cache line per row is too much already, neighbouring lines come at little more cost, and all columns go
// together.
template <class Scalar>
Index columns_together(Index rows, Index width) {
    const Index bytes = static_cast<Index>(sizeof(Scalar)), line = std::max<Index>(1, cache_line / bytes);
    const Index lines = visited_bytes / (std::max<Index>(1, rows) * line * bytes);
    return rows * width * bytes <= visited_bytes || lines == 0 ? width : lines * line;
}

template <class Scalar, class IndexType>
void check_csr(const CsrView<Scalar, IndexType>& a) {
    if (a.rows < 0 || a.cols < 0) throw InvalidInput("a sparse matrix has a negative number of rows or columns");
    if (a.rows == 0) return;
    if (a.row_start[0] < 0) throw InvalidInput("row_start begins with " + std::to_string(a.row_start[0]));
    for (Index row = 0; row < a.rows; ++row) {
        const IndexType first = a.row_start[row], last = a.row_start[row + 1];
        if (last < first)
            throw InvalidInput("row_start descends from " + std::to_string(first) + " to " + std::to_string(last) +
                               " at row " + std::to_string(row));
        // One comparison catches both signs: a negative index is a huge unsigned one.
        bool outside = false;
        for (IndexType p = first; p < last; ++p)
            outside |= static_cast<std::uint64_t>(a.columns[p]) >= static_cast<std::uint64_t>(a.cols);
        if (!outside) continue;
        const auto wrong = std::find_if(a.columns + first, a.columns + last,
                                        [&](IndexType column) { return column < 0 || column >= a.cols; });
        throw InvalidInput("column index " + std::to_string(*wrong) + " in row " + std::to_string(row) +
                           " is outside 0 … " + std::to_string(a.cols - 1));
    }
}

template <class Scalar, class IndexType>
void csr_times_block(const CsrView<Scalar, IndexType>& a, ConstBlock<Scalar> x, Block<Scalar> y,
                     const Execution& execution) {
    require_shape(x.rows == a.cols && y.rows == a.rows && x.cols == y.cols, "A X", a.rows, a.cols, x.rows, x.cols,
                  y.rows, y.cols);
    if (y.rows == 0 || y.cols == 0) return;
    if (a.nonzeros() == 0) return set_zero(y);
    const Index together = columns_together<Scalar>(x.rows, x.cols);
    for (Index first = 0; first < x.cols; first += together) {
        const Index count = std::min(together, x.cols - first);
        times_columns(a, x.columns(first, count), y.columns(first, count), execution);
    }
}

template <class Scalar, class IndexType>
void csr_adjoint_times_block(const CsrView<Scalar, IndexType>& a, ConstBlock<Scalar> x, Block<Scalar> y,
                             const Execution& execution) {
    require_shape(x.rows == a.rows && y.rows == a.cols && x.cols == y.cols, "A^H X", a.rows, a.cols, x.rows, x.cols,
                  y.rows, y.cols);
    if (y.rows == 0 || y.cols == 0) return;
    if (a.nonzeros() == 0) return set_zero(y);
    const Index width = x.cols, tile = rows_per_tile<Scalar>(width);
    const Product<Scalar, IndexType> adjoint{a, csr_kernels<Scalar, IndexType>().adjoint};
    sum_lanes(a, y, execution, [&](Index begin, Index end, Scalar* accumulator) {
        std::vector<Scalar> rows(static_cast<std::size_t>(tile * width));
        for (Index first = begin; first < end; first += tile) {
            const Index count = std::min(tile, end - first);
            to_row_major(x.rows_range(first, count), rows.data());
            adjoint(first, first + count, rows.data(), width, accumulator);
        }
    });
}

template <class Scalar, class IndexType>
void csr_gram_times_block(const CsrView<Scalar, IndexType>& a, ConstBlock<Scalar> x, Block<Scalar> y,
                          Block<Scalar> product, const Execution& execution) {
    require_shape(x.rows == a.cols && y.rows == a.cols && x.cols == y.cols, "A^H (A X)", a.rows, a.cols, x.rows, x.cols,
                  y.rows, y.cols);
    if (y.rows == 0 || y.cols == 0) return;
    if (a.nonzeros() == 0) {
        if (product.data) set_zero(product);
        return set_zero(y);
    }
    using Element = KernelScalar<Scalar>;
    const Index width = x.cols, tile = rows_per_tile<Scalar>(width);
    const PackedBlock<Scalar> packed(x, execution);
    const auto gram = [&, kernel = csr_kernels<Scalar, IndexType>().gram](Index first, Index last, Scalar* sum,
                                                                          Scalar* rows) {
        kernel(first, last, a.row_start, a.columns, reinterpret_cast<const Element*>(a.values),
               reinterpret_cast<const Element*>(packed.data()), width, reinterpret_cast<Element*>(sum),
               reinterpret_cast<Element*>(rows));
    };
    sum_lanes(a, y, execution, [&](Index begin, Index end, Scalar* accumulator) {
        if (!product.data) return gram(begin, end, accumulator, nullptr);
        std::vector<Scalar> rows(static_cast<std::size_t>(tile * width));
        for (Index first = begin; first < end; first += tile) {
            const Index count = std::min(tile, end - first);
            gram(first, first + count, accumulator, rows.data());
            to_column_major(rows.data(), product.rows_range(first, count));
        }
    });
}

template <class Scalar, class IndexType>
void csr_recurrence(const CsrView<Scalar, IndexType>& a, const Scalar* x, Scalar* z, Index width,
                    const RecurrenceStep& step, const Execution& execution) {
    using Element = KernelScalar<Scalar>;
    const RowCut cut(a, task_count(a, width));
    const auto recur = csr_kernels<Scalar, IndexType>().recur;
    parallel::run_tasks(cut.count(), execution, [&](Index task, int) {
        recur(cut.begin(task), cut.end(task), a.row_start, a.columns, reinterpret_cast<const Element*>(a.values),
              reinterpret_cast<const Element*>(x), width, step, reinterpret_cast<Element*>(z));
    });
}

template <class Scalar, class IndexType>
Vector<double> csr_lanczos(const CsrView<Scalar, IndexType>& a, const Scalar* x, Scalar* z, Index width, double alpha,
                           const Scalar* coupling, const Execution& execution) {
    using Element = KernelScalar<Scalar>;
    const RowCut cut(a, task_count(a, width));
    const auto lanczos = csr_kernels<Scalar, IndexType>().lanczos;
    Matrix<double> partial = Matrix<double>::Zero(width * (is_complex<Scalar> ? 2 : 1), cut.count());
    parallel::run_tasks(cut.count(), execution, [&](Index task, int) {
        lanczos(cut.begin(task), cut.end(task), a.row_start, a.columns, reinterpret_cast<const Element*>(a.values),
                reinterpret_cast<const Element*>(x), width, alpha, reinterpret_cast<const Element*>(coupling),
                reinterpret_cast<Element*>(z), partial.col(task).data());
    });
    return partial.rowwise().sum();
}

#define EIGENSCOPE_INSTANTIATE(S, I)                                                                              \
    template void check_csr<S, I>(const CsrView<S, I>&);                                                          \
    template void csr_times_block<S, I>(const CsrView<S, I>&, ConstBlock<S>, Block<S>, const Execution&);         \
    template void csr_adjoint_times_block<S, I>(const CsrView<S, I>&, ConstBlock<S>, Block<S>, const Execution&); \
    template void csr_gram_times_block<S, I>(const CsrView<S, I>&, ConstBlock<S>, Block<S>, Block<S>,             \
                                             const Execution&);                                                   \
    template void csr_recurrence<S, I>(const CsrView<S, I>&, const S*, S*, Index, const RecurrenceStep&,          \
                                       const Execution&);                                                         \
    template Vector<double> csr_lanczos<S, I>(const CsrView<S, I>&, const S*, S*, Index, double, const S*,        \
                                              const Execution&);
#define EIGENSCOPE_INSTANTIATE_BOTH(S)                \
    template Index columns_together<S>(Index, Index); \
    EIGENSCOPE_INSTANTIATE(S, std::int32_t) EIGENSCOPE_INSTANTIATE(S, std::int64_t)
EIGENSCOPE_INSTANTIATE_BOTH(float)
EIGENSCOPE_INSTANTIATE_BOTH(double)
EIGENSCOPE_INSTANTIATE_BOTH(complex64)
EIGENSCOPE_INSTANTIATE_BOTH(complex128)
#undef EIGENSCOPE_INSTANTIATE_BOTH
#undef EIGENSCOPE_INSTANTIATE

}  // namespace eigenscope
