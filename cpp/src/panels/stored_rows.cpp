#include <algorithm>
#include <chrono>
#include <eigenscope/panels/stored_rows.hpp>
#include <utility>

namespace eigenscope {

StoredRows::StoredRows(Index rows, Index block_rows, Index most_blocks, Fetch fetch)
    : rows_(rows), block_rows_(block_rows), most_blocks_(most_blocks), fetch_(std::move(fetch)) {}

std::shared_ptr<const DecodedRows> StoredRows::block_with(Index row) {
    const Index number = row / block_rows_;
    Pending wanted;
    std::list<Entry> surplus;  // released after the lock: releasing may call Python
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        wanted = request(number);
        if ((number + 1) * block_rows_ < rows_) request(number + 1);
        surplus = take_surplus();
    }
    try {
        return wanted.get();
    } catch (...) {
        forget(number);
        throw;
    }
}

StoredRows::Pending StoredRows::request(Index number) {
    const auto found =
        std::find_if(recent_.begin(), recent_.end(), [number](const Entry& entry) { return entry.number == number; });
    if (found != recent_.end()) {
        recent_.splice(recent_.begin(), recent_, found);
        return recent_.front().block;
    }
    const Index first = number * block_rows_, count = std::min(block_rows_, rows_ - first);
    Pending block = std::async(
        std::launch::async, [this, first, count] { return std::make_shared<const DecodedRows>(fetch_(first, count)); });
    recent_.push_front({number, block});
    return block;
}

void StoredRows::forget(Index number) {
    std::list<Entry> failed;
    const std::lock_guard<std::mutex> lock(mutex_);
    for (auto entry = recent_.begin(); entry != recent_.end();) {
        const auto next = std::next(entry);
        if (entry->number == number) failed.splice(failed.begin(), recent_, entry);
        entry = next;
    }
}

std::list<StoredRows::Entry> StoredRows::take_surplus() {
    std::list<Entry> surplus;
    for (auto entry = recent_.end(); static_cast<Index>(recent_.size()) > most_blocks_ && entry != recent_.begin();) {
        const auto candidate = std::prev(entry);
        // A block still on its way would be waited for.
        if (candidate->block.wait_for(std::chrono::seconds(0)) == std::future_status::ready)
            surplus.splice(surplus.begin(), recent_, candidate);
        else
            entry = candidate;
    }
    return surplus;
}

void StoredRows::clear() {
    std::list<Entry> all;
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        all.swap(recent_);
    }
    for (const Entry& entry : all) entry.block.wait();
}

}  // namespace eigenscope
