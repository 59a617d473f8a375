// Compressed sparse rows as operators; a CSC matrix comes as the CSR of its transpose.
#include <pybind11/numpy.h>

#include <eigenscope/operators/csr.hpp>
#include <string>

#include "operators.hpp"

namespace eigenscope::bind {

namespace {

template <class Scalar, class IndexType>
PythonOperator<Scalar> csr_operator(Index rows, Index cols, const py::array_t<IndexType, py::array::c_style>& row_start,
                                    const py::array_t<IndexType, py::array::c_style>& columns,
                                    const py::array_t<Scalar, py::array::c_style>& values, double scale) {
    if (row_start.size() != rows + 1) throw InvalidInput("indptr must have one entry more than there are rows");
    if (columns.size() != values.size()) throw InvalidInput("indices and data must have equal lengths");
    if (rows > 0 && row_start.data()[rows] > columns.size()) throw InvalidInput("indptr points beyond the data");
    const CsrView<Scalar, IndexType> view{rows, cols, row_start.data(), columns.data(), values.data()};
    PythonOperator<Scalar> result;
    result.op = std::make_unique<CsrOperator<Scalar, IndexType>>(view, scale);
    result.kept_alive = {row_start, columns, values};
    return result;
}

template <class Scalar>
void register_scalar(py::module_& module) {
    const std::string name = std::string("csr_operator_") + scalar_name<Scalar>();
    const auto define = [&](auto function) {
        module.def(name.c_str(), function, py::arg("rows"), py::arg("cols"), py::arg("row_start").noconvert(),
                   py::arg("columns").noconvert(), py::arg("values").noconvert(), py::arg("scale") = 1.0);
    };
    define(&csr_operator<Scalar, std::int32_t>);
    define(&csr_operator<Scalar, std::int64_t>);
}

}  // namespace

void register_sparse(py::module_& module) {
    register_scalar<float>(module);
    register_scalar<double>(module);
    register_scalar<complex64>(module);
    register_scalar<complex128>(module);
}

}  // namespace eigenscope::bind
