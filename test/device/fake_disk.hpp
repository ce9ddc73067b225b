// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "device/block_backend.hpp"

namespace gimbal::test {

/// A disk in memory, of which at most the first 1 MiB exists. It remembers its calls, and fails when it is told to.
class FakeDisk final : public BlockBackend {
public:
    static constexpr u64 most_sectors = 2048;

    explicit FakeDisk(u64 sectors = 64, bool read_only = false) : bytes(std::min(sectors, most_sectors) * sector_size)
    {
        properties_.sectors = sectors;
        properties_.read_only = read_only;
        properties_.physical_block_size = 4096;
        constexpr std::string_view name = "fake.img";
        std::copy(name.begin(), name.end(), properties_.identity.begin());
        for (usize i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<u8>(i / sector_size + i);
    }

    const BlockProperties& properties() const override { return properties_; }
    Result<void, BlockError> read(u64 offset, std::span<u8> out) override
    {
        GIMBAL_TRY_VOID(begin("read", offset, out.size(), false));
        std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(offset), out.size(), out.begin());
        return {};
    }
    Result<void, BlockError> write(u64 offset, std::span<const u8> data) override
    {
        GIMBAL_TRY_VOID(begin("write", offset, data.size(), true));
        std::copy(data.begin(), data.end(), bytes.begin() + static_cast<std::ptrdiff_t>(offset));
        return {};
    }
    Result<void, BlockError> discard(u64 offset, u64 size) override { return begin("discard", offset, size, true); }
    Result<void, BlockError> write_zeroes(u64 offset, u64 size, bool may_unmap) override
    {
        GIMBAL_TRY_VOID(begin(may_unmap ? "unmap" : "zero", offset, size, true));
        std::fill_n(bytes.begin() + static_cast<std::ptrdiff_t>(offset), size, u8{0});
        return {};
    }
    Result<void, BlockError> flush() override
    {
        const std::lock_guard lock(mutex_);
        calls.push_back(fmt::format("flush in {} scopes", scopes));
        if (flush_error) return fail(*flush_error);
        return {};
    }
    unsigned begin_write() override
    {
        const std::lock_guard lock(mutex_);
        ++scopes;
        return 7;
    }
    void end_write(unsigned ticket) override
    {
        const std::lock_guard lock(mutex_);
        if (ticket == 7) --scopes;
    }

    std::vector<u8> bytes;
    std::vector<std::string> calls; ///< "write 512+1024"
    unsigned scopes{};              ///< Write scopes that are open.
    std::optional<BlockError> error;
    std::optional<BlockError> flush_error;
    u64 fail_from{}; ///< With `error`: accesses that reach beyond this offset fail.

private:
    Result<void, BlockError> begin(const char* what, u64 offset, u64 size, bool changes)
    {
        const std::lock_guard lock(mutex_);
        calls.push_back(fmt::format("{} {}+{}", what, offset, size));
        if (offset > bytes.size() || size > bytes.size() - offset) {
            calls.emplace_back("OUT OF RANGE");
            return fail(BlockError::range);
        }
        if (changes && (properties_.read_only || scopes == 0)) calls.emplace_back("NOT ALLOWED");
        if (error && offset + size > fail_from) return fail(*error);
        return {};
    }

    BlockProperties properties_;
    std::mutex mutex_;
};

} // namespace gimbal::test
