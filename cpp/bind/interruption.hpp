// Ctrl-C and Python callbacks, seen from code that runs without the GIL.
#pragma once

#include <pybind11/pybind11.h>

#include <eigenscope/foundation/error.hpp>
#include <eigenscope/foundation/progress.hpp>

namespace eigenscope::bind {

namespace py = pybind11;

/// Asks Python for pending signals. Only Python's main thread receives them; elsewhere this costs nothing.
class SignalStop final : public StopToken {
  public:
    void poll() override {
        const py::gil_scoped_acquire gil;
        if (PyErr_CheckSignals() == 0) return;
        // A handler other than the default raises something of its own, which goes back as it is.
        py::error_already_set pending;
        if (!pending.matches(PyExc_KeyboardInterrupt)) throw std::move(pending);
        request_stop();
    }
};

/// Runs `compute` without the GIL. An interruption without a partial result becomes the Python exception.
template <class Compute>
auto without_gil(int threads, Compute&& compute) {
    SignalStop stop;
    const Execution execution{threads, &stop};
    const py::gil_scoped_release release;
    return compute(execution);
}

}  // namespace eigenscope::bind
