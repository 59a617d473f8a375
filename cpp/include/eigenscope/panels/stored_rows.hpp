// Rows that must be fetched before they can be read (chunked, compressed or remote data): a few decoded blocks are
// kept, and the next one is fetched while the current one is worked on.
#pragma once

#include <eigenscope/panels/source.hpp>
#include <functional>
#include <future>
#include <list>
#include <memory>
#include <mutex>

namespace eigenscope {

/// Rows [first_row, first_row + rows.rows) in memory that `owner` keeps alive.
struct DecodedRows {
    Index first_row = 0;
    DenseSource rows;
    std::shared_ptr<void> owner;

    Index end() const { return first_row + rows.rows; }
};

class StoredRows {
  public:
    /// Called from several threads, for blocks of rows.
    using Fetch = std::function<DecodedRows(Index first_row, Index count)>;

    /// At most `most_blocks` blocks of `block_rows` rows are held at a time, besides those being read.
    StoredRows(Index rows, Index block_rows, Index most_blocks, Fetch fetch);

    /// The block that holds `row`; also starts fetching the one after it.
    std::shared_ptr<const DecodedRows> block_with(Index row);

    /// Wait for what is being fetched and forget all blocks.
    void clear();

  private:
    using Pending = std::shared_future<std::shared_ptr<const DecodedRows>>;
    struct Entry {
        Index number;
        Pending block;
    };

    Pending request(Index number);
    void forget(Index number);
    std::list<Entry> take_surplus();

    const Index rows_;
    const Index block_rows_;
    const Index most_blocks_;
    const Fetch fetch_;
    std::mutex mutex_;
    std::list<Entry> recent_;  // most recently used first
};

}  // namespace eigenscope
