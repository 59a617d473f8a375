#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <eigenscope/foundation/error.hpp>
#include <eigenscope/panels/source.hpp>
#include <eigenscope/panels/stored_rows.hpp>
#include <vector>

#ifdef __linux__
#include <sys/mman.h>
#include <unistd.h>
#endif

namespace eigenscope {

namespace {

/// IEEE 754 half precision, as it is stored.
struct Half {
    std::uint16_t bits;
};

float widen(Half half) {
    const std::uint32_t sign = static_cast<std::uint32_t>(half.bits & 0x8000u) << 16;
    const std::uint32_t exponent = (half.bits >> 10) & 0x1fu;
    const std::uint32_t fraction = half.bits & 0x3ffu;
    if (exponent == 0x1f) return std::bit_cast<float>(sign | 0x7f800000u | (fraction << 13));
    if (exponent == 0) {
        const float magnitude = std::ldexp(static_cast<float>(fraction), -24);
        return sign ? -magnitude : magnitude;
    }
    return std::bit_cast<float>(sign | ((exponent + 112u) << 23) | (fraction << 13));
}

template <class Stored, bool Swapped>
Stored load(const std::byte* address) {
    std::array<std::byte, sizeof(Stored)> bytes;
    std::memcpy(bytes.data(), address, sizeof(Stored));
    if constexpr (Swapped) {
        if constexpr (std::is_same_v<Stored, complex64> || std::is_same_v<Stored, complex128>) {
            std::reverse(bytes.begin(), bytes.begin() + sizeof(Stored) / 2);
            std::reverse(bytes.begin() + sizeof(Stored) / 2, bytes.end());
        } else {
            std::reverse(bytes.begin(), bytes.end());
        }
    }
    return std::bit_cast<Stored>(bytes);
}

template <class Scalar, class Stored>
Scalar convert(Stored value) {
    using Real = RealOf<Scalar>;
    if constexpr (std::is_same_v<Stored, Half>) {
        return static_cast<Scalar>(widen(value));
    } else if constexpr (is_complex<Scalar> && is_complex<Stored>) {
        return Scalar(static_cast<Real>(value.real()), static_cast<Real>(value.imag()));
    } else if constexpr (is_complex<Scalar>) {
        return Scalar(static_cast<Real>(value));
    } else if constexpr (!is_complex<Stored>) {
        return static_cast<Scalar>(value);
    } else {
        return static_cast<Scalar>(value.real());  // read_panel refuses complex data before it comes to this
    }
}

/// One line of the panel: `count` elements, `step` bytes apart in the source and contiguous in the panel.
template <class Scalar, class Stored, bool Swapped>
void read_line(const std::byte* from, Index step, Index count, Scalar* to) {
    if (step == static_cast<Index>(sizeof(Stored)))
        for (Index j = 0; j < count; ++j)
            to[j] = convert<Scalar>(load<Stored, Swapped>(from + j * Index{sizeof(Stored)}));
    else
        for (Index j = 0; j < count; ++j) to[j] = convert<Scalar>(load<Stored, Swapped>(from + j * step));
}

template <class Scalar, class Stored, bool Swapped>
void read_selected_line(const std::byte* from, Index step, const Index* index, Index count, Scalar* to) {
    for (Index j = 0; j < count; ++j) to[j] = convert<Scalar>(load<Stored, Swapped>(from + index[j] * step));
}

/// Call `body` with the stored type as a template argument.
template <class Body>
void with_stored_type(ElementType type, Body&& body) {
    switch (type) {
        case ElementType::boolean:
        case ElementType::uint8:
            return body.template operator()<std::uint8_t>();
        case ElementType::int8:
            return body.template operator()<std::int8_t>();
        case ElementType::int16:
            return body.template operator()<std::int16_t>();
        case ElementType::int32:
            return body.template operator()<std::int32_t>();
        case ElementType::int64:
            return body.template operator()<std::int64_t>();
        case ElementType::uint16:
            return body.template operator()<std::uint16_t>();
        case ElementType::uint32:
            return body.template operator()<std::uint32_t>();
        case ElementType::uint64:
            return body.template operator()<std::uint64_t>();
        case ElementType::float16:
            return body.template operator()<Half>();
        case ElementType::float32:
            return body.template operator()<float>();
        case ElementType::float64:
            return body.template operator()<double>();
        case ElementType::complex_single:
            return body.template operator()<complex64>();
        case ElementType::complex_double:
            return body.template operator()<complex128>();
    }
}

template <class Scalar>
constexpr ElementType element_type() {
    if constexpr (std::is_same_v<Scalar, float>) return ElementType::float32;
    if constexpr (std::is_same_v<Scalar, double>) return ElementType::float64;
    if constexpr (std::is_same_v<Scalar, complex64>) return ElementType::complex_single;
    return ElementType::complex_double;
}

bool holds_complex(ElementType type) {
    return type == ElementType::complex_single || type == ElementType::complex_double;
}

/// (x - shift) * factor. The shift is split into a leading part exact in Scalar and a remainder, so that float32
/// data with a mean 1e7 times their deviation lose nothing.
template <class Scalar>
struct SplitTransform {
    RealOf<Scalar> leading;
    RealOf<Scalar> remainder;
    RealOf<Scalar> factor;

    SplitTransform(const ColumnTransform& transform, Index column)
        : leading(transform.shift ? static_cast<RealOf<Scalar>>(transform.shift[column]) : RealOf<Scalar>(0)),
          remainder(static_cast<RealOf<Scalar>>(
              (transform.shift ? transform.shift[column] - static_cast<double>(leading) : 0.0) +
              (transform.shift_remainder ? transform.shift_remainder[column] : 0.0))),
          factor(transform.factor ? static_cast<RealOf<Scalar>>(transform.factor[column]) : RealOf<Scalar>(1)) {}

    Scalar operator()(Scalar x) const { return ((x - leading) - remainder) * factor; }
};

template <class Scalar>
void transform_rows(const ColumnTransform& transform, Index first_column, Index rows, Index cols, Scalar* panel) {
    using Real = RealOf<Scalar>;
    std::vector<Real> leading, remainder, factor;
    for (Index j = 0; j < cols; ++j) {
        const SplitTransform<Scalar> split(transform, first_column + j);
        leading.push_back(split.leading);
        remainder.push_back(split.remainder);
        factor.push_back(split.factor);
    }
    for (Index i = 0; i < rows; ++i) {
        Scalar* row = panel + i * cols;
        for (Index j = 0; j < cols; ++j) row[j] = ((row[j] - leading[j]) - remainder[j]) * factor[j];
    }
}

template <class Scalar>
void transform_columns(const ColumnTransform& transform, Index first_column, Index rows, Index cols, Scalar* panel) {
    for (Index j = 0; j < cols; ++j) {
        const SplitTransform<Scalar> split(transform, first_column + j);
        for (Index i = 0; i < rows; ++i) panel[i + j * rows] = split(panel[i + j * rows]);
    }
}

/// Tell the system that the pages of these rows are needed now, those of the next rows soon, and those of the rows
/// before no more: a pass over a file then holds a few panels in memory, whatever the size of the file.
void turn_pages([[maybe_unused]] const DenseSource& source, [[maybe_unused]] Index first_row,
                [[maybe_unused]] Index rows) {
#ifdef __linux__
    if (!source.row_major() || source.row_index || source.row_stride <= 0) return;
    static const auto page = static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE));
    const auto advise = [&](Index first, Index last, int advice) {
        first = std::clamp<Index>(first, 0, source.rows);
        last = std::clamp<Index>(last, 0, source.rows);
        // Whole pages inside the range; a refused advice costs nothing but memory.
        const auto begin =
            (reinterpret_cast<std::uintptr_t>(source.data + first * source.row_stride) + page - 1) / page;
        const auto end = reinterpret_cast<std::uintptr_t>(source.data + last * source.row_stride) / page;
        if (begin < end) madvise(reinterpret_cast<void*>(begin * page), (end - begin) * page, advice);
    };
    advise(first_row - 2 * rows, first_row, MADV_DONTNEED);
    advise(first_row + rows, first_row + 3 * rows, MADV_WILLNEED);
#ifdef MADV_POPULATE_READ
    advise(first_row, first_row + rows, MADV_POPULATE_READ);
#endif
#endif
}

}  // namespace

bool DenseSource::row_major() const {
    return std::abs(row_stride) >= std::abs(column_stride);
}

DenseSource DenseSource::transposed() const {
    if (stored) throw InvalidInput("rows that are fetched cannot be read as columns");
    return {data, type, byte_swapped, cols, rows, column_stride, row_stride, column_index, row_index, nullptr, false};
}

template <class Scalar>
bool readable_in_place(const DenseSource& source, const ColumnTransform& transform) {
    constexpr Index size = sizeof(Scalar);
    const Index fast = source.row_major() ? source.column_stride : source.row_stride;
    const Index slow = source.row_major() ? source.row_stride : source.column_stride;
    const Index line = source.row_major() ? source.cols : source.rows;
    return transform.is_identity() && !source.stored && source.type == element_type<Scalar>() && !source.byte_swapped &&
           !source.row_index && !source.column_index && fast == size && slow >= line * size && slow % size == 0 &&
           reinterpret_cast<std::uintptr_t>(source.data) % alignof(Scalar) == 0;
}

/// Rows of fetched blocks one after the other, runs of neighbouring rows at a time.
template <class Scalar>
Panel<Scalar> read_stored_panel(const DenseSource& source, Index first_row, Index rows, Index first_column, Index cols,
                                const ColumnTransform& transform, Scalar* scratch) {
    for (Index i = 0; i < rows;) {
        const Index row = source.source_row(first_row + i);
        const auto block = source.stored->block_with(row);
        Index count = 1;
        while (i + count < rows && row + count < block->end() &&
               source.source_row(first_row + i + count) == row + count)
            ++count;
        DenseSource part = block->rows;
        part.column_index = source.column_index;
        part.cols = source.cols;
        const auto read =
            read_panel<Scalar>(part, row - block->first_row, count, first_column, cols, transform, scratch + i * cols);
        if (read.data != scratch + i * cols)
            for (Index r = 0; r < count; ++r) std::copy_n(read.data + r * read.stride, cols, scratch + (i + r) * cols);
        i += count;
    }
    return {scratch, rows, cols, cols, true};
}

template <class Scalar>
Panel<Scalar> read_panel(const DenseSource& source, Index first_row, Index rows, Index first_column, Index cols,
                         const ColumnTransform& transform, Scalar* scratch) {
    if (source.stored) return read_stored_panel(source, first_row, rows, first_column, cols, transform, scratch);
    if (source.pages_of_file && first_column == 0) turn_pages(source, first_row, rows);
    const bool by_rows = source.row_major();
    if (readable_in_place<Scalar>(source, transform)) {
        const std::byte* address = source.data + first_row * source.row_stride + first_column * source.column_stride;
        const Index stride = (by_rows ? source.row_stride : source.column_stride) / Index{sizeof(Scalar)};
        return {reinterpret_cast<const Scalar*>(address), rows, cols, stride, by_rows};
    }
    if (holds_complex(source.type) && !is_complex<Scalar>)
        throw InvalidInput("complex data where real data are needed");

    // Lines run along the faster axis of the source; `line(i)` is where line i starts.
    const Index n_lines = by_rows ? rows : cols, length = by_rows ? cols : rows;
    const Index step = by_rows ? source.column_stride : source.row_stride;
    const Index* selection = by_rows ? source.column_index : source.row_index;
    const Index first_in_line = by_rows ? first_column : first_row;
    with_stored_type(source.type, [&]<class Stored>() {
        for (Index i = 0; i < n_lines; ++i) {
            const std::byte* line =
                source.data + (by_rows ? source.source_row(first_row + i) * source.row_stride
                                       : source.source_column(first_column + i) * source.column_stride);
            Scalar* to = scratch + i * length;
            if (selection) {
                if (source.byte_swapped)
                    read_selected_line<Scalar, Stored, true>(line, step, selection + first_in_line, length, to);
                else
                    read_selected_line<Scalar, Stored, false>(line, step, selection + first_in_line, length, to);
            } else if (source.byte_swapped) {
                read_line<Scalar, Stored, true>(line + first_in_line * step, step, length, to);
            } else {
                read_line<Scalar, Stored, false>(line + first_in_line * step, step, length, to);
            }
        }
    });
    if (!transform.is_identity()) {
        if (by_rows)
            transform_rows(transform, first_column, rows, cols, scratch);
        else
            transform_columns(transform, first_column, rows, cols, scratch);
    }
    return {scratch, rows, cols, length, by_rows};
}

#define EIGENSCOPE_INSTANTIATE(S)                                                   \
    template bool readable_in_place<S>(const DenseSource&, const ColumnTransform&); \
    template Panel<S> read_panel<S>(const DenseSource&, Index, Index, Index, Index, const ColumnTransform&, S*);
EIGENSCOPE_INSTANTIATE(float)
EIGENSCOPE_INSTANTIATE(double)
EIGENSCOPE_INSTANTIATE(complex64)
EIGENSCOPE_INSTANTIATE(complex128)
#undef EIGENSCOPE_INSTANTIATE

}  // namespace eigenscope
