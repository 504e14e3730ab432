// Weft: tensors with PyTorch's names, recorded, differentiated, fused and compiled.
#pragma once

#include <weft/autograd.h>
#include <weft/device.h>
#include <weft/dtype.h>
#include <weft/error.h>
#include <weft/factories.h>
#include <weft/functional.h>
#include <weft/gradcheck.h>
#include <weft/io.h>
#include <weft/jit.h>
#include <weft/memory.h>
#include <weft/nn.h>
#include <weft/ops.h>
#include <weft/optim.h>
#include <weft/options.h>
#include <weft/random.h>
#include <weft/shape.h>
#include <weft/tensor.h>
#include <weft/tree.h>
