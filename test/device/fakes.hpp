// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include "device/char_sink.hpp"
#include "vm/bus.hpp"
#include "vm/interrupt_chip.hpp"

namespace gimbal::test {

/// Remembers the level of each SPI and how often it changed.
struct FakeChip final : InterruptChip {
    bool levels[64]{};
    unsigned changes{};

    bool has_spi(Spi spi) const override { return spi.value < 64; }
    void set_spi(Spi spi, bool level) override
    {
        levels[spi.value] = level;
        ++changes;
    }
    void set_ppi(VcpuId, Intid, bool) override {}
    void reset_cpu(VcpuId) override {}
};

/// One line into a FakeChip.
struct FakeLine {
    FakeChip chip;
    InterruptLine line;
    InterruptSource source;

    FakeLine()
    {
        EXPECT_TRUE(line.connect(chip, Spi{1}).has_value());
        source = *line.add_source();
    }
    bool level() const { return chip.levels[1]; }
};

struct FakeSink final : CharSink {
    std::string text;
    usize room{~usize{0}};
    unsigned ready_calls{};

    usize put(std::span<const u8> bytes) override
    {
        const usize taken = std::min(bytes.size(), room);
        text.append(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(taken));
        if (room != ~usize{0}) room -= taken;
        return taken;
    }
    void receiver_ready() noexcept override { ++ready_calls; }
};

/// Register access as a driver does it; a refusal fails the test.
struct Driver {
    MmioDevice& device;
    VcpuId vcpu{0};

    u64 read(u64 offset, AccessSize size = AccessSize::bytes_4) const
    {
        const auto value = device.read({vcpu}, offset, size);
        EXPECT_TRUE(value.has_value()) << std::hex << offset;
        return value ? *value : ~u64{0};
    }
    void write(u64 offset, u64 value, AccessSize size = AccessSize::bytes_4) const
    {
        EXPECT_TRUE(device.write({vcpu}, offset, size, value).has_value()) << std::hex << offset;
    }
    bool refuses(u64 offset, AccessSize size) const
    {
        const auto read = device.read({vcpu}, offset, size);
        const auto written = device.write({vcpu}, offset, size, 0);
        return !read && read.error() == BusError::bad_access && !written && written.error() == BusError::bad_access;
    }
};

} // namespace gimbal::test
