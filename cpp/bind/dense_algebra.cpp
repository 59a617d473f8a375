// LAPACK's full and partial spectra of a matrix in memory, in place.
#include <pybind11/numpy.h>

#include <eigenscope/solvers/eigenpairs.hpp>
#include <eigenscope/solvers/symmetric_eigenvalues.hpp>

#include "arrays.hpp"
#include "interruption.hpp"

namespace eigenscope::bind {

namespace {

using SquareMatrix = py::array_t<double, py::array::f_style>;

Index order_of(const SquareMatrix& matrix) {
    if (matrix.ndim() != 2 || matrix.shape(0) != matrix.shape(1)) throw InvalidInput("expected a square matrix");
    return matrix.shape(0);
}

/// Eigenvalues (ascending) from the lower triangle, which is destroyed.
py::array_t<double> eigvalsh_in_place(SquareMatrix& matrix, int threads) {
    const Index n = order_of(matrix);
    double* data = matrix.mutable_data();
    return to_numpy(without_gil(threads, [&](const Execution& execution) {
        return symmetric_eigenvalues(n, data, std::max<Index>(1, n), execution);
    }));
}

/// The `count` largest eigenpairs (ascending) from the lower triangle, which is destroyed.
py::tuple eigh_largest_in_place(SquareMatrix& matrix, Index count) {
    const Index n = order_of(matrix);
    if (count < 0 || count > n) throw InvalidInput("the number of eigenpairs must lie between 0 and n");
    Vector<double> values(count);
    Matrix<double> vectors(n, count);
    double* data = matrix.mutable_data();
    {
        const py::gil_scoped_release release;
        eigenpairs_in_range<double>(n, data, n - count, count, values.data(), vectors);
    }
    return py::make_tuple(to_numpy(std::move(values)), to_numpy(std::move(vectors)));
}

}  // namespace

void register_dense_algebra(py::module_& module) {
    module.def("eigvalsh_in_place", &eigvalsh_in_place, py::arg("matrix").noconvert(), py::arg("threads"));
    module.def("eigvalsh_workspace_bytes", &symmetric_eigenvalues_workspace_bytes, py::arg("order"));
    module.def("eigh_largest_in_place", &eigh_largest_in_place, py::arg("matrix").noconvert(), py::arg("count"));
}

}  // namespace eigenscope::bind
