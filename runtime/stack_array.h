// An array of a length known when it is made: on the stack where that is at most N.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

namespace weft::runtime {

template <class T, std::size_t N>
class StackArray {
 public:
  explicit StackArray(std::size_t size) : size_(size) {
    if (size > N) {
      large_ = std::make_unique<T[]>(size);
      data_ = large_.get();
    } else {
      data_ = reinterpret_cast<T*>(room_);
      std::uninitialized_value_construct_n(data_, size);
    }
  }
  ~StackArray() {
    if (!large_) std::destroy_n(data_, size_);
  }
  StackArray(const StackArray&) = delete;
  StackArray& operator=(const StackArray&) = delete;

  T& operator[](std::size_t k) { return data_[k]; }
  T* data() { return data_; }
  T* begin() { return data_; }
  T* end() { return data_ + size_; }
  std::size_t size() const { return size_; }
  operator std::span<T>() { return {data_, size_}; }
  operator std::span<const T>() const { return {data_, size_}; }

 private:
  alignas(T) std::byte room_[N * sizeof(T)];
  std::unique_ptr<T[]> large_;
  T* data_;
  std::size_t size_;
};

}  // namespace weft::runtime
