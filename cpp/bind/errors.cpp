// The one translator from core exceptions to Python's.
#include <pybind11/pybind11.h>

#include <eigenscope/foundation/error.hpp>

namespace py = pybind11;

namespace eigenscope::bind {

namespace {

/// Python classes live in eigenscope.errors; looked up when needed, so that the core never imports the package.
void set_python_error(const char* name, const char* message) {
    PyErr_SetString(py::module_::import("eigenscope.errors").attr(name).ptr(), message);
}

}  // namespace

void register_errors(py::module_&) {
    py::register_exception_translator([](std::exception_ptr pending) {
        try {
            if (pending) std::rethrow_exception(pending);
        } catch (const NonFiniteInput& error) {
            set_python_error("NonFiniteInputError", error.what());
        } catch (const InvalidInput& error) {
            set_python_error("InvalidInputError", error.what());
        } catch (const LapackFailure& error) {
            set_python_error("LapackError", error.what());
        } catch (const Interrupted&) {
            set_python_error("Interrupted", "stopped on request");
        }
    });
}

}  // namespace eigenscope::bind
