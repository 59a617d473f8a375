// The only code that turns NumPy arrays into views and results into NumPy arrays. Nothing is converted silently.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <eigenscope/foundation/error.hpp>
#include <eigenscope/foundation/types.hpp>
#include <span>
#include <utility>

namespace eigenscope::bind {

namespace py = pybind11;

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

/// A contiguous one-dimensional array, read where it lies.
template <class Scalar>
std::span<const Scalar> to_span(const py::array_t<Scalar, py::array::c_style>& array) {
    if (array.ndim() != 1) throw InvalidInput("expected a one-dimensional array");
    return {array.data(), static_cast<std::size_t>(array.size())};
}

/// A column-major (Fortran-ordered) matrix, read where it lies.
template <class Scalar>
ConstBlock<Scalar> to_block(const py::array_t<Scalar, py::array::f_style>& array) {
    if (array.ndim() != 2) throw InvalidInput("expected a two-dimensional array");
    return {array.data(), array.shape(0), array.shape(1), array.shape(0)};
}

}  // namespace eigenscope::bind
