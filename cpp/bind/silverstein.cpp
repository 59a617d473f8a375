// The law of sample eigenvalues for any population spectrum.
#include <pybind11/complex.h>
#include <pybind11/pybind11.h>

#include <complex>
#include <eigenscope/random_matrix/silverstein.hpp>

#include "arrays.hpp"

namespace eigenscope::bind {

namespace {

using random_matrix::SilversteinLaw;
using random_matrix::SupportEdge;
using complex = std::complex<double>;

/// One row per interval of the support: low, high, mass, then point and curvature of either edge.
py::array_t<double> intervals(const SilversteinLaw& law) {
    const auto& found = law.intervals();
    py::array_t<double> table({static_cast<py::ssize_t>(found.size()), py::ssize_t{7}});
    auto rows = table.mutable_unchecked<2>();
    for (py::ssize_t i = 0; i < table.shape(0); ++i) {
        const auto& [low, high, mass] = found[static_cast<std::size_t>(i)];
        const double values[] = {low.location, high.location, mass,          low.point(),
                                 high.point(), low.curvature, high.curvature};
        for (py::ssize_t j = 0; j < 7; ++j) rows(i, j) = values[j];
    }
    return table;
}

template <class Result, class Scalar, class Function>
FlatArray<Result> elementwise(const FlatArray<Scalar>& points, Function function) {
    FlatArray<Result> values(points.size());
    const auto input = to_span(points);
    const auto output = to_span(values);
    const py::gil_scoped_release released;
    for (std::size_t i = 0; i < input.size(); ++i) output[i] = function(input[i]);
    return values;
}

}  // namespace

void register_silverstein(py::module_& module) {
    py::class_<SilversteinLaw>(module, "SilversteinLaw")
        .def(py::init([](const FlatArray<double>& atoms, const FlatArray<double>& weights, double ratio) {
                 const auto positions = to_span(atoms), shares = to_span(weights);
                 const py::gil_scoped_release released;
                 return SilversteinLaw(positions, shares, ratio);
             }),
             py::arg("atoms").noconvert(), py::arg("weights").noconvert(), py::arg("ratio"))
        .def("intervals", &intervals)
        .def(
            "map",
            [](const SilversteinLaw& law, const FlatArray<double>& u) {
                return elementwise<double>(u, [&law](double point) { return law.map(point); });
            },
            py::arg("u").noconvert())
        .def(
            "slope",
            [](const SilversteinLaw& law, const FlatArray<double>& u) {
                return elementwise<double>(u, [&law](double point) { return law.slope(point); });
            },
            py::arg("u").noconvert())
        .def(
            "solve_inside",
            [](const SilversteinLaw& law, std::size_t interval, const FlatArray<double>& above_low,
               const FlatArray<double>& below_high) {
                FlatArray<complex> points(above_low.size());
                const auto output = to_span(points);
                const auto above = to_span(above_low), below = to_span(below_high);
                const py::gil_scoped_release released;
                law.solve_inside(interval, above, below, output);
                return points;
            },
            py::arg("interval"), py::arg("above_low").noconvert(), py::arg("below_high").noconvert())
        .def(
            "solve_outside",
            [](const SilversteinLaw& law, const FlatArray<double>& x) {
                return elementwise<double>(x, [&law](double point) { return law.solve_outside(point); });
            },
            py::arg("x").noconvert())
        .def(
            "solve_complex",
            [](const SilversteinLaw& law, const FlatArray<complex>& z) {
                return elementwise<complex>(z, [&law](complex point) { return law.solve_complex(point); });
            },
            py::arg("z").noconvert())
        .def(
            "stieltjes",
            [](const SilversteinLaw& law, const FlatArray<complex>& u, const FlatArray<complex>& z) {
                if (u.size() != z.size()) throw InvalidInput("one u for every z");
                FlatArray<complex> values(u.size());
                const auto points = to_span(u), arguments = to_span(z);
                const auto output = to_span(values);
                const py::gil_scoped_release released;
                for (std::size_t i = 0; i < output.size(); ++i) output[i] = law.stieltjes(points[i], arguments[i]);
                return values;
            },
            py::arg("u").noconvert(), py::arg("z").noconvert());
}

}  // namespace eigenscope::bind
