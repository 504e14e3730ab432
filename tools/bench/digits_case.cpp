#include "tools/bench/digits_case.h"

#include <cmath>
#include <memory>

#include "tools/digits/trainer.h"

namespace weft::bench {

namespace {

constexpr std::int64_t batch = 128, pixels = 64, classes = 10;
constexpr std::uint64_t seed = 1;

std::shared_ptr<tools::Trainer> make_trainer(const CompileOptions& options) {
  manual_seed(seed);  // equal first weights for every trainer
  return std::make_shared<tools::Trainer>(tools::Trainer::Settings{}, options);
}

}  // namespace

Case digits_step() {
  return {.name = "digits_step", .prepare = [] {
            std::vector<float> images;
            std::vector<std::int64_t> labels;
            for (std::int64_t k = 0; k < batch * pixels; ++k)
              images.push_back(static_cast<float>(k * 7919 % 17) / 16);
            for (std::int64_t k = 0; k < batch; ++k) labels.push_back(k * 31 % classes);
            const Tensor x = tensor(images).reshape({batch, pixels}), y = tensor(labels);
            const auto trainer = make_trainer({});
            // The first loss is compared with the interpreter's, to the bit.
            const float first =
                make_trainer({.backend = Backend::interp})->step(x, y).item<float>();
            auto checked = std::make_shared<bool>(false);
            auto check = [=](const Tensor& loss) -> std::string {
              const float got = loss.item<float>();
              if (!std::isfinite(got)) return "the loss is not finite";
              if (!*checked && got != first)
                return "the first loss is " + std::to_string(got) + ", expected " +
                       std::to_string(first);
              *checked = true;
              return {};
            };
            return Prepared{[=] { return trainer->step(x, y); }, [=] { return trainer->report(); },
                            check};
          }};
}

}  // namespace weft::bench
