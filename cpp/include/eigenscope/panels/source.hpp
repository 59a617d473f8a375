// Dense data of any element type and any strides, read panel by panel along the sample axis. Casting, byte
// swapping, selection, centring and scaling happen while a panel is read; the data are never copied whole.
#pragma once

#include <cstddef>
#include <eigenscope/foundation/types.hpp>

namespace eigenscope {

class StoredRows;

enum class ElementType {
    boolean,
    int8,
    int16,
    int32,
    int64,
    uint8,
    uint16,
    uint32,
    uint64,
    float16,
    float32,
    float64,
    complex_single,
    complex_double
};

/// Where the data lie. Strides are in bytes and may be negative; the optional indices select rows and columns.
struct DenseSource {
    const std::byte* data = nullptr;
    ElementType type = ElementType::float64;
    bool byte_swapped = false;
    Index rows = 0;
    Index cols = 0;
    Index row_stride = 0;
    Index column_stride = 0;
    const Index* row_index = nullptr;
    const Index* column_index = nullptr;
    /// Rows to be fetched from elsewhere; `data` is then null and rows are the faster way.
    StoredRows* stored = nullptr;
    /// Data are the pages of a file: fetched ahead of a panel and given back behind it.
    bool pages_of_file = false;

    Index source_row(Index i) const { return row_index ? row_index[i] : i; }
    Index source_column(Index j) const { return column_index ? column_index[j] : j; }
    /// Rows are the faster way through memory.
    bool row_major() const;
    DenseSource transposed() const;
};

/// What is done to every element of column j: (x - shift[j] - shift_remainder[j]) * factor[j]; the remainder is what
/// rounding took from the shift.
struct ColumnTransform {
    const double* shift = nullptr;
    const double* factor = nullptr;
    const double* shift_remainder = nullptr;

    bool is_identity() const { return !shift && !factor; }
};

/// Rows of the source in the scalar of the computation: element (i, j) at data[i * row_stride + j * column_stride],
/// one of the strides being 1.
template <class Scalar>
struct Panel {
    const Scalar* data = nullptr;
    Index rows = 0;
    Index cols = 0;
    Index stride = 0;
    bool row_major = true;
};

/// Whether panels can be read where they lie, without scratch.
template <class Scalar>
bool readable_in_place(const DenseSource& source, const ColumnTransform& transform);

/// Read rows [first_row, first_row + rows) x columns [first_column, first_column + cols) into `scratch` (at least
/// rows * cols elements, ordered as the source), or return a view of the source when that is possible.
template <class Scalar>
Panel<Scalar> read_panel(const DenseSource& source, Index first_row, Index rows, Index first_column, Index cols,
                         const ColumnTransform& transform, Scalar* scratch);

}  // namespace eigenscope
