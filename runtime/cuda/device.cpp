#include "runtime/cuda/device.h"

#include <algorithm>
#include <cstring>
#include <deque>
#include <limits>

#include <weft/error.h>
#include "runtime/cuda/memory.h"
#include "runtime/environment.h"
#include "runtime/info.h"

namespace weft::runtime::cuda {
namespace {

constexpr unsigned non_blocking = 1;      // streams do not wait for the default stream
constexpr int release_threshold = 4;      // the attribute of a pool
constexpr std::size_t kernels_named = 8;  // by the error of a fault

/// After these the context takes no more work.
bool is_fault(int code) {
  return code == 214 || code == 700 || code == 702 || code == 709 || code == 710 ||
         (code >= 714 && code <= 719);
}

std::uint64_t next_serial() {
  static std::atomic<std::uint64_t> last{0};
  return ++last;
}

bool waits_after_each_kernel() {
  static const bool waits = read_setting(Setting::cuda_sync).value_or(0) == 1;
  return waits;
}

/// Never destroyed: tensors in static objects may outlive it otherwise.
const std::vector<std::shared_ptr<Device>>& all_devices() {
  static const auto& devices = *[] {
    auto* made = new std::vector<std::shared_ptr<Device>>();
    const Driver& driver = Driver::instance();
    if (driver.usable())
      for (std::size_t k = 0; k < driver.devices.size(); ++k)
        made->push_back(Device::open(driver, static_cast<int>(k)));
    return made;
  }();
  return devices;
}

}  // namespace

Stream::Stream(std::shared_ptr<Device> device) : device_(std::move(device)) {
  device_->check(device_->api().create_stream(&handle_, non_blocking), "a stream");
  const std::lock_guard lock(device_->mutex_);
  device_->streams_.insert(this);
}

Stream::~Stream() {
  {
    const std::lock_guard lock(device_->mutex_);
    device_->streams_.erase(this);
  }
  if (!device_->is_lost_) device_->api().destroy_stream(handle_);
}

void Stream::note(const std::shared_ptr<const std::string>& kernel) {
  const std::lock_guard lock(mutex_);
  in_flight_[launched_++ % in_flight_.size()] = kernel;
}

void Stream::forget_kernels() {
  const std::lock_guard lock(mutex_);
  launched_ = 0;
}

/// The latest first, each name once.
void Stream::add_names(std::vector<std::string>& kernels) {
  const std::lock_guard lock(mutex_);
  const std::size_t known = std::min(launched_, in_flight_.size());
  for (std::size_t back = 1; back <= known; ++back) {
    const std::string& name = *in_flight_[(launched_ - back) % in_flight_.size()];
    if (std::find(kernels.begin(), kernels.end(), name) == kernels.end()) kernels.push_back(name);
  }
}

void Stream::synchronize() {
  device_->check(device_->api().synchronize_stream(handle_), "waiting for the device");
  forget_kernels();
}

int Device::count() {
  const Driver& driver = Driver::instance();
  return driver.usable() ? static_cast<int>(driver.devices.size()) : 0;
}

const std::shared_ptr<Device>& Device::get(int index) {
  const Driver& driver = Driver::instance();
  const std::string name = "cuda:" + std::to_string(index);
  if (!driver.usable()) throw Error(name + " is not available: " + driver.why_not());
  if (index < 0 || index >= count())
    throw Error(name + " does not exist: expected cuda:0" +
                (count() > 1 ? " to cuda:" + std::to_string(count() - 1) : "") +
                ", the driver has " + std::to_string(count()) +
                (count() == 1 ? " device" : " devices"));
  return all_devices()[static_cast<std::size_t>(index)];
}

std::shared_ptr<Device> Device::open(const Driver& driver, int index) {
  return std::shared_ptr<Device>(new Device(driver, index));
}

Device::Device(const Driver& driver, int index)
    : driver_(driver),
      index_(index),
      name_("cuda:" + std::to_string(index)),
      serial_(next_serial()),
      staging_(*this) {}

/// The context and the pool, when the device is first used.
void Device::start() {
  const std::lock_guard lock(mutex_);
  if (pool_ != nullptr) return;
  int handle = 0;
  check_start(api().device(&handle, index_), "finding the device");
  if (context_ == nullptr) {
    ContextHandle context = nullptr;
    check_start(api().retain_context(&context, handle), "the device's context");
    context_ = context;
  }
  check_start(api().set_context(context_), "entering the device's context");
  PoolProperties properties;
  properties.location = handle;
  PoolHandle pool = nullptr;
  check_start(api().create_pool(&pool, &properties), "a memory pool");
  std::uint64_t kept = std::numeric_limits<std::uint64_t>::max();
  check_start(api().set_pool_attribute(pool, release_threshold, &kept), "a memory pool");
  pool_ = pool;
  started_ = true;
}

void Device::check_start(int code, const char* what) const {
  if (code != status::success) throw Error(name_ + ": " + what + ": " + error_text(code));
}

void Device::enter() {
  if (is_lost_) {
    const std::lock_guard lock(mutex_);
    throw Error(lost_);
  }
  if (!started_) start();
  check(api().set_context(context_), "entering the device's context");
}

/// The driver does not tell which kernel it was: it is one that nobody has waited for.
std::string Device::fault_text(int code) const {
  std::vector<std::string> kernels;
  for (Stream* stream : streams_) stream->add_names(kernels);
  std::string text = name_ + ": ";
  if (kernels.empty()) text += "a kernel";
  if (kernels.size() == 1) text += "kernel " + kernels[0];
  if (kernels.size() > 1) {
    text += "one of the last kernels (";
    for (std::size_t k = 0; k < std::min(kernels.size(), kernels_named); ++k)
      text += (k > 0 ? ", " : "") + kernels[k];
    text += kernels.size() > kernels_named ? ", ...; " : "; ";
    text += "WEFT_CUDA_SYNC=1 tells which)";
  }
  return text + " failed: " + error_text(code) +
         "; what is on the device is lost, and this process cannot use it again; the CPU goes on";
}

void Device::check(int code, const char* what) {
  if (code == status::success) return;
  if (!is_fault(code)) throw Error(name_ + ": " + what + ": " + error_text(code));
  const std::lock_guard lock(mutex_);
  if (!is_lost_) lost_ = fault_text(code);
  is_lost_ = true;
  throw Error(lost_);
}

/// A thread's streams, by their device's serial number.
struct Device::ThreadStreams {
  std::vector<std::pair<std::uint64_t, std::shared_ptr<Stream>>> all;
  ThreadStreams() = default;
  ThreadStreams(const ThreadStreams&) = delete;
  ThreadStreams& operator=(const ThreadStreams&) = delete;
  ~ThreadStreams() {
    for (const auto& [serial, stream] : all) stream->device().leave(stream);
  }
};

const std::shared_ptr<Stream>& Device::stream() {
  enter();
  thread_local ThreadStreams streams;
  for (const auto& [serial, stream] : streams.all)
    if (serial == serial_) return stream;
  streams.all.emplace_back(serial_, take_stream());
  return streams.all.back().second;
}

// Memory keeps the streams that read it. Those of threads that ended go to the next threads, so
// that there are never more than threads at once.
std::shared_ptr<Stream> Device::take_stream() {
  {
    const std::lock_guard lock(mutex_);
    while (!left_.empty()) {
      std::shared_ptr<Stream> stream = left_.back().lock();
      left_.pop_back();
      if (stream != nullptr) return stream;
    }
  }
  return std::make_shared<Stream>(shared_from_this());
}

void Device::leave(const std::shared_ptr<Stream>& stream) {
  const std::lock_guard lock(mutex_);
  std::erase_if(left_, [](const std::weak_ptr<Stream>& other) { return other.expired(); });
  left_.push_back(stream);
}

EventHandle Device::take_event() {
  {
    const std::lock_guard lock(mutex_);
    if (!events_.empty()) {
      const EventHandle event = events_.back();
      events_.pop_back();
      return event;
    }
  }
  EventHandle event = nullptr;
  check(api().create_event(&event, event_without_timing), "an event");
  return event;
}

void Device::give_event(EventHandle event) {
  const std::lock_guard lock(mutex_);
  events_.push_back(event);
}

void Device::order(const Stream& first, const Stream& then) {
  const EventHandle event = take_event();
  int code = api().record_event(event, first.handle());
  if (code == status::success) code = api().wait_event(then.handle(), event, 0);
  give_event(event);
  check(code, "ordering two streams");
}

Buffer Device::allocate(std::size_t bytes, std::string_view label) {
  const auto memory = std::make_shared<Memory>(stream(), bytes, label);
  return {{memory, reinterpret_cast<void*>(memory->pointer())}, bytes, memory.get()};
}

DevicePointer Device::allocate_raw(std::size_t bytes, const Stream& stream,
                                   std::string_view label) {
  DevicePointer pointer = 0;
  if (bytes == 0) return pointer;
  int code = api().allocate(&pointer, bytes, pool_, stream.handle());
  if (code == status::out_of_memory) {
    // What was freed on other streams comes back once their work is done.
    check(api().synchronize_context(), "waiting for the device");
    check(api().trim_pool(pool_, 0), "emptying the pool");
    code = api().allocate(&pointer, bytes, pool_, stream.handle());
  }
  if (code == status::out_of_memory) fail_out_of_memory(bytes, label);
  check(code, "allocating memory");
  return pointer;
}

void Device::fail_out_of_memory(std::size_t bytes, std::string_view label) {
  constexpr std::size_t listed = 5;
  std::size_t free = 0, total = 0;
  const bool known = api().memory_info(&free, &total) == status::success;
  std::string text = name_ + ": out of memory: " + human_bytes(bytes) + " for " +
                     std::string(label) + " do not fit";
  if (known) text += ", " + human_bytes(free) + " of " + human_bytes(total) + " are free";
  const std::lock_guard lock(mutex_);
  std::vector<const Memory*> largest(live_.begin(), live_.end());
  std::sort(largest.begin(), largest.end(), [](const Memory* a, const Memory* b) {
    return a->bytes() != b->bytes() ? a->bytes() > b->bytes() : a->label() < b->label();
  });
  text += largest.empty() ? "; no buffer of this process is live"
                          : "; " + std::to_string(largest.size()) + " live buffers, the largest: ";
  for (std::size_t k = 0; k < std::min(listed, largest.size()); ++k)
    text += (k > 0 ? ", " : "") + human_bytes(largest[k]->bytes()) + " " + largest[k]->label();
  throw OutOfMemory(text);
}

void Device::add(const Memory& memory) {
  const std::lock_guard lock(mutex_);
  live_.insert(&memory);
  live_bytes_ += memory.bytes();
  peak_bytes_ = std::max(peak_bytes_, live_bytes_);
}

void Device::remove(const Memory& memory) {
  const std::lock_guard lock(mutex_);
  if (live_.erase(&memory) > 0) live_bytes_ -= memory.bytes();
}

MemoryStats Device::memory_stats() {
  const std::lock_guard lock(mutex_);
  return {live_bytes_, peak_bytes_};
}

void Device::copy_in(Memory& to, std::size_t offset, const void* from, std::size_t bytes) {
  if (bytes == 0) return;
  const std::shared_ptr<Stream>& queue = stream();
  to.order(queue, Memory::Use::write);
  const auto* source = static_cast<const std::byte*>(from);
  for (std::size_t done = 0; done < bytes;) {
    Staging::Block block = staging_.take(bytes - done);
    const std::size_t part = std::min(block.bytes, bytes - done);
    std::memcpy(block.memory, source + done, part);
    const int code =
        api().copy_to_device(to.pointer() + offset + done, block.memory, part, queue->handle());
    if (code != status::success) staging_.give_idle(block);
    check(code, "copying to the device");
    staging_.give(block, *queue);
    done += part;
  }
}

void Device::copy_out(void* to, Memory& from, std::size_t offset, std::size_t bytes) {
  if (bytes == 0) return;
  const std::shared_ptr<Stream>& queue = stream();
  from.order(queue, Memory::Use::read);
  struct Part {
    Staging::Block block;
    std::byte* to;
    std::size_t bytes;
  };
  std::deque<Part> coming;  // at most two: one is copied while the next one comes
  int code = status::success;
  const auto receive = [&] {
    const Part part = coming.front();
    coming.pop_front();
    if (code == status::success) code = api().synchronize_event(part.block.done);
    if (code == status::success)
      std::memcpy(part.to, part.block.memory, part.bytes);
    else
      api().synchronize_stream(queue->handle());  // nothing may write to the block any more
    staging_.give_idle(part.block);
  };
  for (std::size_t done = 0; done < bytes && code == status::success;) {
    coming.push_back({staging_.take(bytes - done), static_cast<std::byte*>(to) + done, 0});
    Part& part = coming.back();
    part.bytes = std::min(part.block.bytes, bytes - done);
    code = api().copy_to_host(part.block.memory, from.pointer() + offset + done, part.bytes,
                              queue->handle());
    if (code == status::success) code = api().record_event(part.block.done, queue->handle());
    done += part.bytes;
    if (coming.size() == 2) receive();
  }
  while (!coming.empty()) receive();
  check(code, "copying to the host");
  queue->forget_kernels();  // everything before the copy went well
}

void Device::copy_within(Memory& to, std::size_t to_offset, Memory& from, std::size_t from_offset,
                         std::size_t bytes) {
  if (bytes == 0) return;
  const std::shared_ptr<Stream>& queue = stream();
  from.order(queue, Memory::Use::read);
  to.order(queue, Memory::Use::write);
  check(api().copy_on_device(to.pointer() + to_offset, from.pointer() + from_offset, bytes,
                             queue->handle()),
        "copying on the device");
}

Buffer Device::to_device(const Buffer& host, std::string_view label) {
  Buffer made = allocate(host.bytes, label);
  copy_in(*made.device, 0, host.data(), host.bytes);
  return made;
}

Buffer Device::to_host(const Buffer& device) {
  Buffer made = runtime::allocate(device.bytes);
  copy_out(made.data(), *device.device, 0, device.bytes);
  return made;
}

void Device::launch(Stream& stream, FunctionHandle function, unsigned blocks, unsigned threads,
                    void** arguments, const std::shared_ptr<const std::string>& kernel) {
  stream.note(kernel);
  const int code =
      api().launch(function, blocks, 1, 1, threads, 1, 1, 0, stream.handle(), arguments, nullptr);
  if (code != status::success && !is_fault(code))
    throw Error(name_ + ": kernel " + *kernel + " cannot be launched: " + error_text(code));
  check(code, "launching");
  if (waits_after_each_kernel()) stream.synchronize();
}

}  // namespace weft::runtime::cuda
