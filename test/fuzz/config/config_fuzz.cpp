// SPDX-License-Identifier: Apache-2.0
// Any text as vm.toml: a message that names the file, or a configuration whose values are in range.
#include "app/cli/config_file.hpp"
#include "base/assert.hpp"

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    using namespace gimbal;
    RunConfig config;
    const auto applied = apply_config(config, {reinterpret_cast<const char*>(data), size}, "dir/vm.toml");
    GIMBAL_ASSERT(applied || applied.error().message.starts_with("dir/vm.toml:"));
    GIMBAL_ASSERT(config.memory >= u64{1} << 20 && config.memory <= u64{255} << 30);
    GIMBAL_ASSERT(!config.timeout || *config.timeout > 0);
    GIMBAL_ASSERT(config.cmdline.value_or("").size() < 2048);
    return 0;
}
