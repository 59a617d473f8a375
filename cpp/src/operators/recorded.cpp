#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <eigenscope/foundation/error.hpp>
#include <eigenscope/operators/recorded.hpp>
#include <limits>
#include <utility>
#include <vector>

#ifndef _WIN32
#include <unistd.h>
#endif

namespace eigenscope {

namespace {

constexpr std::array<char, 8> signature = {'E', 'S', 'P', 'R', 'O', 'D', '0', '1'};

/// FNV-1a over 64-bit words (Fowler, Noll and Vo), the last one padded with zeros.
std::uint64_t checksum(const void* data, std::size_t bytes, std::uint64_t hash = 0xcbf29ce484222325u) {
    const auto* at = static_cast<const unsigned char*>(data);
    for (; bytes > 0; at += 8) {
        const std::size_t count = bytes < 8 ? bytes : 8;
        std::uint64_t word = 0;
        std::memcpy(&word, at, count);
        hash = (hash ^ word) * 0x100000001b3u;
        bytes -= count;
    }
    return hash;
}

/// A product made again may differ by this many eps of its largest entry: another machine rounds another way, and a
/// caller's function may answer in a coarser format.
constexpr double rounding_of_products = 256.0;
constexpr double rounding_of_functions = 1e6;

struct RecordHeader {
    std::uint64_t key;
    std::uint64_t bytes;
    std::uint64_t checksum;
};

bool read_all(std::FILE* file, void* to, std::size_t bytes) {
    return std::fread(to, 1, bytes, file) == bytes;
}

}  // namespace

ProductLog::ProductLog(const std::string& path, const std::string& description) : path_(path) {
    file_.reset(std::fopen(path.c_str(), "r+b"));
    if (!file_) file_.reset(std::fopen(path.c_str(), "w+b"));
    if (!file_) throw InvalidInput("the checkpoint " + path + " cannot be written");
    std::array<char, 8> found{};
    std::uint64_t length = 0;
    if (!read_all(file_.get(), found.data(), found.size()) || !read_all(file_.get(), &length, sizeof length)) {
        // Nothing complete is here yet.
        std::rewind(file_.get());
        length = description.size();
        std::fwrite(signature.data(), 1, signature.size(), file_.get());
        std::fwrite(&length, sizeof length, 1, file_.get());
        std::fwrite(description.data(), 1, description.size(), file_.get());
        std::fflush(file_.get());
        end_ = std::ftell(file_.get());
        replaying_ = false;
        return;
    }
    if (found != signature) throw InvalidInput(path + " is not a checkpoint: give another path");
    std::string present(length == description.size() ? description.size() : 0, '\0');
    if (length != description.size() || !read_all(file_.get(), present.data(), present.size()) ||
        present != description)
        refuse();
    end_ = std::ftell(file_.get());
}

void ProductLog::refuse() const {
    throw InvalidInput("the checkpoint " + path_ +
                       " belongs to another computation (other data, options or seed): give the same ones, or remove "
                       "the file");
}

bool ProductLog::replay(std::uint64_t key, void* product, std::size_t bytes) {
    if (!replaying_) return false;
    RecordHeader header{};
    if (read_all(file_.get(), &header, sizeof header)) {
        const bool is_asked_for = header.key == key && header.bytes == bytes;
        if (!is_asked_for && !replayed_) refuse();
        if (is_asked_for && read_all(file_.get(), product, bytes) && checksum(product, bytes) == header.checksum) {
            end_ = std::ftell(file_.get());
            return replayed_ = true;
        }
    }
    // The rest was not complete when the process ended, or ended an interrupted run with what it had.
    replaying_ = false;
    return false;
}

void ProductLog::append(std::uint64_t key, const void* product, std::size_t bytes) {
    const RecordHeader header{key, bytes, checksum(product, bytes)};
    bool written = std::fseek(file_.get(), end_, SEEK_SET) == 0;
    written = written && std::fwrite(&header, sizeof header, 1, file_.get()) == 1;
    written = written && std::fwrite(product, 1, bytes, file_.get()) == bytes && std::fflush(file_.get()) == 0;
    if (!written) throw InvalidInput("the checkpoint " + path_ + " cannot be written: is the disk full?");
#ifndef _WIN32
    fsync(fileno(file_.get()));
#endif
    end_ = std::ftell(file_.get());
}

template <class Scalar>
void RecordedOperator<Scalar>::verify(const Matrix<Scalar>& stored, const Matrix<Scalar>& fresh) const {
    const double eps = std::numeric_limits<RealOf<Scalar>>::epsilon();
    const double tolerance = eps * (inner_.is_repeatable() ? rounding_of_products : rounding_of_functions);
    double largest = 0.0, difference = 0.0;
    for (Index i = 0; i < stored.size(); ++i) {
        const Precise<Scalar> before(stored.data()[i]), now(fresh.data()[i]);
        largest = std::max(largest, std::abs(before));
        // No comparison with NaN is true.
        if (!(std::abs(before - now) <= difference)) difference = std::abs(before - now);
        if (!std::isfinite(difference)) break;
    }
    if (!(difference <= tolerance * largest)) log_.refuse();
}

template <class Scalar>
template <class Compute>
Matrix<Scalar> RecordedOperator<Scalar>::record(std::uint64_t kind, ConstBlock<Scalar> x, Index rows,
                                                Compute&& compute) {
    std::uint64_t key = checksum(&kind, sizeof kind);
    for (Index j = 0; j < x.cols; ++j)
        key = checksum(x.column(j), static_cast<std::size_t>(x.rows) * sizeof(Scalar), key);
    Matrix<Scalar> product(rows, x.cols);
    const std::size_t bytes = static_cast<std::size_t>(product.size()) * sizeof(Scalar);
    if (!log_.replay(key, product.data(), bytes)) {
        // What is asked for after a product that failed ends the run, and is not part of the computation.
        const bool was_whole = std::exchange(whole_, false);
        compute(Block<Scalar>(product));
        whole_ = was_whole;
        if (whole_) log_.append(key, product.data(), bytes);
    } else if (!std::exchange(verified_, true)) {
        Matrix<Scalar> fresh(rows, x.cols);
        compute(Block<Scalar>(fresh));
        verify(product, fresh);
    }
    return product;
}

template <class Scalar>
void RecordedOperator<Scalar>::apply(ConstBlock<Scalar> x, Block<Scalar> y, const Execution& execution) {
    y.map() = record(1, x, y.rows, [&](Block<Scalar> product) { inner_.apply(x, product, execution); });
}

template <class Scalar>
void RecordedOperator<Scalar>::apply_adjoint(ConstBlock<Scalar> x, Block<Scalar> y, const Execution& execution) {
    y.map() = record(2, x, y.rows, [&](Block<Scalar> product) { inner_.apply_adjoint(x, product, execution); });
}

template <class Scalar>
void RecordedOperator<Scalar>::apply_gram(ConstBlock<Scalar> x, Block<Scalar> z, const Execution& execution) {
    z.map() = record(3, x, z.rows, [&](Block<Scalar> product) { inner_.apply_gram(x, product, execution); });
}

template <class Scalar>
void RecordedOperator<Scalar>::apply_with_gram(ConstBlock<Scalar> x, Block<Scalar> y, Block<Scalar> z,
                                               const Execution& execution) {
    const Matrix<Scalar> both = record(4, x, y.rows + z.rows, [&](Block<Scalar> product) {
        inner_.apply_with_gram(x, product.rows_range(0, y.rows), product.rows_range(y.rows, z.rows), execution);
    });
    y.map() = both.topRows(y.rows);
    z.map() = both.bottomRows(z.rows);
}

template class RecordedOperator<float>;
template class RecordedOperator<double>;
template class RecordedOperator<complex64>;
template class RecordedOperator<complex128>;

}  // namespace eigenscope
