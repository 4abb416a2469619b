// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>

namespace cameo::kernels::device {

/// A team of threads, played by loops. Every function of a team is called by all of its threads with the same
/// arguments, and ends in a barrier: what one step writes, the next may read. Within a step, items come in any order.
///
/// Scans and sums go through 32 lanes in the order in which a warp's shuffles do, so that their rounding is a device's.
class HostTeam {
  public:
    static constexpr int lanes = 32;

    /// Backwards: items of a step in the opposite order. What a test sees must not depend on it.
    explicit HostTeam(bool backwards = false) : backwards_(backwards) {}

    /// act(i) for all i below `count`.
    template <class Act>
    void for_each(int count, const Act& act) const {
        for (int i = 0; i < count; ++i) act(backwards_ ? count - 1 - i : i);
    }

    /// write(row, i, exclusive, inclusive), where these combine read(row, 0), read(row, 1), ... in this order. All are
    /// read before any is written, within 32 of a row.
    template <class T, class Combine, class Read, class Write>
    void scan(int rows, int count, T identity, const Combine& combine, const Read& read, const Write& write) const {
        for_each(rows, [&](int row) {
            T carry = identity;
            for (int base = 0; base < count; base += lanes) {
                std::array<T, lanes> value, before;
                for (int lane = 0; lane < lanes; ++lane)
                    value[static_cast<std::size_t>(lane)] = base + lane < count ? read(row, base + lane) : identity;
                for (std::size_t offset = 1; offset < lanes; offset *= 2)
                    for (std::size_t lane = lanes - 1; lane >= offset; --lane)
                        value[lane] = combine(value[lane - offset], value[lane]);
                before[0] = identity;
                std::copy_n(value.begin(), lanes - 1, before.begin() + 1);
                for (int lane = 0; lane < std::min(lanes, count - base); ++lane)
                    write(row, base + lane, combine(carry, before[static_cast<std::size_t>(lane)]),
                          combine(carry, value[static_cast<std::size_t>(lane)]));
                carry = combine(carry, value[lanes - 1]);
            }
        });
    }

    /// write(row, total) of what read(row, i) gives.
    template <class T, class Combine, class Read, class Write>
    void reduce(int rows, int count, T identity, const Combine& combine, const Read& read, const Write& write) const {
        for_each(rows, [&](int row) {
            write(row, lane_total(count, identity, combine, [&](int i) { return read(row, i); }));
        });
    }

    /// write(total) of what read(i) gives, by the whole team.
    template <class T, class Combine, class Read, class Write>
    void total(int count, T identity, const Combine& combine, const Read& read, const Write& write) const {
        write(lane_total(count, identity, combine, read));
    }

  private:
    template <class T, class Combine, class Read>
    static T lane_total(int count, T identity, const Combine& combine, const Read& read) {
        std::array<T, lanes> value;
        value.fill(identity);
        for (int i = 0; i < count; ++i) {
            auto& own = value[static_cast<std::size_t>(i % lanes)];
            own = combine(own, read(i));
        }
        for (std::size_t half = lanes / 2; half > 0; half /= 2)
            for (std::size_t lane = 0; lane < half; ++lane) value[lane] = combine(value[lane], value[lane + half]);
        return value[0];
    }

    bool backwards_;
};

}  // namespace cameo::kernels::device
