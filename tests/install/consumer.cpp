#include <weft/weft.h>

#include <iostream>

int main() {
  const weft::Tensor w = weft::tensor({1.0, 2.0}).requires_grad_();
  (w * w).sum().backward();
  const auto twice = weft::jit([](weft::Tensor x) { return x * 2; });
  std::cout << twice(w.grad()) << "\n";
  try {
    weft::ones({2}) + weft::ones({3});
  } catch (const weft::Error& error) {
    std::cout << error.what() << "\n";
  }
}
