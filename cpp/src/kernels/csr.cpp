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

constexpr int cache_line = 64;
/// Cache lines of block rows that are fetched ahead: what a core keeps under way, and the memory latency takes.
constexpr int lines_ahead = 48;

/// How many nonzeros ahead W reals of a block row are fetched.
template <class Real, int W>
constexpr std::int64_t lookahead() {
    constexpr int lines = W * static_cast<int>(sizeof(Real)) / cache_line;
    return lines_ahead / (lines > 1 ? lines : 1);
}

#define EIGENSCOPE_PREFETCH_ROW(a, p, x)                                                  \
    if ((p) + lookahead<Real, W>() < (a).end)                                             \
        for (int real = 0; real < W; real += cache_line / static_cast<int>(sizeof(Real))) \
    EIGENSCOPE_PREFETCH((x) + static_cast<std::int64_t>((a).columns[(p) + lookahead<Real, W>()]) * (a).stride + real)

/// Sum of a_p x[column_p] for W reals of a block row.
template <class Scalar, int W>
struct Sum {
    Chunk<Scalar, W> sum;

    void add(const Scalar* value, const Chunk<Scalar, W>& x) { sum.add(*value, x); }
    void add(const Sum& other) { sum.add(other.sum); }
    Chunk<Scalar, W> value() const { return sum; }
};
/// The products with real and imaginary parts of a_p apart: (a + ib)(c + id) from the pairs (ac, ad) and (bc, bd).
template <class Real, int W>
struct Sum<Complex<Real>, W> {
    Chunk<Real, W> by_real, by_imaginary;

    void add(const Real* value, const Chunk<Real, W>& x) {
        by_real.add(value[0], x);
        by_imaginary.add(value[1], x);
    }
    void add(const Sum& other) {
        by_real.add(other.by_real);
        by_imaginary.add(other.by_imaginary);
    }
    Chunk<Real, W> value() const {
        Real direct[W], turned[W], t[W];
        by_real.store(direct);
        by_imaginary.store(turned);
        for (int k = 0; k < W; k += 2) {
            t[k] = direct[k] - turned[k + 1];
            t[k + 1] = direct[k + 1] + turned[k];
        }
        return Chunk<Real, W>::load(t);
    }
};

/// Bytes of the widest chunk whose two sums leave registers for the operands: 8 of at least 16. Complex sums are
/// double, so their chunks are half as wide.
constexpr int chunk_bytes = 4 * register_bytes;

/// sum_p a_p x[column_p] over the nonzeros p of one row, for W reals of the block row, as two sums over even and odd p
/// that need not wait for each other. A chunk twice as wide has one sum, of enough registers not to wait.
template <int W, class Scalar, class IndexType, class Real>
EIGENSCOPE_ALWAYS_INLINE Chunk<Real, W> gather(const Rows<Scalar, IndexType>& a, std::int64_t row, const Real* x) {
    constexpr int parts = Parts<Scalar>::count;
    const auto block_row = [&](std::int64_t p) {
        return Chunk<Real, W>::load(x + static_cast<std::int64_t>(a.columns[p]) * a.stride);
    };
    constexpr bool is_wide = W * static_cast<int>(sizeof(Real)) * parts > chunk_bytes;
    Sum<Scalar, W> even{}, odd{};
    std::int64_t p = static_cast<std::int64_t>(a.row_start[row]);
    const std::int64_t last = static_cast<std::int64_t>(a.row_start[row + 1]);
    for (; p + 1 < last; p += 2) {
        EIGENSCOPE_PREFETCH_ROW(a, p, x);
        EIGENSCOPE_PREFETCH_ROW(a, p + 1, x);
        even.add(a.values + p * parts, block_row(p));
        (is_wide ? even : odd).add(a.values + (p + 1) * parts, block_row(p + 1));
    }
    if (p < last) {
        EIGENSCOPE_PREFETCH_ROW(a, p, x);
        even.add(a.values + p * parts, block_row(p));
    }
    if constexpr (!is_wide) even.add(odd);
    return even.value();
}

/// conj(a_p) t, added to W reals of a block row.
template <class Scalar, int W>
struct Factor {
    Chunk<Scalar, W> t;

    explicit Factor(const Scalar* source) : t(Chunk<Scalar, W>::load(source)) {}
    void add_to(Scalar* target, const Scalar* value) const {
        auto sum = Chunk<Scalar, W>::load(target);
        sum.add(*value, t);
        sum.store(target);
    }
};
/// conj(a) t = Re(a) t + Im(a) (-i t)
template <class Real, int W>
struct Factor<Complex<Real>, W> {
    Chunk<Real, W> direct, turned;

    explicit Factor(const Real* source) : direct(Chunk<Real, W>::load(source)) {
        Real pairs[W];
        for (int k = 0; k < W; k += 2) {
            pairs[k] = source[k + 1];
            pairs[k + 1] = -source[k];
        }
        turned = Chunk<Real, W>::load(pairs);
    }
    void add_to(Real* target, const Real* value) const {
        auto sum = Chunk<Real, W>::load(target);
        sum.add(value[0], direct);
        sum.add(value[1], turned);
        sum.store(target);
    }
};

/// z[column_p] += conj(a_p) t over the nonzeros p of one row, for W reals of the block row.
template <int W, class Scalar, class IndexType, class Real>
inline void scatter(const Rows<Scalar, IndexType>& a, std::int64_t row, const Real* t, Real* z) {
    constexpr int parts = Parts<Scalar>::count;
    const Factor<Scalar, W> factor(t);
    const std::int64_t last = static_cast<std::int64_t>(a.row_start[row + 1]);
    for (std::int64_t p = static_cast<std::int64_t>(a.row_start[row]); p < last; ++p) {
        EIGENSCOPE_PREFETCH_ROW(a, p, z);
        factor.add_to(z + static_cast<std::int64_t>(a.columns[p]) * a.stride, a.values + p * parts);
    }
}

#undef EIGENSCOPE_PREFETCH_ROW

/// body<W>(pieces) for the widest W that cuts `width` reals into equal pieces.
template <int W, int smallest, class Body>
inline void for_whole_rows(std::int64_t width, const Body& body) {
    if constexpr (W > smallest)
        if (width % W != 0) return for_whole_rows<W / 2, smallest>(width, body);
    body.template operator()<W>(width / W);
}

template <class Scalar, class IndexType>
struct Csr {
    using Real = typename Parts<Scalar>::Real;
    static constexpr int parts = Parts<Scalar>::count;
    static constexpr int chunk = chunk_bytes / static_cast<int>(sizeof(Real)) / parts;

    static Rows<Scalar, IndexType> view(std::int64_t last, const IndexType* row_start, const IndexType* columns,
                                        const Scalar* values, std::int64_t width) {
        return {row_start, columns, reinterpret_cast<const Real*>(values), static_cast<std::int64_t>(row_start[last]),
                width * parts};
    }

    static void times(std::int64_t first, std::int64_t last, const IndexType* row_start, const IndexType* columns,
                      const Scalar* values, const Scalar* x, std::int64_t width, Scalar* y) {
        const auto a = view(last, row_start, columns, values, width);
        const Real* source = reinterpret_cast<const Real*>(x);
        Real* target = reinterpret_cast<Real*>(y);
        for (std::int64_t row = first; row < last; ++row, target += a.stride)
            for_chunks<2 * chunk, parts>(0, a.stride, [&]<int W>(std::int64_t offset) {
                gather<W>(a, row, source + offset).store(target + offset);
            });
    }

    static void adjoint(std::int64_t first, std::int64_t last, const IndexType* row_start, const IndexType* columns,
                        const Scalar* values, const Scalar* x, std::int64_t width, Scalar* y) {
        const auto a = view(last, row_start, columns, values, width);
        const Real* source = reinterpret_cast<const Real*>(x);
        Real* target = reinterpret_cast<Real*>(y);
        for (std::int64_t row = first; row < last; ++row, source += a.stride)
            for_chunks<chunk, parts>(
                0, a.stride, [&]<int W>(std::int64_t offset) { scatter<W>(a, row, source + offset, target + offset); });
    }

    static void gram(std::int64_t first, std::int64_t last, const IndexType* row_start, const IndexType* columns,
                     const Scalar* values, const Scalar* x, std::int64_t width, Scalar* y, Scalar* product) {
        const auto a = view(last, row_start, columns, values, width);
        const Real* source = reinterpret_cast<const Real*>(x);
        Real* target = reinterpret_cast<Real*>(y);
        Real* kept = reinterpret_cast<Real*>(product);
        for (std::int64_t row = first; row < last; ++row) {
            for_chunks<chunk, parts>(0, a.stride, [&]<int W>(std::int64_t offset) {
                Real t[W];
                const auto sum = gather<W>(a, row, source + offset);
                sum.store(t);
                if (kept) sum.store(kept + offset);
                scatter<W>(a, row, t, target + offset);
            });
            if (kept) kept += a.stride;
        }
    }

    static void recur(std::int64_t first, std::int64_t last, const IndexType* row_start, const IndexType* columns,
                      const Scalar* values, const Scalar* x, std::int64_t width, const RecurrenceStep& step,
                      Scalar* z) {
        const auto a = view(last, row_start, columns, values, width);
        const Real* source = reinterpret_cast<const Real*>(x);
        Real* target = reinterpret_cast<Real*>(z) + first * a.stride;
        const Real alpha = static_cast<Real>(step.alpha), beta = static_cast<Real>(step.beta),
                   gamma = static_cast<Real>(step.gamma);
        for_whole_rows<2 * chunk, parts>(a.stride, [&]<int W>(std::int64_t pieces) {
            for (std::int64_t row = first; row < last; ++row, target += a.stride)
                for (std::int64_t offset = 0; offset < pieces * W; offset += W) {
                    Chunk<Real, W> sum{};
                    sum.add(alpha, gather<W>(a, row, source + offset));
                    sum.add(beta, Chunk<Real, W>::load(source + row * a.stride + offset));
                    sum.add(gamma, Chunk<Real, W>::load(target + offset));
                    sum.store(target + offset);
                }
        });
    }

    static void lanczos(std::int64_t first, std::int64_t last, const IndexType* row_start, const IndexType* columns,
                        const Scalar* values, const Scalar* x, std::int64_t width, double alpha, const Scalar* coupling,
                        Scalar* z, double* products) {
        const auto a = view(last, row_start, columns, values, width);
        const Real* source = reinterpret_cast<const Real*>(x);
        const Real* factors = reinterpret_cast<const Real*>(coupling);
        Real* target = reinterpret_cast<Real*>(z) + first * a.stride;
        for_whole_rows<2 * chunk, parts>(a.stride, [&]<int W>(std::int64_t pieces) {
            for (std::int64_t row = first; row < last; ++row, target += a.stride)
                for (std::int64_t offset = 0; offset < pieces * W; offset += W) {
                    Chunk<Real, W> sum{};
                    sum.add(static_cast<Real>(alpha), gather<W>(a, row, source + offset));
                    sum.subtract(Chunk<Real, W>::load(factors + offset).times(Chunk<Real, W>::load(target + offset)));
                    sum.store(target + offset);
                    Real entries[W];
                    sum.times(Chunk<Real, W>::load(source + row * a.stride + offset)).store(entries);
                    for (int k = 0; k < W; ++k) products[offset + k] += static_cast<double>(entries[k]);
                }
        });
    }

    static void add(CsrKernels<Scalar, IndexType>& table) {
        table.lanczos = lanczos;
        table.recur = recur;
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
