// SPDX-License-Identifier: Apache-2.0
#include "app/pack/hypervisor.hpp"

#include <cstring>
#include <filesystem>

#include <fmt/format.h>

#include "app/loader/bytes.hpp"
#include "app/loader/describe.hpp"
#include "app/loader/formats.hpp"
#include "bare/payload.hpp"
#include "host/file.hpp"

namespace gimbal {
namespace {

using bare::payload::Identity;

constexpr u64 hypervisor_limit = u64{16} << 20;
constexpr u64 file_limit = u64{1} << 30; // what is larger is no mistaken kernel either
constexpr u64 image_size_offset = 16;    // Linux, Documentation/arm64/booting.rst
constexpr const char* file_name = "gimbal-el2.bin";

Result<Identity, UserError> read_identity(std::span<const u8> bytes)
{
    Identity identity;
    if (loader::holds(bytes, Identity::offset, sizeof(identity)))
        std::memcpy(&identity, bytes.data() + Identity::offset, sizeof(identity));
    else
        identity.magic = 0;
    if (identity.magic != Identity::expected_magic)
        return fail(
            UserError{fmt::format("it is an arm64 Image, but no hypervisor of gimbal; expected a {}", file_name)});
    if (identity.payload_version != bare::payload::version)
        return fail(UserError{fmt::format("it reads virtual machines of format {}, and this command writes format {}; "
                                          "take the {} that was built with it",
                                          identity.payload_version, bare::payload::version, file_name)});
    return identity;
}

/// A payload behind it would be the one that the hypervisor finds.
bool is_packed(std::span<const u8> bytes)
{
    for (u64 at = bare::payload::alignment; at < bytes.size(); at += bare::payload::alignment)
        if (loader::read_le<u64>(bytes, at) == bare::payload::Header::expected_magic) return true;
    return false;
}

Result<Hypervisor, UserError> parse_hypervisor(std::vector<u8> bytes)
{
    if (!loader::is_arm64_image(bytes))
        return fail(UserError{fmt::format("it is {}; expected a {}", loader::describe_content(bytes), file_name)});
    GIMBAL_TRY(identity, read_identity(bytes));
    const u64 image_size = loader::read_le<u64>(bytes, image_size_offset).value_or(0);
    if (is_packed(bytes))
        return fail(UserError{fmt::format("it has been packed already; expected a {} as it was built", file_name)});
    if (image_size < bytes.size())
        return fail(UserError{
            fmt::format("it has {} bytes, of which its header knows {}; it is damaged", bytes.size(), image_size)});
    if (image_size > hypervisor_limit)
        return fail(UserError{fmt::format("its header asks for {} bytes of memory; it is damaged", image_size)});
    bytes.resize(image_size);
    return Hypervisor{std::move(bytes), identity.parts};
}

} // namespace

Result<Hypervisor, UserError> load_hypervisor(const std::string& path)
{
    const auto refuse = [&](const std::string& why) {
        return fail(UserError{fmt::format("hypervisor '{}': {}", path, why)});
    };
    auto bytes = host::read_regular_file(path, file_limit);
    if (!bytes) return refuse(bytes.error().message);
    if (bytes->empty()) return refuse("it is an empty file");
    auto hypervisor = parse_hypervisor(std::move(*bytes));
    if (!hypervisor) return refuse(hypervisor.error().message);
    return std::move(*hypervisor);
}

Result<std::string, UserError> find_hypervisor()
{
    std::error_code error;
    const std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe", error);
    const std::filesystem::path folder = program.parent_path();
    for (const std::filesystem::path& place : {folder / file_name, folder.parent_path() / "lib" / "gimbal" / file_name})
        if (std::filesystem::is_regular_file(place, error)) return place.string();
    return fail(
        UserError{fmt::format("there is no {0} beside this command ('{1}') nor in its ../lib/gimbal; name one with "
                              "--hypervisor FILE",
                              file_name, folder.string())});
}

} // namespace gimbal
