// The only code that turns NumPy arrays into views and results into NumPy arrays. Nothing is converted silently.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <eigenscope/foundation/error.hpp>
#include <eigenscope/foundation/types.hpp>
#include <eigenscope/panels/source.hpp>
#include <optional>
#include <span>
#include <utility>

namespace eigenscope::bind {

namespace py = pybind11;

template <class Scalar>
using FlatArray = py::array_t<Scalar, py::array::c_style>;

/// A contiguous one-dimensional array, read where it lies.
template <class Scalar>
std::span<const Scalar> to_span(const FlatArray<Scalar>& array) {
    if (array.ndim() != 1) throw InvalidInput("expected a one-dimensional array");
    return {array.data(), static_cast<std::size_t>(array.size())};
}

/// A one-dimensional array that a computation fills.
template <class Scalar>
std::span<Scalar> to_span(FlatArray<Scalar>& array) {
    return {array.mutable_data(), static_cast<std::size_t>(array.size())};
}

using IndexArray = std::optional<py::array_t<Index, py::array::c_style>>;
using ColumnValues = std::optional<py::array_t<double, py::array::c_style>>;

/// A NumPy array that owns an Eigen matrix, without a copy: column-major storage, Fortran order in NumPy.
template <class Scalar>
py::array_t<Scalar> to_numpy(Matrix<Scalar>&& matrix) {
    auto* owned = new Matrix<Scalar>(std::move(matrix));
    py::capsule owner(owned, [](void* pointer) { delete static_cast<Matrix<Scalar>*>(pointer); });
    const auto item = static_cast<py::ssize_t>(sizeof(Scalar));
    return py::array_t<Scalar>({owned->rows(), owned->cols()}, {item, item * owned->rows()}, owned->data(), owner);
}

template <class Scalar>
py::array_t<Scalar> to_numpy(Vector<Scalar>&& vector) {
    auto* owned = new Vector<Scalar>(std::move(vector));
    py::capsule owner(owned, [](void* pointer) { delete static_cast<Vector<Scalar>*>(pointer); });
    return py::array_t<Scalar>({owned->size()}, {static_cast<py::ssize_t>(sizeof(Scalar))}, owned->data(), owner);
}

/// A column-major (Fortran-ordered) matrix, read where it lies.
template <class Scalar>
ConstBlock<Scalar> to_block(const py::array_t<Scalar, py::array::f_style>& array) {
    if (array.ndim() != 2) throw InvalidInput("expected a two-dimensional array");
    return {array.data(), array.shape(0), array.shape(1), array.shape(0)};
}

/// A NumPy view of a block that C++ owns; writable only when the block is.
template <class Scalar>
py::array view_of(Block<Scalar> block) {
    using Plain = std::remove_const_t<Scalar>;
    const auto item = static_cast<py::ssize_t>(sizeof(Plain));
    py::array_t<Plain> array({block.rows, block.cols}, {item, item * block.stride}, block.data, py::none());
    if (std::is_const_v<Scalar>) array.attr("flags").attr("writeable") = false;
    return array;
}

/// The NumPy dtype as the core names it; complex halves and other exotic types are refused by the Python layer.
ElementType element_type(const py::dtype& dtype);

/// An array of any dtype, byte order and strides, or an object whose `stored_rows` the core can fetch from; they must
/// outlive the source.
DenseSource to_source(const py::object& data, const IndexArray& row_index, const IndexArray& column_index);

/// Per-column shift, factor and what rounding took from the shift; the arrays must outlive the transform.
ColumnTransform to_transform(const ColumnValues& shift, const ColumnValues& factor, const ColumnValues& shift_remainder,
                             Index cols);

}  // namespace eigenscope::bind
