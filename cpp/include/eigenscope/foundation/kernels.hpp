// The inner loops that are compiled once per instruction set and chosen when the program runs. Plain pointers
// only: this header is read by translation units with different flags, which must share nothing but layouts.
#pragma once

#include <cstdint>

namespace eigenscope {

/// Real and imaginary part side by side: the layout of std::complex, without its code.
template <class Real>
struct Complex {
    Real real;
    Real imaginary;
};

/// Coefficients of one step of a three-term recurrence, z := alpha A x + beta x + gamma z.
struct RecurrenceStep {
    double alpha;
    double beta;
    double gamma;
};

/// Compressed sparse rows (row_start, columns, values) times row-major blocks of `width` columns, for the rows
/// first … last - 1 = i of the matrix. x[j] is row j of a block, a_ij the values of row i.
template <class Scalar, class IndexType>
struct CsrKernels {
    using Product = void (*)(std::int64_t first, std::int64_t last, const IndexType* row_start,
                             const IndexType* columns, const Scalar* values, const Scalar* x, std::int64_t width,
                             Scalar* y);
    /// y[i - first] = sum_j a_ij x[j].
    Product times;
    /// y[j] += conj(a_ij) x[i - first] for every i and j.
    Product adjoint;
    /// y[j] += conj(a_ij) t_i, t_i = sum_l a_il x[l], for every i and j: the matrix is read once. t_i goes to
    /// product[i - first], unless that is null.
    void (*gram)(std::int64_t first, std::int64_t last, const IndexType* row_start, const IndexType* columns,
                 const Scalar* values, const Scalar* x, std::int64_t width, Scalar* y, Scalar* product);
    /// z[i] = alpha sum_j a_ij x[j] + beta x[i] + gamma z[i].
    void (*recur)(std::int64_t first, std::int64_t last, const IndexType* row_start, const IndexType* columns,
                  const Scalar* values, const Scalar* x, std::int64_t width, const RecurrenceStep& step, Scalar* z);
    /// z[i] = alpha sum_j a_ij x[j] - coupling z[i], and products += Re(conj(x[i]) z[i]); `coupling` and `products`
    /// hold a number per real of a block row, two for a complex column.
    void (*lanczos)(std::int64_t first, std::int64_t last, const IndexType* row_start, const IndexType* columns,
                    const Scalar* values, const Scalar* x, std::int64_t width, double alpha, const Scalar* coupling,
                    Scalar* z, double* products);
};

/// Between a column-major rows x width block with columns `stride` apart and a contiguous row-major one.
template <class Scalar>
struct TransposeKernels {
    void (*to_row_major)(std::int64_t rows, std::int64_t width, const Scalar* columns, std::int64_t stride,
                         Scalar* packed);
    void (*to_column_major)(std::int64_t rows, std::int64_t width, const Scalar* packed, Scalar* columns,
                            std::int64_t stride);
};

/// Products with a dense row-major A (rows x cols, rows `stride` apart). Blocks of vectors hold `chunks` pieces of
/// `chunk` columns, each piece contiguous and row-major: a row of a piece is one cache line.
template <class Real>
struct GramKernels {
    static constexpr int chunk = 64 / static_cast<int>(sizeof(Real));
    /// y = A x; row i of piece c of y is at y + (c * y_rows + i) * chunk.
    void (*times)(std::int64_t rows, std::int64_t cols, const Real* a, std::int64_t stride, std::int64_t chunks,
                  const Real* x, std::int64_t y_rows, Real* y);
    /// z += A^T (A x); A x goes to `product`, pieces of rows x `chunk`, unless that is null.
    void (*gram)(std::int64_t rows, std::int64_t cols, const Real* a, std::int64_t stride, std::int64_t chunks,
                 const Real* x, Real* z, Real* product);
};

/// Bulge chasing on the lower triangle of a symmetric band matrix, column by column: a_ij is
/// band[(i - j) + j stride] with stride >= 2 bandwidth + lanes, so that bulges and scratch fit. Rows and columns beyond
/// the matrix are zero, at least 2 bandwidth of them.
struct BulgeKernels {
    static constexpr int lanes = 8;
    static constexpr int bandwidth = 64;
    /// Steps first_step … last_step - 1 of one sweep: step 0 clears column `sweep` below its first subdiagonal, step
    /// k moves what that created k blocks down. The reflector I - tau v v^T of step k is v and tau, bandwidth + 1
    /// numbers, at reflectors + k reflector_stride; with stride 0 only the last one is kept, which the next step needs.
    void (*chase)(double* band, std::int64_t stride, std::int64_t sweep, std::int64_t first_step,
                  std::int64_t last_step, double* reflectors, std::int64_t reflector_stride);
};

/// One step of a three-term recurrence, `count` reals at a time; complex columns are reals of twice the length.
template <class Real>
struct RecurrenceKernels {
    /// sum_i x_i y_i, partial sums in Real and their total in double: meant for a few thousand numbers at a time.
    double (*dot)(std::int64_t count, const Real* x, const Real* y);
    /// previous := a product - b current - c previous; returns the sum of its squares, added like `dot`.
    double (*advance)(std::int64_t count, Real a, const Real* product, Real b, const Real* current, Real c,
                      Real* previous);
    /// next := a next - b current for every column of row-major blocks with `width` reals per row; the sums of its
    /// squares are added to squares[j].
    void (*advance_rows)(std::int64_t rows, std::int64_t width, const Real* a, const Real* b, const Real* current,
                         Real* next, double* squares);
};

/// Products of long columns, `x_stride` and `y_stride` apart, with small matrices; meant for a few thousand rows at a
/// time, which are summed in Real.
template <class Real>
struct TallKernels {
    /// product[i + j * x_cols] = sum_r x_i[r] y_j[r].
    void (*inner)(std::int64_t rows, const Real* x, std::int64_t x_stride, std::int64_t x_cols, const Real* y,
                  std::int64_t y_stride, std::int64_t y_cols, Real* product);
    /// y_j[r] += sum_i c[i + j * c_stride] x_i[r].
    void (*add_product)(std::int64_t rows, const Real* x, std::int64_t x_stride, std::int64_t x_cols, const Real* c,
                        std::int64_t c_stride, Real* y, std::int64_t y_stride, std::int64_t y_cols);
};

struct RandomKernels {
    /// Philox4x64-10 of `count` counters that differ in word 1 alone: block i encrypts
    /// {counter[0], counter[1] + i, counter[2], counter[3]}; its word l goes to words[l * count + i].
    void (*philox)(const std::uint64_t* key, const std::uint64_t* counter, std::int64_t count, std::uint64_t* words);

    /// values[i] = Phi^-1((floor(words[i] / 2^11) + 1/2) 2^-53), the standard normal quantile.
    void (*normal)(const std::uint64_t* words, std::int64_t count, double* values);
};

/// The pointers of one instruction set, one base class per kind and type. Every kernel is sequential and computes
/// the same bits wherever it runs; between instruction sets, results agree to rounding (fused multiply-add).
struct Kernels : RandomKernels,
                 BulgeKernels,
                 TransposeKernels<float>,
                 TransposeKernels<double>,
                 TransposeKernels<Complex<float>>,
                 TransposeKernels<Complex<double>>,
                 GramKernels<float>,
                 GramKernels<double>,
                 RecurrenceKernels<float>,
                 RecurrenceKernels<double>,
                 TallKernels<float>,
                 TallKernels<double>,
                 CsrKernels<float, std::int32_t>,
                 CsrKernels<float, std::int64_t>,
                 CsrKernels<double, std::int32_t>,
                 CsrKernels<double, std::int64_t>,
                 CsrKernels<Complex<float>, std::int32_t>,
                 CsrKernels<Complex<float>, std::int64_t>,
                 CsrKernels<Complex<double>, std::int32_t>,
                 CsrKernels<Complex<double>, std::int64_t> {};

/// The kernels for this processor, or those that EIGENSCOPE_INSTRUCTION_SET = baseline, v3 or v4 asks for;
/// throws InvalidInput when that one is unknown, not built, or not supported here. Decided at the first call.
const Kernels& kernels();

/// The kernels of one instruction set, or null when it is unknown, not built, or not supported here.
const Kernels* kernels_for(const char* instruction_set);

/// The name of what kernels() returns.
const char* instruction_set();

}  // namespace eigenscope
