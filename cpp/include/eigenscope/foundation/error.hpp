// The errors of the core. bind/errors.cpp is the one place that turns them into Python exceptions.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>

namespace eigenscope {

/// Wrong input: what, where, how much, and what to do.
struct InvalidInput : std::invalid_argument {
    using std::invalid_argument::invalid_argument;
};

/// The data hold values that are not finite; `count` of them, the first at (row, column).
struct NonFiniteInput : std::invalid_argument {
    NonFiniteInput(const std::string& message, std::int64_t first_row, std::int64_t first_column)
        : std::invalid_argument(message), row(first_row), column(first_column) {}
    std::int64_t row;
    std::int64_t column;
};

/// A LAPACK routine reported failure.
struct LapackFailure : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// Somebody asked the computation to stop; raised after every thread has come home.
struct Interrupted : std::runtime_error {
    Interrupted() : std::runtime_error("interrupted") {}
};

inline void require(bool condition, const char* message) {
    if (!condition) throw InvalidInput(message);
}

}  // namespace eigenscope
