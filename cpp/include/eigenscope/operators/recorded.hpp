// An operator that writes every product to a file and, on a second run, reads them back: a deterministic computation
// that was killed goes on from its last completed pass, with the same bits.
#pragma once

#include <cstdint>
#include <cstdio>
#include <eigenscope/operators/block_operator.hpp>
#include <memory>
#include <string>

namespace eigenscope {

/// The file of a recording: a description of the computation, then products in the order they were made.
class ProductLog {
  public:
    /// Opens or begins a log. Throws InvalidInput when the file describes another computation.
    ProductLog(const std::string& path, const std::string& description);

    /// Fill `bytes` of `product` from the log; false when the log ends here or goes on with another product. Throws
    /// when it begins with another one.
    bool replay(std::uint64_t key, void* product, std::size_t bytes);
    /// Append a product; it counts once it is completely on disk.
    void append(std::uint64_t key, const void* product, std::size_t bytes);
    /// Throws InvalidInput: the file belongs to another computation.
    [[noreturn]] void refuse() const;

  private:
    struct Close {
        void operator()(std::FILE* file) const { std::fclose(file); }
    };

    std::string path_;
    std::unique_ptr<std::FILE, Close> file_;
    long end_ = 0;  // of what is complete
    bool replaying_ = true, replayed_ = false;
};

template <class Scalar>
class RecordedOperator final : public BlockOperator<Scalar> {
  public:
    RecordedOperator(BlockOperator<Scalar>& inner, const std::string& path, const std::string& description)
        : inner_(inner), log_(path, description) {}

    Index rows() const override { return inner_.rows(); }
    Index cols() const override { return inner_.cols(); }
    int passes_per_gram() const override { return inner_.passes_per_gram(); }
    int passes_with_gram() const override { return inner_.passes_with_gram(); }
    bool is_repeatable() const override { return inner_.is_repeatable(); }
    void apply(ConstBlock<Scalar> x, Block<Scalar> y, const Execution& execution) override;
    void apply_adjoint(ConstBlock<Scalar> x, Block<Scalar> y, const Execution& execution) override;
    void apply_gram(ConstBlock<Scalar> x, Block<Scalar> z, const Execution& execution) override;
    void apply_with_gram(ConstBlock<Scalar> x, Block<Scalar> y, Block<Scalar> z, const Execution& execution) override;

  private:
    /// The product of kind `kind` with x, from the log or computed.
    template <class Compute>
    Matrix<Scalar> record(std::uint64_t kind, ConstBlock<Scalar> x, Index rows, Compute&& compute);

    /// Refuses the log of other data, in which the first stored product is not what it is now.
    void verify(const Matrix<Scalar>& stored, const Matrix<Scalar>& fresh) const;

    BlockOperator<Scalar>& inner_;
    ProductLog log_;
    bool verified_ = false;
    bool whole_ = true;  // no product has failed or been interrupted
};

}  // namespace eigenscope
