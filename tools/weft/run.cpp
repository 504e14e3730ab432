// `weft run`: a program on .npy or random inputs; results printed or written as .npy.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <deque>
#include <filesystem>
#include <iostream>
#include <map>
#include <random>

#include <weft/weft.h>

#include "frontend/npy_format.h"
#include "frontend/place.h"
#include "runtime/cuda/device.h"
#include "runtime/engine.h"
#include "runtime/output_file.h"
#include "tools/support/files.h"
#include "tools/weft/commands.h"

namespace weft::tools {

namespace {

using Clock = std::chrono::steady_clock;

double since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

runtime::Buffer copy_of(const void* data, std::size_t bytes) {
  runtime::Buffer buffer = runtime::allocate(bytes);
  if (bytes != 0) std::memcpy(buffer.data(), data, bytes);
  return buffer;
}

/// Floats uniform in [0, 1), integers 0 ... 9, bools by a coin; equal seeds give equal inputs.
runtime::Buffer random_input(const ir::Type& type, std::mt19937_64& random) {
  ir::Literal values = ir::Literal::zeros(type);
  const std::int64_t n = type.elements();
  std::uniform_real_distribution<double> real(0, 1);
  for (std::int64_t i = 0; i < n; ++i) {
    const double u = real(random);
    const auto digit = static_cast<std::int64_t>(u * 10);
    switch (type.dtype) {
      case DType::f32:
        values.mutable_as<float>()[i] = static_cast<float>(u);
        break;
      case DType::f64:
        values.mutable_as<double>()[i] = u;
        break;
      case DType::i32:
      case DType::u32:
        values.mutable_as<std::int32_t>()[i] = static_cast<std::int32_t>(digit);
        break;
      case DType::i64:
      case DType::u64:
        values.mutable_as<std::int64_t>()[i] = digit;
        break;
      case DType::boolean:
        values.mutable_as<bool>()[i] = u < 0.5;
        break;
      default:
        throw Unsupported("weft run: inputs of " + std::string(name(type.dtype)) +
                          " do not compute yet");
    }
  }
  return copy_of(values.data(), type.bytes());
}

Tensor load_input(const std::string& parameter, const std::string& file) {
  const auto named = [&](const Error& e) {
    return "weft run: input " + parameter + ": " + std::string(e.what());
  };
  try {
    return load_npy(file, Location());
  } catch (const Unsupported& e) {
    throw Unsupported(named(e));
  } catch (const OutOfMemory&) {
    throw;
  } catch (const Error& e) {
    throw Error(named(e));
  }
}

runtime::Buffer file_input(const std::string& parameter, const ir::Type& type,
                           const std::string& file) {
  const Tensor tensor = load_input(parameter, file);
  const ir::Type got{tensor.dtype(), ir::to_shape(tensor.shape().sizes())};
  if (got != type) {
    throw Error("weft run: input " + parameter + ": expected " + type.str() + ", got " + got.str() +
                " in " + file);
  }
  return copy_of(tensor.data_ptr(), type.bytes());
}

std::map<std::string, std::string> named_files(const RunOptions& options, const ir::Graph& graph) {
  std::map<std::string, std::string> files;
  for (const std::string& input : options.inputs) {
    const std::size_t equals = input.find('=');
    if (equals == std::string::npos || equals == 0)
      throw Error("weft run: --input: expected NAME=FILE.npy, got '" + input + "'");
    std::string name = input.substr(input[0] == '%' ? 1 : 0, equals - (input[0] == '%' ? 1 : 0));
    bool known = false;
    std::string all;
    for (std::size_t k = 0; k < graph.param_count(); ++k) {
      known = known || graph.param_name(k) == name;
      all += (k ? ", " : "") + graph.param_name(k);
    }
    if (!known)
      throw Error("weft run: --input " + name + ": expected one of the parameters " + all);
    if (!files.emplace(name, input.substr(equals + 1)).second)
      throw Error("weft run: --input " + name + " is given twice");
  }
  return files;
}

std::vector<runtime::Buffer> make_inputs(const RunOptions& options, const ir::Graph& graph) {
  const auto files = named_files(options, graph);
  std::mt19937_64 random(options.seed);
  std::vector<runtime::Buffer> inputs;
  for (std::size_t k = 0; k < graph.param_count(); ++k) {
    const std::string& name = graph.param_name(k);
    const ir::Type& type = graph.type(graph.param(k));
    const auto file = files.find(name);
    if (file != files.end())
      inputs.push_back(file_input(name, type, file->second));
    else if (options.random)
      inputs.push_back(random_input(type, random));
    else
      throw Error("weft run: parameter " + name + " : " + type.str() +
                  " has no value; expected --input " + name + "=FILE.npy or --random-inputs SEED");
  }
  return inputs;
}

/// On a device: with inputs there, and until the device has finished.
void print_times(const runtime::Executable& executable, std::vector<runtime::Buffer> inputs,
                 const runtime::CompileOptions& compiling, double compile_ms) {
  runtime::cuda::Device* device = nullptr;
  if (compiling.backend == runtime::Backend::cuda) {
    device = runtime::cuda::Device::get(compiling.device).get();
    for (runtime::Buffer& input : inputs) input = device->to_device(input, "input");
  }
  std::vector<double> times;
  const auto begin = Clock::now();
  while (times.size() < 5 || (times.size() < 1000 && since(begin) < 1000)) {
    const auto start = Clock::now();
    executable.run(inputs);
    if (device != nullptr) device->stream()->synchronize();
    times.push_back(since(start));
  }
  std::sort(times.begin(), times.end());
  std::fprintf(stderr, "compile %.3f ms (%zu kernels), run median %.4f ms, min %.4f ms of %zu\n",
               compile_ms, executable.report().kernels, times[times.size() / 2], times[0],
               times.size());
}

std::string result_file(const RunOptions& options, std::size_t k) {
  return (std::filesystem::path(options.output) / ("result" + std::to_string(k) + ".npy")).string();
}

/// Everything that can be refused is refused before anything runs.
void prepare_output(const RunOptions& options, const ir::Graph& graph) {
  make_folder(options.output);
  for (std::size_t k = 0; k < graph.results().size(); ++k)
    runtime::check_writable(result_file(options, k));
}

/// All results or, where one cannot be written, none.
void write_results(const RunOptions& options, const ir::Graph& graph,
                   std::span<const runtime::Buffer> results) {
  std::deque<runtime::OutputFile> files;
  for (std::size_t k = 0; k < results.size(); ++k) {
    runtime::OutputFile& file = files.emplace_back(result_file(options, k));
    const ir::Type& type = graph.type(graph.results()[k]);
    file.write(detail::npy_header(type, result_file(options, k)));
    file.write({static_cast<const char*>(results[k].data()), type.bytes()});
    file.finish();
  }
  for (runtime::OutputFile& file : files) file.publish();
}

void print_results(const ir::Graph& graph, std::span<const runtime::Buffer> results) {
  for (std::size_t k = 0; k < results.size(); ++k) {
    const ir::Type& type = graph.type(graph.results()[k]);
    std::cout << from_blob(results[k].data(), Shape(ir::to_ints(type.shape)), type.dtype) << "\n";
  }
}

/// What compiles the program and where it runs. Refuses devices that are not there.
runtime::CompileOptions compile_options(const RunOptions& options) {
  const bool interp = options.backend == "interp";
  const detail::Place place = detail::place_of(Device(options.device, Location()));
  if (!place.is_cuda())
    return {.backend = interp ? runtime::Backend::interp : runtime::Backend::cpu};
  if (interp)
    throw Error("weft run: --backend interp runs on the CPU, got --device " + options.device);
  return {.backend = runtime::Backend::cuda, .device = place.device_number()};
}

/// Results in host memory.
std::vector<runtime::Buffer> on_host(std::vector<runtime::Buffer> results) {
  for (runtime::Buffer& result : results)
    if (result.device != nullptr) result = result.device->device().to_host(result);
  return results;
}

}  // namespace

int run(const RunOptions& options) {
  const ir::Graph graph = load_graph(options.file);
  const runtime::CompileOptions compiling = compile_options(options);
  std::vector<runtime::Buffer> inputs = make_inputs(options, graph);
  if (!options.output.empty()) prepare_output(options, graph);
  const auto start = Clock::now();
  const auto executable = runtime::compile(graph, compiling);
  const double compile_ms = since(start);
  const std::vector<runtime::Buffer> results = on_host(executable->run(inputs));
  if (options.output.empty())
    print_results(graph, results);
  else
    write_results(options, graph, results);
  if (options.time) {
    runtime::finish_optimising();
    print_times(*executable, std::move(inputs), compiling, compile_ms);
  }
  return exit_fine;
}

}  // namespace weft::tools
