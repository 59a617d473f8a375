// Dense, callback and standardised operators.
#include "operators.hpp"

#include <pybind11/functional.h>
#include <pybind11/stl.h>

#include <eigenscope/operators/dense.hpp>
#include <eigenscope/operators/recorded.hpp>
#include <eigenscope/operators/symmetry.hpp>
#include <eigenscope/operators/views.hpp>
#include <eigenscope/operators/weighted.hpp>
#include <eigenscope/solvers/deflation.hpp>
#include <string>

#include "interruption.hpp"

namespace eigenscope::bind {

namespace {

/// A Python function of a block, called with a read-only view and copied back into ours.
template <class Scalar>
typename CallbackOperator<Scalar>::Product wrap_product(const py::object& function) {
    PyObject* borrowed = function.ptr();  // kept alive by the PythonOperator
    return [borrowed](ConstBlock<Scalar> x, Block<Scalar> y) {
        const py::gil_scoped_acquire gil;
        try {
            const py::object answer = py::reinterpret_borrow<py::object>(borrowed)(view_of(x));
            const auto array = py::array_t<Scalar, py::array::f_style | py::array::forcecast>::ensure(answer);
            if (!array || array.ndim() != 2 || array.shape(0) != y.rows || array.shape(1) != y.cols)
                throw InvalidInput("the operator returned something of another shape than it was asked for");
            y.map() = to_block<Scalar>(array).map();
        } catch (py::error_already_set& error) {
            // Ctrl-C inside the user's function ends the solve like Ctrl-C outside it: with the partial result.
            if (error.matches(PyExc_KeyboardInterrupt)) throw Interrupted();
            throw;
        }
    };
}

template <class Scalar>
py::array_t<Scalar> apply(PythonOperator<Scalar>& self, const py::array_t<Scalar, py::array::f_style>& x, int threads,
                          const std::string& product) {
    const ConstBlock<Scalar> block = to_block<Scalar>(x);
    const bool adjoint = product == "adjoint", gram = product == "gram";
    const Index expected = adjoint ? self.op->rows() : self.op->cols();
    if (block.rows != expected) throw InvalidInput("the block has the wrong number of rows");
    Matrix<Scalar> y(adjoint || gram ? self.op->cols() : self.op->rows(), block.cols);
    without_gil(threads, [&](const Execution& execution) {
        if (gram)
            self.op->apply_gram(block, y, execution);
        else if (adjoint)
            self.op->apply_adjoint(block, y, execution);
        else
            self.op->apply(block, y, execution);
    });
    return to_numpy(std::move(y));
}

template <class Scalar>
PythonOperator<Scalar> dense_operator(const py::object& array, const IndexArray& rows, const IndexArray& columns,
                                      const ColumnValues& shift, const ColumnValues& factor,
                                      const ColumnValues& shift_remainder, double scale) {
    const DenseSource source = to_source(array, rows, columns);
    const ColumnTransform transform = to_transform(shift, factor, shift_remainder, source.cols);
    PythonOperator<Scalar> result;
    result.op = std::make_unique<DenseOperator<Scalar>>(source, transform, scale);
    result.kept_alive = {array,           py::cast(rows),   py::cast(columns),
                         py::cast(shift), py::cast(factor), py::cast(shift_remainder)};
    return result;
}

template <class Scalar>
PythonOperator<Scalar> callback_operator(Index rows, Index cols, const py::object& product,
                                         const py::object& adjoint_product) {
    PythonOperator<Scalar> result;
    result.op = std::make_unique<CallbackOperator<Scalar>>(rows, cols, wrap_product<Scalar>(product),
                                                           wrap_product<Scalar>(adjoint_product));
    result.kept_alive = {product, adjoint_product};
    return result;
}

template <class Scalar>
PythonOperator<Scalar> standardized(py::object self, const py::array_t<Scalar, py::array::c_style>& shift,
                                    const py::array_t<double, py::array::c_style>& factor, double scale) {
    auto& inner = self.cast<PythonOperator<Scalar>&>();
    if (shift.size() != 0 && shift.size() != inner.op->cols()) throw InvalidInput("one mean per column is needed");
    if (factor.size() != inner.op->cols()) throw InvalidInput("one factor per column is needed");
    const Vector<Scalar> means = Eigen::Map<const Vector<Scalar>>(shift.data(), shift.size());
    const Vector<double> factors = Eigen::Map<const Vector<double>>(factor.data(), factor.size());
    PythonOperator<Scalar> result;
    result.op = std::make_unique<StandardizedOperator<Scalar>>(*inner.op, means,
                                                               factors.template cast<RealOf<Scalar>>(), scale);
    result.kept_alive = {std::move(self)};
    return result;
}

template <class Scalar>
PythonOperator<Scalar> row_weighted(py::object self, const py::array_t<double, py::array::c_style>& factor) {
    auto& inner = self.cast<PythonOperator<Scalar>&>();
    if (factor.size() != inner.op->rows()) throw InvalidInput("one factor per row is needed");
    const Vector<double> factors = Eigen::Map<const Vector<double>>(factor.data(), factor.size());
    PythonOperator<Scalar> result;
    result.op = std::make_unique<RowWeightedOperator<Scalar>>(*inner.op, factors.template cast<RealOf<Scalar>>());
    result.kept_alive = {std::move(self)};
    return result;
}

template <class Scalar>
PythonOperator<Scalar> adjoint(py::object self) {
    PythonOperator<Scalar> result;
    result.op = std::make_unique<AdjointOperator<Scalar>>(*self.cast<PythonOperator<Scalar>&>().op);
    result.kept_alive = {std::move(self)};
    return result;
}

template <class Scalar>
PythonOperator<Scalar> recorded(py::object self, const std::string& path, const std::string& description) {
    PythonOperator<Scalar> result;
    result.op = std::make_unique<RecordedOperator<Scalar>>(*self.cast<PythonOperator<Scalar>&>().op, path, description);
    result.kept_alive = {std::move(self)};
    return result;
}

template <class Scalar>
PythonOperator<Scalar> deflated(py::object self, const py::array_t<Scalar, py::array::f_style>& vectors, double shift) {
    auto& inner = self.cast<PythonOperator<Scalar>&>();
    const ConstBlock<Scalar> block = to_block<Scalar>(vectors);
    if (block.rows != inner.op->rows()) throw InvalidInput("deflated vectors must be as long as the operator is wide");
    PythonOperator<Scalar> result;
    result.op = std::make_unique<DeflatedOperator<Scalar>>(*inner.op, block.map(), shift);
    result.kept_alive = {std::move(self)};
    return result;
}

template <class Scalar>
void register_scalar(py::module_& module) {
    const std::string name = scalar_name<Scalar>();
    py::class_<PythonOperator<Scalar>> python_class(module, ("Operator_" + name).c_str());
    python_class.def_property_readonly(
        "shape", [](const PythonOperator<Scalar>& self) { return py::make_tuple(self.op->rows(), self.op->cols()); });
    python_class.def("apply", &apply<Scalar>, py::arg("x"), py::arg("threads") = 1, py::arg("product") = "forward");
    python_class.def("standardized", &standardized<Scalar>, py::arg("shift"), py::arg("factor"), py::arg("scale"));
    python_class.def("adjoint", &adjoint<Scalar>);
    python_class.def("row_weighted", &row_weighted<Scalar>, py::arg("factor"));
    python_class.def("recorded", &recorded<Scalar>, py::arg("path"), py::arg("description"));
    python_class.def("deflated", &deflated<Scalar>, py::arg("vectors"), py::arg("shift"));
    register_solvers<Scalar>(python_class);
    module.def(("dense_operator_" + name).c_str(), &dense_operator<Scalar>, py::arg("array"), py::kw_only(),
               py::arg("rows") = py::none(), py::arg("columns") = py::none(), py::arg("shift") = py::none(),
               py::arg("factor") = py::none(), py::arg("shift_remainder") = py::none(), py::arg("scale") = 1.0);
    module.def(("callback_operator_" + name).c_str(), &callback_operator<Scalar>, py::arg("rows"), py::arg("cols"),
               py::arg("product"), py::arg("adjoint_product"));
}

/// (largest magnitude, largest |a_ij - conj(a_ji)|), or None when the array cannot be read where it lies.
py::object compare_with_adjoint(const py::array& array, int threads) {
    const DenseSource source = to_source(array, std::nullopt, std::nullopt);
    if (!can_compare_with_adjoint(source)) return py::none();
    const Asymmetry found =
        without_gil(threads, [&](const Execution& execution) { return asymmetry(source, execution); });
    return py::make_tuple(found.largest, found.difference);
}

}  // namespace

void register_operators(py::module_& module) {
    module.def("compare_with_adjoint", &compare_with_adjoint, py::arg("array"), py::kw_only(), py::arg("threads"));
    register_scalar<float>(module);
    register_scalar<double>(module);
    register_scalar<complex64>(module);
    register_scalar<complex128>(module);
}

}  // namespace eigenscope::bind
