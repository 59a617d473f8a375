#include "arithmetic.hpp"
#include "topics.hpp"

namespace eigenscope::EIGENSCOPE_KERNEL_NAMESPACE {
namespace {

/// Rows taken together: one cache line of every column for doubles.
constexpr std::int64_t tile = 8;

template <class Scalar>
void to_row_major(std::int64_t rows, std::int64_t width, const Scalar* EIGENSCOPE_RESTRICT columns, std::int64_t stride,
                  Scalar* EIGENSCOPE_RESTRICT packed) {
    std::int64_t row = 0;
    for (; row + tile <= rows; row += tile)
        for (std::int64_t j = 0; j < width; ++j)
            for (std::int64_t i = 0; i < tile; ++i) packed[(row + i) * width + j] = columns[row + i + j * stride];
    for (; row < rows; ++row)
        for (std::int64_t j = 0; j < width; ++j) packed[row * width + j] = columns[row + j * stride];
}

template <class Scalar>
void to_column_major(std::int64_t rows, std::int64_t width, const Scalar* EIGENSCOPE_RESTRICT packed,
                     Scalar* EIGENSCOPE_RESTRICT columns, std::int64_t stride) {
    std::int64_t row = 0;
    for (; row + tile <= rows; row += tile)
        for (std::int64_t j = 0; j < width; ++j)
            for (std::int64_t i = 0; i < tile; ++i) columns[row + i + j * stride] = packed[(row + i) * width + j];
    for (; row < rows; ++row)
        for (std::int64_t j = 0; j < width; ++j) columns[row + j * stride] = packed[row * width + j];
}

template <class Scalar>
void add(TransposeKernels<Scalar>& table) {
    table.to_row_major = to_row_major<Scalar>;
    table.to_column_major = to_column_major<Scalar>;
}

}  // namespace

void add_transpose(Kernels& table) {
    add<float>(table);
    add<double>(table);
    add<Complex<float>>(table);
    add<Complex<double>>(table);
}

}  // namespace eigenscope::EIGENSCOPE_KERNEL_NAMESPACE
