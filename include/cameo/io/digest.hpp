// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include <cameo/core/export.hpp>

namespace cameo::io {

/// SHA-256 of bytes that come run after run. Own code, since what core must build with is header-only and has none;
/// with the processor's SHA instructions where it has them.
/// Source   FIPS 180-4
class CAMEO_API Sha256 {
  public:
    using Digest = std::array<std::byte, 32>;

    enum class Code : std::uint8_t { fastest, portable };

    explicit Sha256(Code code = Code::fastest) noexcept;

    void update(std::span<const std::byte> bytes) noexcept;

    /// The digest of all bytes so far; the next update() begins anew.
    [[nodiscard]] Digest finish() noexcept;

  private:
    using State = std::array<std::uint32_t, 8>;
    using Compress = void (*)(State& state, const std::byte* blocks, std::size_t count) noexcept;

    static Compress compress_of(Code code) noexcept;

    Compress compress_;
    State state_;
    std::array<std::byte, 64> block_;
    std::uint64_t length_ = 0;  ///< in bytes
};

/// Two lower-case hexadecimal digits a byte.
[[nodiscard]] CAMEO_API std::string hex(std::span<const std::byte> bytes);

}  // namespace cameo::io
