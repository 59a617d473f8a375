// Table of contents of the compiled module: one file per topic.
#include <pybind11/pybind11.h>

namespace py = pybind11;

namespace eigenscope::bind {
void register_errors(py::module_& module);
void register_stored_rows(py::module_& module);
void register_panels(py::module_& module);
void register_operators(py::module_& module);
void register_sparse(py::module_& module);
void register_density(py::module_& module);
void register_dense_algebra(py::module_& module);
void register_random_matrix(py::module_& module);
void register_silverstein(py::module_& module);
void register_shrinkage(py::module_& module);
void register_chain_moments(py::module_& module);
void register_system(py::module_& module);
void register_random(py::module_& module);
}  // namespace eigenscope::bind

PYBIND11_MODULE(_core, module) {
    module.doc() = "Compiled core of eigenscope; the public interface is the Python package.";
    module.attr("__version__") = EIGENSCOPE_VERSION;
    eigenscope::bind::register_errors(module);
    eigenscope::bind::register_stored_rows(module);
    eigenscope::bind::register_panels(module);
    // Operators first: signatures of what follows name their classes.
    eigenscope::bind::register_operators(module);
    eigenscope::bind::register_sparse(module);
    eigenscope::bind::register_density(module);
    eigenscope::bind::register_dense_algebra(module);
    eigenscope::bind::register_random_matrix(module);
    eigenscope::bind::register_silverstein(module);
    eigenscope::bind::register_shrinkage(module);
    eigenscope::bind::register_chain_moments(module);
    eigenscope::bind::register_system(module);
    eigenscope::bind::register_random(module);
}
