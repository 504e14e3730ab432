#include "runtime/cuda/executable.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include <weft/error.h>
#include "codegen/cuda/schedule.h"
#include "runtime/binding.h"
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
        plan_(plan_launches(program)),
        bases_{fused_.param_count(), plan_.outputs.size()},
        results_(bind_results(program, plan_, bases_)) {
    const Stopwatch watch;
    if (verifies()) verify(program, plan_);
    bind_launches(program);
    upload_constants(program);
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
  /// What a call works on.
  struct Call {
    std::vector<Buffer> inputs;  // on the device
    std::vector<bool> free;      // which of them may be written over
    std::vector<Memory*> bases;
  };

  std::size_t scratch_offset() const {
    return (plan_.arena_bytes + plan_alignment - 1) / plan_alignment * plan_alignment;
  }
  std::string label(const std::string& what) const { return what + " of @" + fused_.name(); }
  void upload_constants(const codegen::Program& program);
  void bind_launches(const codegen::Program& program);
  Call take_inputs(std::span<const Buffer* const> inputs, std::span<const bool> donated) const;
  void launch_all(const Call& call) const;

  const std::shared_ptr<Device> device_;
  const ir::Graph fused_;
  CompileReport report_;
  const Plan plan_;
  const Bases bases_;
  const BoundResults results_;
  Buffer constants_;
  std::vector<BoundLaunch> launches_;
  std::vector<BoundArgument> arguments_;  // of all launches
  std::size_t scratch_bytes_ = 0;         // the most that a launch needs; behind the arena
};

void DeviceExecutable::bind_launches(const codegen::Program& program) {
  std::vector<const codegen::Launch*> needed;
  std::vector<LaunchShape> shapes;
  for (const codegen::Launch& launch : program.launches) {
    if (verifies()) codegen::verify(*launch.kernel);
    const LaunchShape shape = codegen::cuda::launch_shape(launch);
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
      arguments_.push_back(bind(program, plan_, bases_, argument));
  }
}

void DeviceExecutable::upload_constants(const codegen::Program& program) {
  const Block all(plan_.constant_bytes);
  fill_constants(program, plan_, all.data());
  constants_ = device_->allocate(plan_.constant_bytes, label("constants"));
  device_->copy_in(*constants_.device, 0, all.data(), plan_.constant_bytes);
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
    pointers[k] = base == 0 ? 0 : base + static_cast<DevicePointer>(arguments_[k].offset);
  }
  DevicePointer scratch = call.bases[bases_.arena()]->pointer() + scratch_offset();
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
    const std::size_t number = results_.of_output[k];
    const auto donor = static_cast<std::size_t>(block.donor);
    if (donor < call.free.size() && call.free[donor]) {
      results[number] = {call.inputs[donor].memory, block.bytes, call.inputs[donor].device};
      results[number].device->order(device_->stream(), Memory::Use::write);
    } else {
      results[number] = device_->allocate(block.bytes, label("result " + std::to_string(number)));
    }
    call.bases.push_back(results[number].device);
  }
  for (const BoundCopy& copy : results_.copies)
    results[copy.result] =
        device_->allocate(copy.bytes, label("result " + std::to_string(copy.result)));
  const Buffer arena = device_->allocate(scratch_offset() + scratch_bytes_, label("arena"));
  call.bases.push_back(arena.device);
  call.bases.push_back(constants_.device);
  launch_all(call);
  for (std::size_t k = 0; k < plan_.results.size(); ++k)
    if (plan_.results[k].kind == PlannedResult::Kind::input)
      results[k] = call.inputs[static_cast<std::size_t>(plan_.results[k].index)];
  for (const BoundCopy& copy : results_.copies)
    device_->copy_within(*results[copy.result].device, 0, *call.bases[copy.from.base],
                         static_cast<std::size_t>(copy.from.offset), copy.bytes);
}

}  // namespace

std::shared_ptr<const Executable> make_compiled(ir::Graph fused, codegen::Program program,
                                                CompileReport report, int device) {
  return std::make_shared<DeviceExecutable>(std::move(fused), std::move(program), std::move(report),
                                            Device::get(device));
}

}  // namespace weft::runtime::cuda
