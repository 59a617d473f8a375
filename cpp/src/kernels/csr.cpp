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
    constexpr int parts = Parts<Scalar>::count;
    constexpr int ways = W >= 16 ? 1 : (W >= 8 ? 2 : 4);
    Real sums[ways][parts][W] = {};
    const auto add = [&](int way, std::int64_t p) {
        const Real* source = x + static_cast<std::int64_t>(a.columns[p]) * a.stride;
        for (int part = 0; part < parts; ++part) {
            const Real value = a.values[p * parts + part];
            for (int k = 0; k < W; ++k) sums[way][part][k] = multiply_add(value, source[k], sums[way][part][k]);
        }
    };
    std::int64_t p = static_cast<std::int64_t>(a.row_start[row]);
    const std::int64_t last = static_cast<std::int64_t>(a.row_start[row + 1]);
    for (; p + ways <= last; p += ways)
        for (int way = 0; way < ways; ++way) {
            prefetch_row<W>(a, p + way, x);
            add(way, p + way);
        }
    for (; p < last; ++p) add(0, p);
    for (int way = 1; way < ways; ++way)
        for (int part = 0; part < parts; ++part)
            for (int k = 0; k < W; ++k) sums[0][part][k] += sums[way][part][k];
    if constexpr (parts == 1) {
        for (int k = 0; k < W; ++k) t[k] = sums[0][0][k];
    } else {
        // (a + ib)(c + id): the sums hold a c, a d and b c, b d.
        for (int k = 0; k < W; k += 2) {
            t[k] = sums[0][0][k] - sums[0][1][k + 1];
            t[k + 1] = sums[0][0][k + 1] + sums[0][1][k];
        }
    }
}

/// z[column_p] += conj(a_p) t over the nonzeros p of one row, for W reals of the block row.
template <int W, class Scalar, class IndexType, class Real>
inline void scatter(const Rows<Scalar, IndexType>& a, std::int64_t row, const Real* t, Real* z) {
    constexpr int parts = Parts<Scalar>::count;
    Real direct[W];
    [[maybe_unused]] Real turned[W];  // -i t, which Im a multiplies in conj(a) t
    for (int k = 0; k < W; ++k) direct[k] = t[k];
    if constexpr (parts == 2)
        for (int k = 0; k < W; k += 2) {
            turned[k] = t[k + 1];
            turned[k + 1] = -t[k];
        }
    const std::int64_t last = static_cast<std::int64_t>(a.row_start[row + 1]);
    for (std::int64_t p = static_cast<std::int64_t>(a.row_start[row]); p < last; ++p) {
        prefetch_row<W>(a, p, z);
        Real* target = z + static_cast<std::int64_t>(a.columns[p]) * a.stride;
        const Real value = a.values[p * parts];
        for (int k = 0; k < W; ++k) target[k] = multiply_add(value, direct[k], target[k]);
        if constexpr (parts == 2) {
            const Real imaginary = a.values[p * parts + 1];
            for (int k = 0; k < W; ++k) target[k] = multiply_add(imaginary, turned[k], target[k]);
        }
    }
}

/// body<W>(offset) for chunks of W reals that cover `width` reals: as many of the widest as fit, then halves.
template <int W, int smallest, class Body>
inline void for_chunks(std::int64_t offset, std::int64_t width, const Body& body) {
    for (; offset + W <= width; offset += W) body.template operator()<W>(offset);
    if constexpr (W > smallest)
        if (offset < width) for_chunks<W / 2, smallest>(offset, width, body);
}

/// Reals per chunk: all sums of the widest fit the vector registers.
template <class Scalar>
constexpr int widest() {
#ifdef __AVX2__
    constexpr int register_bytes = 256;
#else
    constexpr int register_bytes = 128;
#endif
    return register_bytes / static_cast<int>(sizeof(Scalar));
}

template <class Scalar, class IndexType>
struct Csr {
    using Real = typename Parts<Scalar>::Real;
    static constexpr int parts = Parts<Scalar>::count;
    static constexpr int chunk = widest<Real>() / parts;

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
