#include "arrays.hpp"

#include <string>

#include "stored_rows.hpp"

namespace eigenscope::bind {

ElementType element_type(const py::dtype& dtype) {
    const char kind = dtype.kind();
    const auto size = dtype.itemsize();
    const auto sized = [&](ElementType one, ElementType two, ElementType four, ElementType eight) {
        return size == 1 ? one : size == 2 ? two : size == 4 ? four : eight;
    };
    if (kind == 'b') return ElementType::boolean;
    if (kind == 'i') return sized(ElementType::int8, ElementType::int16, ElementType::int32, ElementType::int64);
    if (kind == 'u') return sized(ElementType::uint8, ElementType::uint16, ElementType::uint32, ElementType::uint64);
    if (kind == 'f' && size == 2) return ElementType::float16;
    if (kind == 'f' && size == 4) return ElementType::float32;
    if (kind == 'f' && size == 8) return ElementType::float64;
    if (kind == 'c' && size == 8) return ElementType::complex_single;
    if (kind == 'c' && size == 16) return ElementType::complex_double;
    throw InvalidInput("dtype " + py::str(dtype).cast<std::string>() + " is not one the core reads");
}

namespace {

/// From this size on the pages of a mapped file are given back once they were read.
constexpr Index large_file_bytes = Index{256} << 20;

/// Whether an array is the view of a file that pages can be dropped from and read again. Not when the mapping is
/// private ("c"): its pages may hold changes that exist nowhere else.
bool maps_large_file(const py::array& array) {
    if (array.nbytes() < large_file_bytes || !py::hasattr(array, "_mmap") || !py::hasattr(array, "mode")) return false;
    const py::object mode = array.attr("mode"), mapping = array.attr("_mmap");
    return !mapping.is_none() && !mode.is_none() && py::str(mode).cast<std::string>() != "c";
}

}  // namespace

DenseSource to_source(const py::object& data, const IndexArray& row_index, const IndexArray& column_index) {
    DenseSource source;
    source.row_index = row_index ? row_index->data() : nullptr;
    source.column_index = column_index ? column_index->data() : nullptr;
    if (!py::isinstance<py::array>(data)) {
        if (!py::hasattr(data, "stored_rows")) throw InvalidInput("expected a two-dimensional array");
        const auto& from = data.attr("stored_rows").cast<PythonStoredRows&>();
        source.stored = from.stored.get();
        source.type = element_type(from.dtype);
        source.rows = row_index ? row_index->size() : from.rows;
        source.cols = column_index ? column_index->size() : from.cols;
        source.column_stride = from.dtype.itemsize();
        source.row_stride = from.cols * source.column_stride;
        return source;
    }
    const auto array = py::reinterpret_borrow<py::array>(data);
    if (array.ndim() != 2) throw InvalidInput("expected a two-dimensional array");
    source.data = static_cast<const std::byte*>(array.data());
    source.type = element_type(array.dtype());
    source.pages_of_file = maps_large_file(array);
    const char order = array.dtype().byteorder();
    const std::uint16_t probe = 1;
    const bool little_endian = *reinterpret_cast<const unsigned char*>(&probe) == 1;
    source.byte_swapped = (order == '>' && little_endian) || (order == '<' && !little_endian);
    source.rows = row_index ? row_index->size() : array.shape(0);
    source.cols = column_index ? column_index->size() : array.shape(1);
    source.row_stride = array.strides(0);
    source.column_stride = array.strides(1);
    return source;
}

ColumnTransform to_transform(const ColumnValues& shift, const ColumnValues& factor, const ColumnValues& shift_remainder,
                             Index cols) {
    for (const ColumnValues* values : {&shift, &factor, &shift_remainder})
        if (*values && (*values)->size() != cols) throw InvalidInput("one value per column is needed");
    const auto data = [](const ColumnValues& values) { return values ? values->data() : nullptr; };
    return {data(shift), data(factor), data(shift_remainder)};
}

}  // namespace eigenscope::bind
