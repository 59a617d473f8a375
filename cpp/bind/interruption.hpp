// Ctrl-C and Python callbacks, seen from code that runs without the GIL.
#pragma once

#include <pybind11/pybind11.h>

#include <eigenscope/foundation/error.hpp>
#include <eigenscope/foundation/progress.hpp>
#include <memory>

namespace eigenscope::bind {

namespace py = pybind11;

/// Asks Python for pending signals. Only Python's main thread receives them; elsewhere this costs nothing.
class SignalStop final : public StopToken {
  public:
    void poll() override;
};

/// A reference to a Python object that any thread may drop.
std::shared_ptr<void> shared_reference(const py::object& object);

/// Runs `compute` without the GIL. An interruption without a partial result becomes the Python exception.
template <class Compute>
auto without_gil(int threads, Compute&& compute) {
    SignalStop stop;
    const Execution execution{threads, &stop};
    const py::gil_scoped_release release;
    return compute(execution);
}

}  // namespace eigenscope::bind
