#include "runtime/cuda/memory.h"

#include <algorithm>

#include "runtime/cuda/device.h"

namespace weft::runtime::cuda {

Memory::Memory(const std::shared_ptr<Stream>& stream, std::size_t bytes, std::string_view label)
    : device_(stream->device()),
      bytes_(bytes),
      label_(label),
      pointer_(device_.allocate_raw(bytes, *stream, label)),
      writer_(stream) {
  device_.add(*this);
}

// Whatever fails here has failed for others before: nothing is thrown.
Memory::~Memory() {
  device_.remove(*this);
  if (pointer_ == 0 || device_.is_lost_) return;
  device_.api().set_context(device_.context_);
  try {
    for (const std::shared_ptr<Stream>& reader : readers_) device_.order(*reader, *writer_);
  } catch (const std::exception&) {
    return;  // rather lost than given to others too early
  }
  device_.api().free(pointer_, writer_->handle());
}

void Memory::order(const std::shared_ptr<Stream>& stream, Use use) {
  const std::lock_guard lock(mutex_);
  const bool known =
      stream == writer_ || std::find(readers_.begin(), readers_.end(), stream) != readers_.end();
  if (!known) device_.order(*writer_, *stream);
  if (use == Use::read) {
    if (!known) readers_.push_back(stream);
    return;
  }
  for (const std::shared_ptr<Stream>& reader : readers_)
    if (reader != stream) device_.order(*reader, *stream);
  readers_.clear();
  writer_ = stream;
}

std::shared_ptr<Module> Module::load(const std::shared_ptr<Device>& device, const void* image,
                                     int& status) {
  device->enter();
  ModuleHandle handle = nullptr;
  status = device->api().load_module(&handle, image, 0, nullptr, nullptr);
  if (status != status::success) return nullptr;
  return std::shared_ptr<Module>(new Module(device, handle));
}

Module::~Module() {
  if (device_->is_lost_) return;
  device_->api().set_context(device_->context_);
  device_->api().unload_module(handle_);
}

FunctionHandle Module::function(const std::string& name) const {
  device_->enter();
  FunctionHandle function = nullptr;
  const int code = device_->api().function(&function, handle_, name.c_str());
  return code == status::success ? function : nullptr;
}

}  // namespace weft::runtime::cuda
