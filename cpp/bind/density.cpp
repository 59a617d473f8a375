// Spectral quadratures: options in, a dictionary of arrays out.
#include <pybind11/functional.h>

#include <eigenscope/solvers/quadrature.hpp>
#include <string>

#include "interruption.hpp"
#include "operators.hpp"

namespace eigenscope::bind {

namespace {

ProbeKind parse_probe(const std::string& probe) {
    if (probe == "sphere") return ProbeKind::sphere;
    if (probe == "rademacher") return ProbeKind::rademacher;
    if (probe == "orthogonal") return ProbeKind::orthogonal;
    throw InvalidInput("probe must be sphere, rademacher or orthogonal");
}

/// The monitor takes (n_probes, step, n_matvecs) and returns True to stop.
std::function<bool(const QuadratureProgress&)> wrap_monitor(const py::object& monitor) {
    if (monitor.is_none()) return nullptr;
    PyObject* borrowed = monitor.ptr();
    return [borrowed](const QuadratureProgress& progress) {
        const py::gil_scoped_acquire gil;
        const py::object answer =
            py::reinterpret_borrow<py::object>(borrowed)(progress.n_probes, progress.step, progress.n_matvecs);
        return answer.ptr() == Py_True;
    };
}

py::dict to_dictionary(QuadratureRules&& rules) {
    py::dict out;
    out["nodes"] = to_numpy(std::move(rules.nodes));
    out["weights"] = to_numpy(std::move(rules.weights));
    out["residual_norms"] = to_numpy(std::move(rules.residual_norms));
    return out;
}

template <class Scalar>
py::dict quadrature(PythonOperator<Scalar>& self, Index degree, Index first_probe, Index n_probes, Index block,
                    const std::string& probe, bool gram, bool reorthogonalize, double max_seconds, std::uint64_t seed,
                    const py::object& monitor, int threads) {
    QuadratureOptions options;
    options.degree = degree;
    options.first_probe = first_probe;
    options.n_probes = n_probes;
    options.block = block;
    options.probe = parse_probe(probe);
    options.gram = gram;
    options.reorthogonalize = reorthogonalize;
    options.max_seconds = max_seconds;
    options.seed = seed;
    options.monitor = wrap_monitor(monitor);
    Quadrature result = without_gil(
        threads, [&](const Execution& execution) { return spectral_quadrature<Scalar>(*self.op, options, execution); });
    py::dict out;
    out["fine"] = to_dictionary(std::move(result.fine));
    out["coarse"] = to_dictionary(std::move(result.coarse));
    out["interrupted"] = result.interrupted;
    out["complete"] = result.complete;
    out["n_matvecs"] = result.n_matvecs;
    out["n_applications"] = result.n_applications;
    out["workspace_bytes"] = result.workspace_bytes;
    return out;
}

template <class Scalar>
void register_quadrature(py::module_& module) {
    module.def((std::string("spectral_quadrature_") + scalar_name<Scalar>()).c_str(), &quadrature<Scalar>,
               py::arg("operator"), py::kw_only(), py::arg("degree"), py::arg("first_probe"), py::arg("n_probes"),
               py::arg("block"), py::arg("probe"), py::arg("gram"), py::arg("reorthogonalize"), py::arg("max_seconds"),
               py::arg("seed"), py::arg("monitor"), py::arg("threads"));
}

}  // namespace

void register_density(py::module_& module) {
    register_quadrature<float>(module);
    register_quadrature<double>(module);
    register_quadrature<complex64>(module);
    register_quadrature<complex128>(module);
}

}  // namespace eigenscope::bind
