// SPDX-License-Identifier: Apache-2.0
// What device functions are written with. They are compiled twice: by nvcc for a device, and by the host's compiler for
// tests, where a team of threads is played by loops (host_team.hpp). CAMEO_DEVICE: what a team does; CAMEO_HOST_DEVICE:
// what the host asks, too, before it starts one.
#pragma once

#include <cmath>
#include <cstdint>

#if defined(__CUDACC__)
#define CAMEO_DEVICE __device__ __forceinline__
#define CAMEO_HOST_DEVICE __host__ __device__ __forceinline__
#define CAMEO_UNROLL _Pragma("unroll")
#else
#define CAMEO_DEVICE inline
#define CAMEO_HOST_DEVICE inline
#define CAMEO_UNROLL
#endif

namespace cameo::kernels::device {

/// Four floats that a device moves at once; their address is a multiple of 16 bytes.
struct alignas(16) Quad {
    float x, y, z, w;
};

CAMEO_DEVICE Quad load4(const float* from) { return *reinterpret_cast<const Quad*>(from); }
CAMEO_DEVICE void store4(float* to, float x, float y, float z, float w) {
    *reinterpret_cast<Quad*>(to) = Quad{x, y, z, w};
}

// Rounded after each operation, where a fused one would round otherwise than the reference does.
#if defined(__CUDACC__)
CAMEO_DEVICE float product_of(float a, float b) { return __fmul_rn(a, b); }
CAMEO_DEVICE float sum_of(float a, float b) { return __fadd_rn(a, b); }
CAMEO_DEVICE float exp_of(float x) { return __expf(x); }  // for x <= 0: 2 ulp and what rounding x log2(e) costs
CAMEO_DEVICE void add_to(float* place, float value) { atomicAdd(place, value); }
#else
CAMEO_DEVICE float product_of(float a, float b) { return a * b; }
CAMEO_DEVICE float sum_of(float a, float b) { return a + b; }
CAMEO_DEVICE float exp_of(float x) { return std::exp(x); }
CAMEO_DEVICE void add_to(float* place, float value) { *place += value; }
#endif

/// log(1 + exp(x)): one exponential and a polynomial, so that host and device differ in the exponential alone.
/// Source   the polynomial of src/kernels/vector.hpp, log(1 + d) / d for d from 0 to 1
CAMEO_DEVICE float softplus(float x) {
    const float decay = exp_of(-fabsf(x));
    float p = 5.232694111e-03f;
    p = fmaf(p, decay, -2.950523728e-02f);
    p = fmaf(p, decay, 7.822594782e-02f);
    p = fmaf(p, decay, -1.366324530e-01f);
    p = fmaf(p, decay, 1.910600644e-01f);
    p = fmaf(p, decay, -2.484298211e-01f);
    p = fmaf(p, decay, 3.331909679e-01f);
    p = fmaf(p, decay, -4.999949314e-01f);
    p = fmaf(p, decay, 9.999999699e-01f);
    return fmaf(p, decay, x > 0.0f ? x : 0.0f);
}

/// 1 / (1 + exp(-x)), which is also the derivative of softplus.
CAMEO_DEVICE float sigmoid(float x) {
    const float decay = exp_of(-fabsf(x)), share = 1.0f / (1.0f + decay);
    return x < 0.0f ? decay * share : share;
}

/// Cuts a team's memory into arrays that begin at whole quads; with no memory it only counts.
class Carver {
  public:
    CAMEO_HOST_DEVICE explicit Carver(float* memory) : memory_(memory) {}
    CAMEO_HOST_DEVICE float* floats(std::int64_t count) {
        float* const here = memory_ == nullptr ? nullptr : memory_ + used_;
        used_ += (count + 3) / 4 * 4;
        return here;
    }
    CAMEO_HOST_DEVICE std::int32_t* integers(std::int64_t count) {
        return reinterpret_cast<std::int32_t*>(floats(count));
    }
    [[nodiscard]] CAMEO_HOST_DEVICE std::int64_t used() const { return used_; }

  private:
    float* memory_;
    std::int64_t used_ = 0;
};

// What teams scan and add up.
struct Pair {
    float first, second;
};
/// L -> scale L + shift.
struct Affine {
    float scale, shift;
};

struct Sum {
    CAMEO_DEVICE float operator()(float a, float b) const { return a + b; }
    CAMEO_DEVICE double operator()(double a, double b) const { return a + b; }
    CAMEO_DEVICE Pair operator()(Pair a, Pair b) const { return {a.first + b.first, a.second + b.second}; }
};
struct Product {
    CAMEO_DEVICE float operator()(float a, float b) const { return a * b; }
};
/// First `a`, then `b`.
struct Then {
    CAMEO_DEVICE Affine operator()(Affine a, Affine b) const {
        return {b.scale * a.scale, b.scale * a.shift + b.shift};
    }
};

}  // namespace cameo::kernels::device
