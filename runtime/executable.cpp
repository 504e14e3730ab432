#include "runtime/executable.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "codegen/panels.h"
#include "runtime/binding.h"
#include "runtime/kernel_cache.h"
#include "runtime/packed_factors.h"
#include "runtime/plan.h"
#include "runtime/pool.h"
#include "runtime/schedule.h"
#include "runtime/stack_array.h"
#include "runtime/stopwatch.h"
#include "runtime/thread_pool.h"

namespace weft::runtime {
namespace {

using Pointers = StackArray<void*, 96>;
using Params = StackArray<std::int64_t, 192>;

struct BoundLaunch {
  std::shared_ptr<const LoadedKernel> kernel;
  std::size_t first_param, first_argument;
  std::int64_t units;
  std::size_t scratch_bytes;
  double cost_ns;
  double ahead_ns = 0;  // of the launches behind it
  int ranges_per_thread;
};

/// A param that an input holds when a call begins.
struct BoundNumber {
  std::size_t input, param, bytes;
};

/// The right factor of a product that is an input, and may be packed once for many calls.
struct Packable {
  std::size_t input;
  std::int64_t offset;          // bytes into the input
  codegen::RightFactor factor;  // data: of each call
  DType dtype;
  std::size_t param;  // where the kernel looks for the panels
};

/// A launch with its arguments, as threads see it.
struct Running {
  const BoundLaunch& launch;
  void* const* pointers;
  const std::int64_t* params;
  codegen::KernelFn fn = launch.kernel->fn();

  void run(std::int64_t begin, std::int64_t end) const {
    void* scratch = launch.scratch_bytes > 0 ? thread_scratch(launch.scratch_bytes) : nullptr;
    fn(pointers, params, begin, end, scratch);
  }
  static void run_range(void* self, std::int64_t begin, std::int64_t end) {
    static_cast<const Running*>(self)->run(begin, end);
  }
};

void* shifted(void* base, std::int64_t bytes) { return static_cast<std::byte*>(base) + bytes; }

/// Which inputs may really be overwritten: those that the caller gives up and no other input lies
/// in.
std::vector<bool> usable_donors(std::span<const Buffer* const> inputs,
                                std::span<const bool> donated) {
  struct Range {
    const std::byte *begin, *end;
    std::size_t input;
  };
  std::vector<Range> ranges;
  for (std::size_t k = 0; k < inputs.size(); ++k) {
    const auto* begin = static_cast<const std::byte*>(inputs[k]->data());
    if (inputs[k]->bytes > 0) ranges.push_back({begin, begin + inputs[k]->bytes, k});
  }
  std::sort(ranges.begin(), ranges.end(),
            [](const Range& a, const Range& b) { return a.begin < b.begin; });
  std::vector<bool> usable(inputs.size(), false);
  const std::byte* end = nullptr;  // of all ranges before this one
  for (std::size_t k = 0; k < ranges.size(); ++k) {
    const Range& range = ranges[k];
    const bool alone =
        range.begin >= end && (k + 1 == ranges.size() || ranges[k + 1].begin >= range.end);
    usable[range.input] = alone && range.input < donated.size() && donated[range.input];
    end = std::max(end, range.end);
  }
  return usable;
}

class CompiledExecutable final : public Executable {
 public:
  CompiledExecutable(ir::Graph fused, codegen::Program program, CompileReport report)
      : fused_(std::move(fused)),
        report_(std::move(report)),
        plan_(plan_launches(program)),
        bases_{fused_.param_count(), plan_.outputs.size()},
        results_(bind_results(program, plan_, bases_)),
        constants_(plan_.constant_bytes) {
    const Stopwatch watch;
    if (verifies()) verify(program, plan_);
    for (std::size_t k = 0; k < fused_.param_count(); ++k)
      input_bytes_.push_back(fused_.type(fused_.param(k)).bytes());
    fill_constants(program, plan_, constants_.data());
    bind_launches(program);
    report_.kernels = program.launches.size();
    report_.peak_bytes = plan_.peak_bytes;
    report_.bound_bytes = plan_.bound_bytes;
    report_.total_ms = report_.passes_ms + report_.lower_ms + watch.ms();
  }

  void run_into(std::span<const Buffer* const> inputs, std::span<const bool> donated,
                std::span<Buffer> results) const override;
  const CompileReport& report() const override { return report_; }
  const ir::Graph& fused_graph() const override { return fused_; }

 private:
  void bind_launches(const codegen::Program& program);
  void bind_params(const codegen::Launch& launch);
  void bind_packable(const codegen::Launch& launch);
  void find_packed(std::span<const Buffer* const> inputs, const std::vector<bool>& given_up,
                   std::span<std::int64_t> params) const;
  void run_launch(const BoundLaunch& launch, void* const* pointers,
                  const std::int64_t* params) const;

  ir::Graph fused_;
  CompileReport report_;
  Plan plan_;
  const Bases bases_;
  const BoundResults results_;
  Block constants_;
  std::vector<std::size_t> input_bytes_;
  std::vector<BoundLaunch> launches_;
  std::vector<BoundArgument> arguments_;  // of all launches
  std::vector<std::int64_t> params_;      // likewise; without what inputs hold
  std::vector<BoundNumber> numbers_;      // what inputs hold
  std::vector<Packable> packable_;
  std::size_t scratch_bytes_ = 0;  // the most that a launch needs
};

/// Launches without units need neither code nor arguments.
void CompiledExecutable::bind_launches(const codegen::Program& program) {
  std::vector<const codegen::Launch*> needed;
  std::vector<KernelRequest> kernels;
  for (const codegen::Launch& launch : program.launches) {
    if (verifies()) codegen::verify(*launch.kernel);
    if (codegen::unit_count(*launch.kernel, launch.params) == 0) continue;
    needed.push_back(&launch);
    kernels.push_back({launch.kernel, launch.cost_ns});
  }
  const Stopwatch watch;
  KernelCode code = compile_kernels(kernels);
  report_.codegen_ms = watch.ms();
  report_.kernels_compiled = code.compiled;
  report_.kernels_loaded = code.loaded;
  for (std::size_t k = 0; k < needed.size(); ++k) {
    const codegen::Launch& launch = *needed[k];
    launches_.push_back({.kernel = std::move(code.kernels[k]),
                         .first_param = params_.size(),
                         .first_argument = arguments_.size(),
                         .units = codegen::unit_count(*launch.kernel, launch.params),
                         .scratch_bytes = codegen::scratch_bytes(*launch.kernel, launch.params),
                         .cost_ns = launch.cost_ns,
                         .ranges_per_thread = launch.kernel->is_contract() ? 1 : 4});
    scratch_bytes_ = std::max(scratch_bytes_, launches_.back().scratch_bytes);
    for (const codegen::Argument& argument : launch.arguments)
      arguments_.push_back(bind(program, plan_, bases_, argument));
    bind_packable(launch);
    bind_params(launch);
  }
  report_.packable_factors = packable_.size();
  for (std::size_t k = launches_.size(); k-- > 1;)
    launches_[k - 1].ahead_ns = launches_[k].ahead_ns + launches_[k].cost_ns;
}

void CompiledExecutable::bind_params(const codegen::Launch& launch) {
  for (const auto& [param, input] : launch.numbers) {
    const auto k = static_cast<std::size_t>(input);
    numbers_.push_back({k, params_.size() + static_cast<std::size_t>(param), input_bytes_[k]});
  }
  params_.insert(params_.end(), launch.params.begin(), launch.params.end());
}

/// Of the launch that was bound last, whose params come next.
void CompiledExecutable::bind_packable(const codegen::Launch& launch) {
  const codegen::Section& product = launch.kernel->sections.front();
  if (product.panels < 0) return;
  const auto access = static_cast<std::size_t>(product.rhs.front().access);
  const BoundArgument& right = arguments_[launches_.back().first_argument + access];
  const codegen::RightFactor factor = codegen::right_factor(*launch.kernel, launch.params, nullptr);
  if (right.base >= bases_.inputs || !is_worth_keeping(factor)) return;
  packable_.push_back({right.base, right.offset, factor, product.dtype,
                       params_.size() + static_cast<std::size_t>(product.panels)});
}

void CompiledExecutable::run_launch(const BoundLaunch& launch, void* const* pointers,
                                    const std::int64_t* params) const {
  Running running{launch, pointers + launch.first_argument, params + launch.first_param};
  if (launch.cost_ns < fork_ns || launch.units < 2) return running.run(0, launch.units);
  parallel_run({Running::run_range, &running, launch.units, launch.cost_ns, launch.ahead_ns,
                launch.ranges_per_thread, launch.scratch_bytes});
}

/// Puts the addresses of panels into the call's params. Inputs that are given up change after it.
void CompiledExecutable::find_packed(std::span<const Buffer* const> inputs,
                                     const std::vector<bool>& given_up,
                                     std::span<std::int64_t> params) const {
  for (const Packable& each : packable_) {
    if (each.input < given_up.size() && given_up[each.input]) continue;
    codegen::RightFactor factor = each.factor;
    factor.data = shifted(inputs[each.input]->data(), each.offset);
    params[each.param] = packed_ahead(*inputs[each.input], factor, each.dtype);
  }
}

void CompiledExecutable::run_into(std::span<const Buffer* const> inputs,
                                  std::span<const bool> donated, std::span<Buffer> results) const {
  const auto fits = [](const Buffer* input, std::size_t bytes) { return input->bytes == bytes; };
  if (!std::equal(inputs.begin(), inputs.end(), input_bytes_.begin(), input_bytes_.end(), fits))
    check_inputs(fused_, inputs);  // throws
  std::vector<bool> usable;
  if (!donated.empty()) usable = usable_donors(inputs, donated);
  Pointers bases(bases_.count());
  for (std::size_t k = 0; k < inputs.size(); ++k) bases[k] = inputs[k]->data();
  for (std::size_t k = 0; k < plan_.outputs.size(); ++k) {
    const OutputBlock& block = plan_.outputs[k];
    Buffer& result = results[results_.of_output[k]];
    const auto donor = static_cast<std::size_t>(block.donor);
    if (donor < usable.size() && usable[donor]) {
      forget_packed(*inputs[donor]);
      result = {inputs[donor]->memory, block.bytes};
    } else {
      result = allocate(block.bytes);
    }
    bases[bases_.output(k)] = result.data();
  }
  for (const BoundCopy& copy : results_.copies) results[copy.result] = allocate(copy.bytes);
  const Block arena(plan_.arena_bytes);
  bases[bases_.arena()] = arena.data();
  bases[bases_.constants()] = constants_.data();

  Pointers pointers(arguments_.size());
  for (std::size_t k = 0; k < arguments_.size(); ++k)
    pointers[k] = shifted(bases[arguments_[k].base], arguments_[k].offset);
  // Numbers are read before anything is written: their inputs may be written over.
  const bool fixed = numbers_.empty() && packable_.empty();
  Params own_params(fixed ? 0 : params_.size());
  if (!fixed) std::copy(params_.begin(), params_.end(), own_params.begin());
  for (const BoundNumber& number : numbers_)
    std::memcpy(&own_params[number.param], inputs[number.input]->data(), number.bytes);
  find_packed(inputs, usable, own_params);
  const std::int64_t* params = fixed ? params_.data() : own_params.data();
  thread_scratch(scratch_bytes_);
  // Everything is allocated: what may be overwritten stays whole until here, and nothing fails from
  // here on.
  for (const BoundLaunch& launch : launches_) run_launch(launch, pointers.data(), params);

  for (std::size_t k = 0; k < plan_.results.size(); ++k)
    if (plan_.results[k].kind == PlannedResult::Kind::input)
      results[k] = *inputs[static_cast<std::size_t>(plan_.results[k].index)];
  for (const BoundCopy& copy : results_.copies) {
    if (copy.bytes > 0)
      std::memcpy(results[copy.result].data(), shifted(bases[copy.from.base], copy.from.offset),
                  copy.bytes);
  }
}

}  // namespace

std::shared_ptr<const Executable> make_compiled(ir::Graph fused, codegen::Program program,
                                                CompileReport report) {
  return std::make_shared<CompiledExecutable>(std::move(fused), std::move(program),
                                              std::move(report));
}

}  // namespace weft::runtime
