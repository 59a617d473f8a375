// Lanczos and block Krylov: options in, dictionaries of arrays out.
#include <pybind11/functional.h>
#include <pybind11/stl.h>

#include <eigenscope/solvers/block_krylov.hpp>
#include <eigenscope/solvers/lanczos.hpp>
#include <string>

#include "interruption.hpp"
#include "operators.hpp"

namespace eigenscope::bind {

namespace {

Which parse_which(const std::string& which) {
    if (which == "LA") return Which::largest_algebraic;
    if (which == "SA") return Which::smallest_algebraic;
    if (which == "LM") return Which::largest_magnitude;
    if (which == "BE") return Which::both_ends;
    throw InvalidInput("which must be LA, SA, LM or BE");
}

const char* status_text(Status status) {
    switch (status) {
        case Status::converged:
            return "converged";
        case Status::possible_omission:
            return "possible omission";
        case Status::budget:
            return "budget";
        case Status::stagnated:
            break;
    }
    return "stagnated";
}

/// The monitor takes (n_matvecs, n_converged, n_wanted, largest_residual, certifying) and returns True to stop.
std::function<bool(const LanczosProgress&)> wrap_monitor(const py::object& monitor) {
    if (monitor.is_none()) return nullptr;
    PyObject* borrowed = monitor.ptr();
    return [borrowed](const LanczosProgress& progress) {
        const py::gil_scoped_acquire gil;
        const py::object answer =
            py::reinterpret_borrow<py::object>(borrowed)(progress.n_matvecs, progress.n_converged, progress.n_wanted,
                                                         progress.largest_residual, progress.certifying);
        return answer.ptr() == Py_True;
    };
}

py::array_t<bool> to_mask(const std::vector<bool>& flags) {
    py::array_t<bool> mask(static_cast<py::ssize_t>(flags.size()));
    for (std::size_t j = 0; j < flags.size(); ++j) mask.mutable_at(static_cast<py::ssize_t>(j)) = flags[j];
    return mask;
}

template <class Scalar>
py::dict solve_eigenpairs(PythonOperator<Scalar>& self, Index k, const std::string& which, double tolerance,
                          Index block, Index basis_size, Index max_matvecs, double max_seconds, bool certify,
                          std::uint64_t seed, const py::object& start, const py::object& monitor, bool filter,
                          bool direct, int threads) {
    LanczosOptions options;
    options.k = k;
    options.which = parse_which(which);
    options.tolerance = tolerance;
    options.block = block;
    options.basis_size = basis_size;
    options.max_matvecs = max_matvecs;
    options.max_seconds = max_seconds;
    options.certify = certify;
    options.filter = filter;
    options.seed = seed;
    options.monitor = wrap_monitor(monitor);
    const Index n = self.op->rows();
    ConstBlock<Scalar> guesses(nullptr, n, 0, n);
    if (!start.is_none()) guesses = to_block<Scalar>(start.cast<py::array_t<Scalar, py::array::f_style>>());
    if (guesses.rows != n) throw InvalidInput("start vectors must have as many rows as the operator");
    LanczosResult<Scalar> result = without_gil(threads, [&](const Execution& execution) {
        return direct ? dense_eigh<Scalar>(*self.op, options, execution)
                      : lanczos<Scalar>(*self.op, options, guesses, execution);
    });
    py::dict out;
    out["eigenvalues"] = to_numpy(std::move(result.eigenvalues));
    out["eigenvectors"] = to_numpy(std::move(result.eigenvectors));
    out["residual_norms"] = to_numpy(std::move(result.residual_norms));
    out["converged"] = to_mask(result.converged);
    out["status"] = status_text(result.status);
    out["norm"] = result.norm;
    out["interrupted"] = result.interrupted;
    out["n_matvecs"] = result.n_matvecs;
    out["n_applications"] = result.n_applications;
    out["n_restarts"] = result.n_restarts;
    out["basis_bytes"] = result.basis_bytes;
    return out;
}

template <class Scalar>
py::dict solve_triplets(PythonOperator<Scalar>& self, Index k, double tolerance, Index block, Index basis_size,
                        Index n_blocks, bool keeps_last_block_only, bool has_sparse_signs, Index max_matvecs,
                        double max_seconds, bool certify, Index n_error_probes, std::uint64_t seed,
                        const py::object& monitor, bool direct, const py::object& basis, int threads) {
    SvdOptions options;
    options.k = k;
    options.tolerance = tolerance;
    options.block = block;
    options.basis_size = basis_size;
    options.n_blocks = n_blocks;
    options.keeps_last_block_only = keeps_last_block_only;
    options.test_matrix = has_sparse_signs ? TestMatrix::sparse_sign : TestMatrix::gaussian;
    options.max_matvecs = max_matvecs;
    options.max_seconds = max_seconds;
    options.certify = certify;
    options.n_error_probes = n_error_probes;
    options.seed = seed;
    options.monitor = wrap_monitor(monitor);
    ConstBlock<Scalar> right(nullptr, self.op->cols(), 0, self.op->cols());
    if (!basis.is_none()) right = to_block<Scalar>(basis.cast<py::array_t<Scalar, py::array::f_style>>());
    if (right.rows != self.op->cols()) throw InvalidInput("a right basis must have as many rows as A has columns");
    SvdResult<Scalar> result = without_gil(threads, [&](const Execution& execution) {
        if (right.cols > 0) return svd_from_basis<Scalar>(*self.op, right, options, execution);
        return direct ? dense_svd<Scalar>(*self.op, options, execution)
                      : block_krylov_svd<Scalar>(*self.op, options, execution);
    });
    py::dict out;
    out["u"] = to_numpy(std::move(result.u));
    out["singular_values"] = to_numpy(std::move(result.singular_values));
    out["v"] = to_numpy(std::move(result.v));
    out["residual_norms"] = to_numpy(std::move(result.residual_norms));
    out["converged"] = to_mask(result.converged);
    out["status"] = status_text(result.status);
    out["interrupted"] = result.interrupted;
    out["refined"] = result.refined;
    out["squared_errors"] = to_numpy(std::move(result.squared_errors));
    out["n_matvecs"] = result.n_matvecs;
    out["n_passes"] = result.n_passes;
    out["n_restarts"] = result.n_restarts;
    out["basis_bytes"] = result.basis_bytes;
    return out;
}

}  // namespace

template <class Scalar>
void register_solvers(py::class_<PythonOperator<Scalar>>& python_class) {
    python_class.def("eigenpairs", &solve_eigenpairs<Scalar>, py::kw_only(), py::arg("k"), py::arg("which"),
                     py::arg("tolerance"), py::arg("block"), py::arg("basis_size"), py::arg("max_matvecs"),
                     py::arg("max_seconds"), py::arg("certify"), py::arg("seed"), py::arg("start"), py::arg("monitor"),
                     py::arg("filter") = false, py::arg("direct"), py::arg("threads"));
    python_class.def("triplets", &solve_triplets<Scalar>, py::kw_only(), py::arg("k"), py::arg("tolerance"),
                     py::arg("block"), py::arg("basis_size"), py::arg("n_blocks"), py::arg("keeps_last_block_only"),
                     py::arg("has_sparse_signs"), py::arg("max_matvecs"), py::arg("max_seconds"), py::arg("certify"),
                     py::arg("n_error_probes"), py::arg("seed"), py::arg("monitor"), py::arg("direct"),
                     py::arg("basis"), py::arg("threads"));
}

template void register_solvers<float>(py::class_<PythonOperator<float>>&);
template void register_solvers<double>(py::class_<PythonOperator<double>>&);
template void register_solvers<complex64>(py::class_<PythonOperator<complex64>>&);
template void register_solvers<complex128>(py::class_<PythonOperator<complex128>>&);

}  // namespace eigenscope::bind
