// Random-matrix laws on arrays, and the noise behind a spectrum.
#include <pybind11/complex.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <complex>
#include <eigenscope/random_matrix/marchenko_pastur.hpp>
#include <eigenscope/random_matrix/spikes.hpp>
#include <eigenscope/random_matrix/tracy_widom.hpp>
#include <span>

#include "arrays.hpp"

namespace eigenscope::bind {

namespace {

using random_matrix::MarchenkoPastur;
using random_matrix::TracyWidom;

/// Shorter arrays finish sooner than another thread could take the interpreter lock.
constexpr py::ssize_t release_lock_above = 1000;

/// A method of a law, element by element over a flat array.
template <class Law, class Scalar>
auto vectorized(Scalar (Law::*method)(Scalar) const) {
    return [method](const Law& law, const FlatArray<Scalar>& points) {
        const auto input = to_span(points);
        FlatArray<Scalar> values(points.size());
        Scalar* output = values.mutable_data();
        const auto fill = [&] {
            for (std::size_t i = 0; i < input.size(); ++i) output[i] = (law.*method)(input[i]);
        };
        if (points.size() > release_lock_above) {
            const py::gil_scoped_release released;
            fill();
        } else {
            fill();
        }
        return values;
    };
}

void register_laws(py::module_& module) {
    py::class_<MarchenkoPastur>(module, "MarchenkoPastur")
        .def(py::init<double, double>(), py::arg("ratio"), py::arg("variance"))
        .def_property_readonly("lower_edge", &MarchenkoPastur::lower_edge)
        .def_property_readonly("upper_edge", &MarchenkoPastur::upper_edge)
        .def_property_readonly("atom", &MarchenkoPastur::atom)
        .def("pdf", vectorized(&MarchenkoPastur::pdf), py::arg("x").noconvert())
        .def("cdf", vectorized(&MarchenkoPastur::cdf), py::arg("x").noconvert())
        .def("sf", vectorized(&MarchenkoPastur::sf), py::arg("x").noconvert())
        .def("ppf", vectorized(&MarchenkoPastur::ppf), py::arg("probability").noconvert())
        .def("stieltjes", vectorized(&MarchenkoPastur::stieltjes), py::arg("z").noconvert());
    py::class_<TracyWidom>(module, "TracyWidom")
        .def(py::init<int>(), py::arg("beta"))
        .def_property_readonly("mean", &TracyWidom::mean)
        .def_property_readonly("variance", &TracyWidom::variance)
        .def("pdf", vectorized(&TracyWidom::pdf), py::arg("s").noconvert())
        .def("pdf_slope", vectorized(&TracyWidom::pdf_slope), py::arg("s").noconvert())
        .def("cdf", vectorized(&TracyWidom::cdf), py::arg("s").noconvert())
        .def("sf", vectorized(&TracyWidom::sf), py::arg("s").noconvert())
        .def("ppf", vectorized(&TracyWidom::ppf), py::arg("probability").noconvert())
        .def("isf", vectorized(&TracyWidom::isf), py::arg("probability").noconvert());
}

}  // namespace

void register_random_matrix(py::module_& module) {
    register_laws(module);
    module.def(
        "kritchman_nadler",
        [](const FlatArray<double>& leading, double rest, double n_samples, double n_features) {
            auto found = random_matrix::kritchman_nadler(to_span(leading), rest, n_samples, n_features);
            const auto count = static_cast<py::ssize_t>(found.spikes.size());
            return py::make_tuple(found.variance, FlatArray<double>(count, found.spikes.data()), found.converged);
        },
        py::arg("leading").noconvert(), py::arg("rest"), py::arg("n_samples"), py::arg("n_features"));
    module.def(
        "noise_edge",
        [](const FlatArray<double>& spikes, double variance, double n_samples, double n_features) {
            const auto edge = random_matrix::noise_edge(to_span(spikes), variance, n_samples, n_features);
            return py::make_tuple(edge.location, edge.scale, edge.separated);
        },
        py::arg("spikes").noconvert(), py::arg("variance"), py::arg("n_samples"), py::arg("n_features"));
}

}  // namespace eigenscope::bind
