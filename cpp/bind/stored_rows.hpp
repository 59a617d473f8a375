// A dataset that Python decodes block by block, as the core reads it.
#pragma once

#include <eigenscope/panels/stored_rows.hpp>
#include <memory>

#include "arrays.hpp"

namespace eigenscope::bind {

struct PythonStoredRows {
    PythonStoredRows(Index rows, Index cols, Index block_rows, Index most_blocks, py::object read,
                     const py::dtype& dtype);
    ~PythonStoredRows();

    Index rows;
    Index cols;
    py::dtype dtype;
    py::object read;
    std::unique_ptr<StoredRows> stored;
};

}  // namespace eigenscope::bind
