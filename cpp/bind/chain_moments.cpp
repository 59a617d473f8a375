// Unbiased moments of population eigenvalues.
#include <pybind11/pybind11.h>

#include <eigenscope/random_matrix/chain_moments.hpp>

#include "arrays.hpp"
#include "interruption.hpp"

namespace eigenscope::bind {

namespace {

template <class Real>
Index order_of(const FlatArray<Real>& matrix) {
    if (matrix.ndim() != 2 || matrix.shape(0) != matrix.shape(1)) throw InvalidInput("expected a square matrix");
    return matrix.shape(0);
}

FlatArray<double> chain_moments(const FlatArray<double>& gram, Index n_moments) {
    FlatArray<double> moments(n_moments);
    random_matrix::chain_moments<double>(gram.data(), order_of(gram), to_span(moments));
    return moments;
}

template <class Real>
py::array_t<double> paired_chain_moments(const FlatArray<Real>& cross, const FlatArray<Index>& orders, Index n_moments,
                                         int threads) {
    const Index n = order_of(cross);
    if (orders.ndim() != 2 || orders.shape(1) != n) throw InvalidInput("expected one index per sample in every order");
    FlatArray<double> moments({static_cast<Index>(orders.shape(0)), n_moments});
    const std::span<const Index> places(orders.data(), static_cast<std::size_t>(orders.size()));
    const auto output = to_span(moments);
    without_gil(threads, [&](const Execution& execution) {
        random_matrix::paired_chain_moments(cross.data(), n, places, n_moments, execution, output);
    });
    return moments;
}

template <class Real>
void register_paired(py::module_& module, const char* name) {
    module.def(name, &paired_chain_moments<Real>, py::arg("cross").noconvert(), py::arg("orders").noconvert(),
               py::kw_only(), py::arg("n_moments"), py::arg("threads") = 1);
}

}  // namespace

void register_chain_moments(py::module_& module) {
    module.def("chain_moments", &chain_moments, py::arg("gram").noconvert(), py::kw_only(), py::arg("n_moments"));
    register_paired<float>(module, "paired_chain_moments_float32");
    register_paired<double>(module, "paired_chain_moments_float64");
}

}  // namespace eigenscope::bind
