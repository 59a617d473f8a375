// Full and partial spectra of a symmetric matrix in memory, in place.
#include <pybind11/numpy.h>

#include <eigenscope/solvers/symmetric_eigenvalues.hpp>
#include <memory>

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
py::tuple eigh_largest_in_place(SquareMatrix& matrix, Index count, int threads) {
    const Index n = order_of(matrix);
    if (count < 0 || count > n) throw InvalidInput("the number of eigenpairs must lie between 0 and n");
    double* data = matrix.mutable_data();
    // An interrupted call writes on after its caller has left.
    const std::shared_ptr<void> owner = shared_reference(matrix);
    auto pairs = without_gil(
        threads, [&](const Execution& execution) { return largest_eigenpairs(n, data, owner, count, execution); });
    return py::make_tuple(to_numpy(std::move(pairs.values)), to_numpy(std::move(pairs.vectors)));
}

}  // namespace

void register_dense_algebra(py::module_& module) {
    module.def("eigvalsh_in_place", &eigvalsh_in_place, py::arg("matrix").noconvert(), py::arg("threads"));
    module.def("eigvalsh_workspace_bytes", &symmetric_eigenvalues_workspace_bytes, py::arg("order"));
    module.def("eigh_largest_in_place", &eigh_largest_in_place, py::arg("matrix").noconvert(), py::arg("count"),
               py::arg("threads"));
    module.def("takes_two_stages", &takes_two_stages, py::arg("order"), py::arg("count"));
}

}  // namespace eigenscope::bind
