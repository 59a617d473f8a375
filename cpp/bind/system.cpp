// The BLAS table, threads and what this build is.
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <Eigen/Core>
#include <eigenscope/foundation/blas.hpp>
#include <eigenscope/foundation/error.hpp>
#include <eigenscope/foundation/kernels.hpp>
#include <eigenscope/foundation/parallel.hpp>
#include <eigenscope/foundation/uninterruptible.hpp>
#include <string>
#include <vector>

namespace py = pybind11;

namespace eigenscope::bind {

namespace {

/// SciPy's capsules are named by their C signature; LP64 integers are spelled `int *` in it.
void install_blas(const std::string& name, const py::capsule& routine) {
    const std::string signature = routine.name() ? routine.name() : "";
    if (signature.find("int *") == std::string::npos)
        throw InvalidInput("BLAS routine " + name + " has the signature '" + signature + "', expected 32-bit integers");
    blas::install(name, routine.get_pointer<void>());
}

std::vector<std::string> blas_routine_names() {
    std::vector<std::string> names;
    for (const std::string_view name : blas::routine_names()) names.emplace_back(name);
    return names;
}

py::dict build_config() {
    py::dict config;
    config["version"] = EIGENSCOPE_VERSION;
    config["parallel"] = parallel::backend();
    config["instruction_set"] = instruction_set();
    config["eigen"] = std::to_string(EIGEN_WORLD_VERSION) + "." + std::to_string(EIGEN_MAJOR_VERSION) + "." +
                      std::to_string(EIGEN_MINOR_VERSION);
#if defined(__clang__)
    config["compiler"] = std::string("clang ") + __clang_version__;
#elif defined(__GNUC__)
    config["compiler"] = std::string("gcc ") + __VERSION__;
#elif defined(_MSC_VER)
    config["compiler"] = "msvc " + std::to_string(_MSC_VER);
#endif
    return config;
}

}  // namespace

void register_system(py::module_& module) {
    module.def("install_blas", &install_blas, py::arg("name"), py::arg("routine"));
    module.def("blas_routine_names", &blas_routine_names);
    module.def("blas_ready", &blas::ready);
    module.def("build_config", &build_config);
    module.def("available_processors", &parallel::available_processors);
    module.def("forbid_threads_after_fork", [] {
        parallel::forbid_threads_after_fork();
        forget_abandoned_calls();
    });
    module.def("abandoned_calls", &abandoned_calls);
    module.def("forbidden_after_fork", &parallel::forbidden_after_fork);
}

}  // namespace eigenscope::bind
