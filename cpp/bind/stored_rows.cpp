// Datasets that Python libraries decode: HDF5, zarr and whatever slices into arrays.
#include "stored_rows.hpp"

#include <pybind11/functional.h>

#include <string>

#include "interruption.hpp"

namespace eigenscope::bind {

namespace {

/// Calls `read(first, stop)`, which must return a C-ordered array of those rows.
StoredRows::Fetch wrap_fetch(PyObject* read, Index cols) {
    return [read, cols](Index first, Index count) {
        const py::gil_scoped_acquire gil;
        py::object answer = py::reinterpret_borrow<py::object>(read)(first, first + count);
        const auto array = py::array::ensure(answer);
        if (!array || array.ndim() != 2 || array.shape(0) != count || array.shape(1) != cols)
            throw InvalidInput("rows " + std::to_string(first) + " to " + std::to_string(first + count - 1) +
                               " of the dataset came back with another shape");
        DecodedRows decoded;
        decoded.first_row = first;
        decoded.rows = to_source(array, std::nullopt, std::nullopt);
        decoded.owner = std::shared_ptr<void>(py::object(array).release().ptr(), [](void* object) {
            const py::gil_scoped_acquire release_gil;
            Py_DECREF(static_cast<PyObject*>(object));
        });
        return decoded;
    };
}

}  // namespace

PythonStoredRows::PythonStoredRows(Index rows_, Index cols_, Index block_rows, Index most_blocks, py::object read_,
                                   const py::dtype& dtype_)
    : rows(rows_),
      cols(cols_),
      dtype(dtype_),
      read(std::move(read_)),
      stored(std::make_unique<StoredRows>(rows_, block_rows, most_blocks, wrap_fetch(read.ptr(), cols_))) {
    if (rows < 1 || cols < 1 || block_rows < 1 || most_blocks < 1)
        throw InvalidInput("stored rows need a shape and blocks of at least one row");
}

PythonStoredRows::~PythonStoredRows() {
    // Threads that still fetch need the GIL to finish.
    const py::gil_scoped_release release;
    stored->clear();
}

void register_stored_rows(py::module_& module) {
    py::class_<PythonStoredRows>(module, "StoredRows")
        .def(py::init<Index, Index, Index, Index, py::object, const py::dtype&>(), py::arg("rows"), py::arg("cols"),
             py::kw_only(), py::arg("block_rows"), py::arg("most_blocks"), py::arg("read"), py::arg("dtype"))
        .def("clear", [](PythonStoredRows& self) {
            const py::gil_scoped_release release;
            self.stored->clear();
        });
}

}  // namespace eigenscope::bind
