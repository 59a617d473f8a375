// Pair sums of nonlinear shrinkage.
#include <pybind11/complex.h>
#include <pybind11/pybind11.h>

#include <complex>
#include <eigenscope/random_matrix/shrinkage.hpp>

#include "arrays.hpp"
#include "interruption.hpp"

namespace eigenscope::bind {

namespace {

/// Two values per eigenvalue, from one of the pair sums.
template <auto pair_sum>
py::tuple two_sums(const FlatArray<double>& eigenvalues, double bandwidth, int threads) {
    FlatArray<double> first(eigenvalues.size()), second(eigenvalues.size());
    const auto input = to_span(eigenvalues);
    const auto a = to_span(first), b = to_span(second);
    without_gil(threads, [&](const Execution& execution) { pair_sum(input, bandwidth, execution, a, b); });
    return py::make_tuple(first, second);
}

}  // namespace

void register_shrinkage(py::module_& module) {
    module.def("smoothed_density", &two_sums<&random_matrix::smoothed_density>, py::arg("eigenvalues").noconvert(),
               py::kw_only(), py::arg("bandwidth"), py::arg("threads") = 1);
    module.def("inverse_resolvent", &two_sums<&random_matrix::inverse_resolvent>, py::arg("eigenvalues").noconvert(),
               py::kw_only(), py::arg("bandwidth"), py::arg("threads") = 1);
    module.def(
        "resolvent",
        [](const FlatArray<double>& eigenvalues, double offset, int threads) {
            FlatArray<std::complex<double>> values(eigenvalues.size());
            const auto input = to_span(eigenvalues);
            const auto output = to_span(values);
            without_gil(threads, [&](const Execution& execution) {
                random_matrix::resolvent(input, offset, execution, output);
            });
            return values;
        },
        py::arg("eigenvalues").noconvert(), py::kw_only(), py::arg("offset"), py::arg("threads") = 1);
}

}  // namespace eigenscope::bind
