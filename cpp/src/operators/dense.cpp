#include <eigenscope/foundation/blas.hpp>
#include <eigenscope/foundation/kernels.hpp>
#include <eigenscope/operators/dense.hpp>
#include <eigenscope/panels/pass.hpp>
#include <vector>

#include "aligned.hpp"

namespace eigenscope {

namespace {

/// t := factor * P x for one panel (r x b).
template <class Scalar>
void panel_times(const Panel<Scalar>& panel, RealOf<Scalar> factor, ConstBlock<Scalar> x, Scalar* t, Index ldt) {
    const auto op = panel.row_major ? (is_complex<Scalar> ? blas::Op::transpose : blas::Op::adjoint) : blas::Op::none;
    blas::gemm<Scalar>(op, blas::Op::none, panel.rows, x.cols, panel.cols, Scalar(factor), panel.data, panel.stride,
                       x.data, x.stride, Scalar(0), t, ldt);
}

/// z := z + factor * P^H t. A row-major panel is its own transpose in BLAS's eyes, so its adjoint is a conjugate:
/// (P^H t) = conj(P^T conj(t)).
template <class Scalar>
void add_panel_adjoint_times(const Panel<Scalar>& panel, RealOf<Scalar> factor, Scalar* t, Index ldt, Index cols,
                             Block<Scalar> z) {
    if (!panel.row_major || !is_complex<Scalar>) {
        const auto op = panel.row_major ? blas::Op::none : blas::Op::adjoint;
        blas::gemm<Scalar>(op, blas::Op::none, panel.cols, cols, panel.rows, Scalar(factor), panel.data, panel.stride,
                           t, ldt, Scalar(1), z.data, z.stride);
        return;
    }
    Block<Scalar> right(t, panel.rows, cols, ldt);
    right.map() = right.map().conjugate().eval();
    Matrix<Scalar> product(panel.cols, cols);
    blas::gemm<Scalar>(blas::Op::none, blas::Op::none, panel.cols, cols, panel.rows, Scalar(factor), panel.data,
                       panel.stride, t, ldt, Scalar(0), product.data(), panel.cols);
    z.map() += product.conjugate();
}

/// Scratch of one worker: a panel of the matrix and its product with the block.
template <class Scalar>
struct Scratch {
    std::vector<Scalar> panel;
    Matrix<Scalar> product;
};

template <class Scalar>
std::vector<Scratch<Scalar>> make_scratch(const Execution& execution) {
    return std::vector<Scratch<Scalar>>(static_cast<std::size_t>(std::max(1, execution.threads)));
}

template <class Scalar>
Panel<Scalar> read_rows(const DenseSource& source, const ColumnTransform& transform, Index first, Index rows,
                        Scratch<Scalar>& scratch) {
    if (!readable_in_place<Scalar>(source, transform))
        scratch.panel.resize(static_cast<std::size_t>(rows * source.cols));
    return read_panel<Scalar>(source, first, rows, 0, source.cols, transform, scratch.panel.data());
}

/// Sum over lanes of an accumulated cols x b block.
template <class Scalar, class Absorb>
void reduce_lanes(const DenseSource& source, Index block_cols, Block<Scalar> z, const Execution& execution,
                  Absorb&& absorb) {
    const Index summary_bytes = source.cols * block_cols * Index{sizeof(Scalar)};
    const Partition partition = cut_rows(source.rows, source.cols * Index{sizeof(Scalar)}, summary_bytes);
    auto scratch = make_scratch<Scalar>(execution);
    const Matrix<Scalar> total = run_pass(
        partition, execution, [&] { return Matrix<Scalar>(Matrix<Scalar>::Zero(source.cols, block_cols)); },
        [&](Matrix<Scalar>& sum, Index number, int worker) {
            absorb(sum, partition.first_row(number), partition.rows_in(number),
                   scratch[static_cast<std::size_t>(worker)]);
        },
        [](Matrix<Scalar>& into, const Matrix<Scalar>& from) { into += from; });
    z.map() = total;
}

/// The fused kernel keeps one chunk of x and of z in the second-level cache; wider matrices go through BLAS.
constexpr Index fused_cache_bytes = Index{1} << 20;
/// From this many vectors on BLAS runs at full speed by itself.
constexpr Index most_fused_vectors = 64;

/// Columns of a block in chunks of `chunk`, the last padded with zeros: what GramKernels reads.
template <class Real>
AlignedVector<Real> pack_chunks(ConstBlock<Real> x) {
    constexpr Index chunk = GramKernels<Real>::chunk;
    AlignedVector<Real> packed(static_cast<std::size_t>((x.cols + chunk - 1) / chunk * chunk * x.rows), Real(0));
    for (Index j = 0; j < x.cols; ++j) {
        Real* to = packed.data() + j / chunk * chunk * x.rows + j % chunk;
        for (Index i = 0; i < x.rows; ++i) to[i * chunk] = x.column(j)[i];
    }
    return packed;
}

template <class Real>
void unpack_chunks(const Real* packed, Block<Real> z) {
    constexpr Index chunk = GramKernels<Real>::chunk;
    for (Index j = 0; j < z.cols; ++j) {
        const Real* from = packed + j / chunk * chunk * z.rows + j % chunk;
        for (Index i = 0; i < z.rows; ++i) z.column(j)[i] = from[i * chunk];
    }
}

/// y := factor A x with every row of A read once, straight from where it lies.
template <class Real>
void direct_product(const DenseSource& source, const ColumnTransform& transform, Real factor, ConstBlock<Real> x,
                    Block<Real> y, const Execution& execution) {
    constexpr Index chunk = GramKernels<Real>::chunk;
    const AlignedVector<Real> packed = pack_chunks(x);
    const Index chunks = (x.cols + chunk - 1) / chunk;
    const Partition partition = cut_rows(source.rows, source.cols * Index{sizeof(Real)}, 0);
    auto scratch = make_scratch<Real>(execution);
    parallel::run_tasks(partition.panels, execution, [&](Index number, int worker) {
        const Index first = partition.first_row(number), count = partition.rows_in(number);
        const auto panel = read_rows<Real>(source, transform, first, count, scratch[static_cast<std::size_t>(worker)]);
        AlignedVector<Real> rows(static_cast<std::size_t>(chunks * count * chunk));
        static_cast<const GramKernels<Real>&>(kernels()).times(count, panel.cols, panel.data, panel.stride, chunks,
                                                               packed.data(), count, rows.data());
        if (factor != Real(1))
            for (Real& value : rows) value *= factor;
        unpack_chunks<Real>(rows.data(), y.rows_range(first, count));
    });
}

/// z := A^T (A x), and y := A x unless y is empty.
template <class Real>
void fused_gram(const DenseSource& source, const ColumnTransform& transform, ConstBlock<Real> x, Block<Real> y,
                Block<Real> z, const Execution& execution) {
    const AlignedVector<Real> packed = pack_chunks(x);
    const Index chunks = (x.cols + GramKernels<Real>::chunk - 1) / GramKernels<Real>::chunk;
    const Index summary_bytes = static_cast<Index>(packed.size() * sizeof(Real));
    const Partition partition = cut_rows(source.rows, source.cols * Index{sizeof(Real)}, summary_bytes);
    auto scratch = make_scratch<Real>(execution);
    std::vector<AlignedVector<Real>> products(y.data ? scratch.size() : 0);
    const auto total = run_pass(
        partition, execution, [&] { return AlignedVector<Real>(packed.size(), Real(0)); },
        [&](AlignedVector<Real>& sum, Index number, int worker) {
            const Index first = partition.first_row(number), count = partition.rows_in(number);
            const auto panel =
                read_rows<Real>(source, transform, first, count, scratch[static_cast<std::size_t>(worker)]);
            Real* product = nullptr;
            if (y.data) {
                auto& own = products[static_cast<std::size_t>(worker)];
                own.resize(static_cast<std::size_t>(count * chunks * GramKernels<Real>::chunk));
                product = own.data();
            }
            static_cast<const GramKernels<Real>&>(kernels()).gram(count, panel.cols, panel.data, panel.stride, chunks,
                                                                  packed.data(), sum.data(), product);
            if (product) unpack_chunks<Real>(product, y.rows_range(first, count));
        },
        [](AlignedVector<Real>& into, const AlignedVector<Real>& from) {
            for (std::size_t i = 0; i < into.size(); ++i) into[i] += from[i];
        });
    unpack_chunks<Real>(total.data(), z);
}

}  // namespace

template <class Scalar>
bool DenseOperator<Scalar>::fits_kernels(Index vectors) const {
    if constexpr (is_complex<Scalar>) return false;
    constexpr Index row_bytes = GramKernels<RealOf<Scalar>>::chunk * Index{sizeof(Scalar)};
    return 2 * source_.cols * row_bytes <= fused_cache_bytes && source_.row_major() && vectors <= most_fused_vectors;
}

template <class Scalar>
void DenseOperator<Scalar>::apply(ConstBlock<Scalar> x, Block<Scalar> y, const Execution& execution) {
    if constexpr (!is_complex<Scalar>)
        if (fits_kernels(x.cols)) return direct_product<Scalar>(source_, transform_, scale_, x, y, execution);
    const Partition partition = cut_rows(rows(), cols() * Index{sizeof(Scalar)}, 0);
    auto scratch = make_scratch<Scalar>(execution);
    parallel::run_tasks(partition.panels, execution, [&](Index number, int worker) {
        const Index first = partition.first_row(number), count = partition.rows_in(number);
        const auto panel =
            read_rows<Scalar>(source_, transform_, first, count, scratch[static_cast<std::size_t>(worker)]);
        panel_times(panel, scale_, x, y.data + first, y.stride);
    });
}

template <class Scalar>
bool DenseOperator<Scalar>::form(Block<Scalar> y, const Execution& execution) {
    const Partition partition = cut_rows(rows(), cols() * Index{sizeof(Scalar)}, 0);
    auto scratch = make_scratch<Scalar>(execution);
    parallel::run_tasks(partition.panels, execution, [&](Index number, int worker) {
        const Index first = partition.first_row(number), count = partition.rows_in(number);
        const auto panel =
            read_rows<Scalar>(source_, transform_, first, count, scratch[static_cast<std::size_t>(worker)]);
        const Index row_stride = panel.row_major ? panel.stride : 1, column_stride = panel.row_major ? 1 : panel.stride;
        for (Index j = 0; j < panel.cols; ++j)
            for (Index i = 0; i < count; ++i)
                y.column(j)[first + i] = scale_ * panel.data[i * row_stride + j * column_stride];
    });
    return true;
}

template <class Scalar>
void DenseOperator<Scalar>::apply_adjoint(ConstBlock<Scalar> x, Block<Scalar> y, const Execution& execution) {
    reduce_lanes<Scalar>(source_, x.cols, y, execution,
                         [&](Matrix<Scalar>& sum, Index first, Index count, Scratch<Scalar>& scratch) {
                             const auto panel = read_rows<Scalar>(source_, transform_, first, count, scratch);
                             scratch.product = x.rows_range(first, count).map();
                             add_panel_adjoint_times<Scalar>(panel, scale_, scratch.product.data(), count, x.cols, sum);
                         });
}

template <class Scalar>
void DenseOperator<Scalar>::apply_with_gram(ConstBlock<Scalar> x, Block<Scalar> y, Block<Scalar> z,
                                            const Execution& execution) {
    if constexpr (!is_complex<Scalar>)
        if (fuses(x.cols)) return fused_gram<Scalar>(source_, transform_, x, y, z, execution);
    reduce_lanes<Scalar>(source_, x.cols, z, execution,
                         [&](Matrix<Scalar>& sum, Index first, Index count, Scratch<Scalar>& scratch) {
                             const auto panel = read_rows<Scalar>(source_, transform_, first, count, scratch);
                             scratch.product.resize(count, x.cols);
                             panel_times(panel, scale_, x, scratch.product.data(), count);
                             if (y.data) y.rows_range(first, count).map() = scratch.product;
                             add_panel_adjoint_times<Scalar>(panel, scale_, scratch.product.data(), count, x.cols, sum);
                         });
}

template <class Scalar>
void DenseOperator<Scalar>::apply_gram(ConstBlock<Scalar> x, Block<Scalar> z, const Execution& execution) {
    apply_with_gram(x, Block<Scalar>(), z, execution);
}

template class DenseOperator<float>;
template class DenseOperator<double>;
template class DenseOperator<complex64>;
template class DenseOperator<complex128>;

}  // namespace eigenscope
