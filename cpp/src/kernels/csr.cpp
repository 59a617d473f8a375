// Compressed sparse rows times a row-major block. A block row is taken in chunks of W reals that stay in registers;
// complex numbers are pairs of reals, so that every inner loop runs over neighbouring reals.
#include "arithmetic.hpp"
#include "topics.hpp"

namespace eigenscope::EIGENSCOPE_KERNEL_NAMESPACE {
namespace {

/// The real type of a scalar and how many of them make one.
template <class Scalar>
struct Parts {
    using Real = Scalar;
    static constexpr int count = 1;
};
template <class Element>
struct Parts<Complex<Element>> {
    using Real = Element;
    static constexpr int count = 2;
};

/// The sparse matrix seen as reals; `end` is one past the last nonzero that may be looked at.
template <class Scalar, class IndexType>
struct Rows {
    using Real = typename Parts<Scalar>::Real;
    static constexpr int parts = Parts<Scalar>::count;
    const IndexType* row_start;
    const IndexType* columns;
    const Real* values;
    std::int64_t end;
    std::int64_t stride;  // reals per block row
};

/// How many nonzeros ahead the block rows are fetched: about the memory latency.
constexpr std::int64_t lookahead = 16;
constexpr int cache_line = 64;

template <int W, class Scalar, class IndexType, class Real>
inline void prefetch_row(const Rows<Scalar, IndexType>& a, std::int64_t p, const Real* x) {
    if (p + lookahead >= a.end) return;
    const Real* row = x + static_cast<std::int64_t>(a.columns[p + lookahead]) * a.stride;
    for (int byte = 0; byte < W * static_cast<int>(sizeof(Real)); byte += cache_line)
        prefetch(reinterpret_cast<const char*>(row) + byte);
}

/// t = sum_p a_p x[column_p] over the nonzeros p of one row, for W reals of the block row. Narrow chunks keep
/// several sums, one per nonzero modulo `ways`, so that additions need not wait for one another.
template <int W, class Scalar, class IndexType, class Real>
inline void gather(const Rows<Scalar, IndexType>& a, std::int64_t row, const Real* x, Real* t) {
    using Reals = Chunk<Real, W>;
    constexpr int parts = Parts<Scalar>::count;
    constexpr int ways = Reals::count >= 4 ? 1 : 4 / Reals::count;
    Reals sums[ways][parts];
    for (auto& way : sums)
        for (Reals& sum : way) sum = Reals::zero();
    std::int64_t p = static_cast<std::int64_t>(a.row_start[row]);
    const std::int64_t last = static_cast<std::int64_t>(a.row_start[row + 1]);
    for (; p + ways <= last; p += ways)
        for (int way = 0; way < ways; ++way) {
            prefetch_row<W>(a, p + way, x);
            const Reals source = Reals::load(x + static_cast<std::int64_t>(a.columns[p + way]) * a.stride);
            for (int part = 0; part < parts; ++part) sums[way][part].add(a.values[(p + way) * parts + part], source);
        }
    for (; p < last; ++p) {
        const Reals source = Reals::load(x + static_cast<std::int64_t>(a.columns[p]) * a.stride);
        for (int part = 0; part < parts; ++part) sums[0][part].add(a.values[p * parts + part], source);
    }
    for (int way = 1; way < ways; ++way)
        for (int part = 0; part < parts; ++part) sums[0][part].add(sums[way][part]);
    if constexpr (parts == 1) {
        sums[0][0].store(t);
    } else {
        // (a + ib)(c + id): the two sums hold the pairs (a c, a d) and (b c, b d).
        Real by_real[W], by_imaginary[W];
        sums[0][0].store(by_real);
        sums[0][1].store(by_imaginary);
        for (int k = 0; k < W; k += 2) {
            t[k] = by_real[k] - by_imaginary[k + 1];
            t[k + 1] = by_real[k + 1] + by_imaginary[k];
        }
    }
}

/// z[column_p] += conj(a_p) t over the nonzeros p of one row, for W reals of the block row.
template <int W, class Scalar, class IndexType, class Real>
inline void scatter(const Rows<Scalar, IndexType>& a, std::int64_t row, const Real* t, Real* z) {
    using Reals = Chunk<Real, W>;
    constexpr int parts = Parts<Scalar>::count;
    Reals factors[parts] = {Reals::load(t)};
    if constexpr (parts == 2) {
        // conj(a) t = Re(a) t + Im(a) (-i t)
        Real turned[W];
        for (int k = 0; k < W; k += 2) {
            turned[k] = t[k + 1];
            turned[k + 1] = -t[k];
        }
        factors[1] = Reals::load(turned);
    }
    const std::int64_t last = static_cast<std::int64_t>(a.row_start[row + 1]);
    for (std::int64_t p = static_cast<std::int64_t>(a.row_start[row]); p < last; ++p) {
        prefetch_row<W>(a, p, z);
        Real* target = z + static_cast<std::int64_t>(a.columns[p]) * a.stride;
        Reals sum = Reals::load(target);
        for (int part = 0; part < parts; ++part) sum.add(a.values[p * parts + part], factors[part]);
        sum.store(target);
    }
}

/// body<W>(offset) for chunks of W reals that cover `width` reals: as many of the widest as fit, then halves.
template <int W, int smallest, class Body>
inline void for_chunks(std::int64_t offset, std::int64_t width, const Body& body) {
    for (; offset + W <= width; offset += W) body.template operator()<W>(offset);
    if constexpr (W > smallest)
        if (offset < width) for_chunks<W / 2, smallest>(offset, width, body);
}

/// Bytes of the widest chunk: its sums, twice as many for complex numbers, stay below the 16 vector registers.
constexpr int chunk_bytes = 8 * (register_bytes < 32 ? register_bytes : 32);

template <class Scalar, class IndexType>
struct Csr {
    using Real = typename Parts<Scalar>::Real;
    static constexpr int parts = Parts<Scalar>::count;
    static constexpr int chunk = chunk_bytes / static_cast<int>(sizeof(Real)) / parts;

    static Rows<Scalar, IndexType> view(std::int64_t last, const IndexType* row_start, const IndexType* columns,
                                        const Scalar* values, std::int64_t width) {
        return {row_start, columns, reinterpret_cast<const Real*>(values),
                static_cast<std::int64_t>(row_start[last]), width * parts};
    }

    static void times(std::int64_t first, std::int64_t last, const IndexType* row_start, const IndexType* columns,
                      const Scalar* values, const Scalar* x, std::int64_t width, Scalar* y) {
        const auto a = view(last, row_start, columns, values, width);
        const Real* source = reinterpret_cast<const Real*>(x);
        Real* target = reinterpret_cast<Real*>(y);
        for (std::int64_t row = first; row < last; ++row, target += a.stride)
            for_chunks<chunk, parts>(0, a.stride, [&]<int W>(std::int64_t offset) {
                gather<W>(a, row, source + offset, target + offset);
            });
    }

    static void adjoint(std::int64_t first, std::int64_t last, const IndexType* row_start, const IndexType* columns,
                        const Scalar* values, const Scalar* x, std::int64_t width, Scalar* y) {
        const auto a = view(last, row_start, columns, values, width);
        const Real* source = reinterpret_cast<const Real*>(x);
        Real* target = reinterpret_cast<Real*>(y);
        for (std::int64_t row = first; row < last; ++row, source += a.stride)
            for_chunks<chunk, parts>(0, a.stride, [&]<int W>(std::int64_t offset) {
                scatter<W>(a, row, source + offset, target + offset);
            });
    }

    static void gram(std::int64_t first, std::int64_t last, const IndexType* row_start, const IndexType* columns,
                     const Scalar* values, const Scalar* x, std::int64_t width, Scalar* y) {
        const auto a = view(last, row_start, columns, values, width);
        const Real* source = reinterpret_cast<const Real*>(x);
        Real* target = reinterpret_cast<Real*>(y);
        for (std::int64_t row = first; row < last; ++row)
            for_chunks<chunk, parts>(0, a.stride, [&]<int W>(std::int64_t offset) {
                Real t[W];
                gather<W>(a, row, source + offset, t);
                scatter<W>(a, row, t, target + offset);
            });
    }

    static void add(CsrKernels<Scalar, IndexType>& table) {
        table.times = times;
        table.adjoint = adjoint;
        table.gram = gram;
    }
};

template <class Scalar>
void add_both_widths(Kernels& table) {
    Csr<Scalar, std::int32_t>::add(table);
    Csr<Scalar, std::int64_t>::add(table);
}

}  // namespace

void add_csr(Kernels& table) {
    add_both_widths<float>(table);
    add_both_widths<double>(table);
    add_both_widths<Complex<float>>(table);
    add_both_widths<Complex<double>>(table);
}

}  // namespace eigenscope::EIGENSCOPE_KERNEL_NAMESPACE
