// A map whose values are made once, by whoever asks first; others who ask meanwhile wait for that
// value alone. No lock is held while a value is made. The least recently used values go when the
// map is full; whoever holds one keeps it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <exception>
#include <future>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <utility>
#include <vector>

namespace weft::runtime {

/// Key is constructible from a Query and comparable with it (key == query).
template <class Key, class Value>
class OnceCache {
 public:
  explicit OnceCache(std::size_t capacity) : capacity_(capacity) {}

  struct Found {
    Value value;
    bool made;  // by this call
  };

  /// The value of a key; make() makes it. Its exception reaches everyone who waits, and the next
  /// call tries again.
  template <class Query, class Make>
  Found get(std::uint64_t hash, const Query& query, Make&& make) {
    std::promise<Value> promise;
    const auto [entry, inserted] = find_or_insert(hash, query, promise);
    if (!inserted) return {entry->value.get(), false};
    try {
      promise.set_value(make());
    } catch (...) {
      promise.set_exception(std::current_exception());
      erase(hash, entry);
      throw;
    }
    return {entry->value.get(), true};
  }

  std::size_t size() const {
    const std::lock_guard lock(mutex_);
    return entries_.size();
  }
  void clear() {
    const std::lock_guard lock(mutex_);
    entries_.clear();
  }

 private:
  struct Entry {
    template <class Query>
    Entry(const Query& query, std::shared_future<Value> future)
        : key(query), value(std::move(future)) {}
    const Key key;
    const std::shared_future<Value> value;
    std::uint64_t used = 0;  // guarded by the mutex
  };
  using Entries = std::unordered_multimap<std::uint64_t, std::shared_ptr<Entry>>;

  template <class Query>
  std::pair<std::shared_ptr<Entry>, bool> find_or_insert(std::uint64_t hash, const Query& query,
                                                         std::promise<Value>& promise) {
    const std::lock_guard lock(mutex_);
    const auto [begin, end] = entries_.equal_range(hash);
    const auto found =
        std::find_if(begin, end, [&](const auto& item) { return item.second->key == query; });
    if (found != end) {
      found->second->used = ++clock_;
      return {found->second, false};
    }
    if (entries_.size() >= capacity_) evict();
    auto entry = std::make_shared<Entry>(query, promise.get_future().share());
    entry->used = ++clock_;
    entries_.emplace(hash, entry);
    return {std::move(entry), true};
  }

  /// Drops the quarter that was used least recently.
  void evict() {
    std::vector<std::uint64_t> times;
    for (const auto& item : entries_) times.push_back(item.second->used);
    const auto middle = times.begin() + static_cast<std::ptrdiff_t>(times.size() / 4);
    std::nth_element(times.begin(), middle, times.end());
    std::erase_if(entries_, [&](const auto& item) { return item.second->used <= *middle; });
  }

  void erase(std::uint64_t hash, const std::shared_ptr<Entry>& entry) {
    const std::lock_guard lock(mutex_);
    const auto [begin, end] = entries_.equal_range(hash);
    const auto found =
        std::find_if(begin, end, [&](const auto& item) { return item.second == entry; });
    if (found != end) entries_.erase(found);
  }

  const std::size_t capacity_;
  mutable std::mutex mutex_;
  std::uint64_t clock_ = 0;
  Entries entries_;
};

}  // namespace weft::runtime
