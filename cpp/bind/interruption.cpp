#include "interruption.hpp"

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <eigenscope/foundation/uninterruptible.hpp>
#include <thread>

namespace eigenscope::bind {

namespace {

/// The end of the process waits this long for what was left behind before it says so.
constexpr auto silent_wait = std::chrono::milliseconds(500);
constexpr auto look_interval = std::chrono::milliseconds(10);

void flush_output() {
    for (const char* name : {"stdout", "stderr"}) {
        try {
            py::module_::import("sys").attr(name).attr("flush")();
        } catch (const py::error_already_set&) {
            // A stream that is closed or absent has nothing to lose.
        }
    }
}

/// The interpreter must not be taken down under a thread inside LAPACK. Another Ctrl-C ends the process at once.
void await_abandoned_calls() {
    const auto began = std::chrono::steady_clock::now();
    bool silent = true;
    while (abandoned_calls() > 0) {
        if (silent && std::chrono::steady_clock::now() - began > silent_wait) {
            silent = false;
            PySys_WriteStderr("eigenscope: waiting for the end of a LAPACK call; Ctrl-C again leaves at once\n");
        }
        {
            const py::gil_scoped_release release;
            std::this_thread::sleep_for(look_interval);
        }
        if (PyErr_CheckSignals() == 0) continue;
        flush_output();
        std::_Exit(128 + SIGINT);
    }
}

void wait_at_exit() {
    static bool registered = false;
    if (std::exchange(registered, true)) return;
    py::module_::import("atexit").attr("register")(py::cpp_function(&await_abandoned_calls));
}

}  // namespace

void SignalStop::poll() {
    const py::gil_scoped_acquire gil;
    if (PyErr_CheckSignals() == 0) return;
    // A handler other than the default raises something of its own, which goes back as it is.
    py::error_already_set pending;
    wait_at_exit();
    if (!pending.matches(PyExc_KeyboardInterrupt)) throw std::move(pending);
    request_stop();
}

std::shared_ptr<void> shared_reference(const py::object& object) {
    const auto release = [](void* pointer) {
        const py::gil_scoped_acquire gil;
        Py_DECREF(static_cast<PyObject*>(pointer));
    };
    return {object.inc_ref().ptr(), release};
}

}  // namespace eigenscope::bind
