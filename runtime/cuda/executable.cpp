#include "runtime/cuda/executable.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include <weft/error.h>
#include "codegen/cuda/schedule.h"
#include "runtime/cuda/device.h"
#include "runtime/cuda/kernels.h"
#include "runtime/plan.h"
#include "runtime/pool.h"
#include "runtime/schedule.h"
#include "runtime/stack_array.h"
#include "runtime/stopwatch.h"

namespace weft::runtime::cuda {
namespace {

using codegen::cuda::LaunchShape;

/// A pointer argument: bytes from a base. Bases: the inputs, the output blocks, arena, constants.
struct BoundArgument {
  std::size_t base;
  std::size_t offset;
};

struct BoundLaunch {
  std::shared_ptr<const LoadedFunction> kernel;
  std::shared_ptr<const std::string> name;  // for people
  LaunchShape shape;
  std::vector<std::int64_t> params;
  std::size_t first_argument, argument_count;
};

class DeviceExecutable final : public Executable {
 public:
  DeviceExecutable(ir::Graph fused, codegen::Program program, CompileReport report,
                   std::shared_ptr<Device> device)
      : device_(std::move(device)),
        fused_(std::move(fused)),
        report_(std::move(report)),
        plan_(plan_launches(program)) {
    const Stopwatch watch;
    if (verifies()) verify(program, plan_);
    for (std::size_t k = 0; k < fused_.param_count(); ++k)
      input_bytes_.push_back(fused_.type(fused_.param(k)).bytes());
    bind_launches(program);
    upload_constants(program);
    bind_results(program);
    report_.kernels = program.launches.size();
    report_.peak_bytes = plan_.peak_bytes + scratch_bytes_;
    report_.bound_bytes = plan_.bound_bytes;
    report_.total_ms = report_.passes_ms + report_.lower_ms + watch.ms();
  }

  void run_into(std::span<const Buffer* const> inputs, std::span<const bool> donated,
                std::span<Buffer> results) const override;
  const CompileReport& report() const override { return report_; }
  const ir::Graph& fused_graph() const override { return fused_; }

 private:
  struct Copy {
    std::size_t result, bytes;
    BoundArgument from;
  };
  /// What a call works on.
  struct Call {
    std::vector<Buffer> inputs;  // on the device
    std::vector<bool> free;      // which of them may be written over
    std::vector<Memory*> bases;
  };

  std::size_t arena_base() const { return input_bytes_.size() + plan_.outputs.size(); }
  std::size_t scratch_offset() const {
    return (plan_.arena_bytes + plan_alignment - 1) / plan_alignment * plan_alignment;
  }
  std::size_t constant_base() const { return arena_base() + 1; }
  std::string label(const std::string& what) const { return what + " of @" + fused_.name(); }
  BoundArgument bind(const codegen::Program& program, const codegen::Argument& argument) const;
  void upload_constants(const codegen::Program& program);
  void bind_launches(const codegen::Program& program);
  void bind_results(const codegen::Program& program);
  Call take_inputs(std::span<const Buffer* const> inputs, std::span<const bool> donated) const;
  void launch_all(const Call& call) const;

  const std::shared_ptr<Device> device_;
  const ir::Graph fused_;
  CompileReport report_;
  const Plan plan_;
  std::vector<std::size_t> input_bytes_;
  Buffer constants_;
  std::vector<BoundLaunch> launches_;
  std::vector<BoundArgument> arguments_;       // of all launches
  std::vector<std::size_t> result_of_output_;  // which result an output block is
  std::vector<Copy> copies_;
  std::size_t scratch_bytes_ = 0;  // the most that a launch needs; behind the arena
};

BoundArgument DeviceExecutable::bind(const codegen::Program& program,
                                     const codegen::Argument& argument) const {
  using Home = Place::Home;
  const auto k = static_cast<std::size_t>(argument.buffer);
  const Place& place = plan_.places[k];
  const std::size_t offset = place.offset + static_cast<std::size_t>(argument.offset) *
                                                size_of(program.buffers[k].type.dtype);
  const auto index = static_cast<std::size_t>(place.index);
  switch (place.home) {
    case Home::input:
      return {index, offset};
    case Home::output:
      return {input_bytes_.size() + index, offset};
    case Home::arena:
      return {arena_base(), offset};
    case Home::constant:
      return {constant_base(), offset};
    case Home::unused:
      break;
  }
  return {constant_base(), 0};  // no element is ever touched
}

void DeviceExecutable::bind_launches(const codegen::Program& program) {
  std::vector<const codegen::Launch*> needed;
  std::vector<LaunchShape> shapes;
  for (const codegen::Launch& launch : program.launches) {
    if (verifies()) codegen::verify(*launch.kernel);
    std::vector<std::int64_t> offsets;
    for (const codegen::Argument& argument : launch.arguments) offsets.push_back(argument.offset);
    const LaunchShape shape = codegen::cuda::launch_shape(
        *launch.kernel, codegen::cuda::schedule(*launch.kernel, launch.params, offsets),
        launch.params);
    if (shape.blocks == 0) continue;
    needed.push_back(&launch);
    shapes.push_back(shape);
  }
  const Stopwatch watch;
  DeviceCode code = compile_launches(device_, needed);
  report_.codegen_ms = watch.ms();
  report_.kernels_compiled = code.compiled;
  report_.kernels_loaded = code.loaded;
  for (std::size_t k = 0; k < needed.size(); ++k) {
    const codegen::Launch& launch = *needed[k];
    launches_.push_back(
        {.kernel = std::move(code.kernels[k]),
         .name = std::make_shared<const std::string>(
             launch.label + " (launch " + std::to_string(k) + " of @" + fused_.name() + ")"),
         .shape = shapes[k],
         .params = launch.params,
         .first_argument = arguments_.size(),
         .argument_count = launch.arguments.size()});
    scratch_bytes_ = std::max(scratch_bytes_, shapes[k].scratch_bytes);
    for (const codegen::Argument& argument : launch.arguments)
      arguments_.push_back(bind(program, argument));
  }
}

void DeviceExecutable::upload_constants(const codegen::Program& program) {
  const Block all(plan_.constant_bytes);
  for (std::size_t k = 0; k < program.buffers.size(); ++k) {
    const codegen::ProgramBuffer& buffer = program.buffers[k];
    if (plan_.places[k].home != Place::Home::constant || buffer.type.bytes() == 0) continue;
    std::memcpy(static_cast<std::byte*>(all.data()) + plan_.places[k].offset, buffer.literal.data(),
                buffer.type.bytes());
  }
  constants_ = device_->allocate(plan_.constant_bytes, label("constants"));
  device_->copy_in(*constants_.device, 0, all.data(), plan_.constant_bytes);
}

void DeviceExecutable::bind_results(const codegen::Program& program) {
  result_of_output_.resize(plan_.outputs.size());
  for (std::size_t k = 0; k < plan_.results.size(); ++k) {
    const PlannedResult& result = plan_.results[k];
    if (result.kind == PlannedResult::Kind::output)
      result_of_output_[static_cast<std::size_t>(result.index)] = k;
    if (result.kind == PlannedResult::Kind::copy)
      copies_.push_back({k, program.buffers[static_cast<std::size_t>(result.index)].type.bytes(),
                         bind(program, {result.index, 0})});
  }
}

/// Host memory is copied to the device, where the copy may be written over.
DeviceExecutable::Call DeviceExecutable::take_inputs(std::span<const Buffer* const> inputs,
                                                     std::span<const bool> donated) const {
  Call call;
  for (std::size_t k = 0; k < inputs.size(); ++k) {
    const Buffer& input = *inputs[k];
    const bool host = input.device == nullptr;
    if (!host && &input.device->device() != device_.get())
      throw Error("run @" + fused_.name() + ": input %" + fused_.param_name(k) +
                  ": expected memory of " + device_->name() + ", got memory of " +
                  input.device->device().name());
    const auto lies_in = [&](const Buffer* other) { return other->device == input.device; };
    call.free.push_back(host || (k < donated.size() && donated[k] &&
                                 std::count_if(inputs.begin(), inputs.end(), lies_in) == 1));
    call.inputs.push_back(host ? device_->to_device(input, label("input " + fused_.param_name(k)))
                               : input);
    call.bases.push_back(call.inputs.back().device);
  }
  return call;
}

void DeviceExecutable::launch_all(const Call& call) const {
  const std::shared_ptr<Stream>& stream = device_->stream();
  for (Memory* base : call.bases)
    if (base != nullptr) base->order(stream, Memory::Use::read);
  StackArray<DevicePointer, 96> pointers(arguments_.size());
  for (std::size_t k = 0; k < arguments_.size(); ++k) {
    const DevicePointer base = call.bases[arguments_[k].base]->pointer();
    pointers[k] = base == 0 ? 0 : base + arguments_[k].offset;
  }
  DevicePointer scratch = call.bases[arena_base()]->pointer() + scratch_offset();
  std::vector<void*> arguments;
  for (const BoundLaunch& launch : launches_) {
    arguments.clear();
    for (std::size_t k = 0; k < launch.argument_count; ++k)
      arguments.push_back(pointers.data() + launch.first_argument + k);
    for (const std::int64_t& param : launch.params)
      arguments.push_back(const_cast<std::int64_t*>(&param));
    arguments.push_back(&scratch);
    device_->launch(*stream, launch.kernel->function, launch.shape.blocks, launch.shape.threads,
                    arguments.data(), launch.name);
  }
}

void DeviceExecutable::run_into(std::span<const Buffer* const> inputs,
                                std::span<const bool> donated, std::span<Buffer> results) const {
  check_inputs(fused_, inputs);
  Call call = take_inputs(inputs, donated);
  for (std::size_t k = 0; k < plan_.outputs.size(); ++k) {
    const OutputBlock& block = plan_.outputs[k];
    const std::size_t number = result_of_output_[k];
    const auto donor = static_cast<std::size_t>(block.donor);
    if (donor < call.free.size() && call.free[donor]) {
      results[number] = {call.inputs[donor].memory, block.bytes, call.inputs[donor].device};
      results[number].device->order(device_->stream(), Memory::Use::write);
    } else {
      results[number] = device_->allocate(block.bytes, label("result " + std::to_string(number)));
    }
    call.bases.push_back(results[number].device);
  }
  for (const Copy& copy : copies_)
    results[copy.result] =
        device_->allocate(copy.bytes, label("result " + std::to_string(copy.result)));
  const Buffer arena = device_->allocate(scratch_offset() + scratch_bytes_, label("arena"));
  call.bases.push_back(arena.device);
  call.bases.push_back(constants_.device);
  launch_all(call);
  for (std::size_t k = 0; k < plan_.results.size(); ++k)
    if (plan_.results[k].kind == PlannedResult::Kind::input)
      results[k] = call.inputs[static_cast<std::size_t>(plan_.results[k].index)];
  for (const Copy& copy : copies_)
    device_->copy_within(*results[copy.result].device, 0, *call.bases[copy.from.base],
                         copy.from.offset, copy.bytes);
}

}  // namespace

std::shared_ptr<const Executable> make_compiled(ir::Graph fused, codegen::Program program,
                                                CompileReport report, int device) {
  return std::make_shared<DeviceExecutable>(std::move(fused), std::move(program), std::move(report),
                                            Device::get(device));
}

}  // namespace weft::runtime::cuda
