// SPDX-License-Identifier: Apache-2.0
#include "engine/el2/stage2_format.hpp"

namespace gimbal::el2 {

namespace {

using aarch64::Descriptor;
using aarch64::Shareability;
using aarch64::Stage2MemAttr;
using aarch64::Stage2Xn;

constexpr Stage2MemAttr encode_memory(Stage2Memory memory)
{
    switch (memory) {
    case Stage2Memory::normal: return Stage2MemAttr::normal_write_back;
    case Stage2Memory::normal_non_cacheable: return Stage2MemAttr::normal_non_cacheable;
    case Stage2Memory::device: return Stage2MemAttr::device_ngnre;
    }
    return Stage2MemAttr::device_ngnrne;
}

constexpr Stage2Memory decode_memory(Stage2MemAttr attribute)
{
    if (attribute == Stage2MemAttr::normal_write_back) return Stage2Memory::normal;
    if (attribute == Stage2MemAttr::normal_non_cacheable) return Stage2Memory::normal_non_cacheable;
    return Stage2Memory::device;
}

constexpr Stage2Xn encode_execute(bool el0, bool el1)
{
    if (el0) return el1 ? Stage2Xn::execute_all : Stage2Xn::execute_el0;
    return el1 ? Stage2Xn::execute_el1 : Stage2Xn::execute_none;
}

} // namespace

Descriptor make_stage2_leaf(u64 physical, unsigned level, const Stage2Attributes& attributes)
{
    // Shareability says something of Normal memory only; Device is always outer shareable.
    const bool device = attributes.memory == Stage2Memory::device;
    const Shareability shareability = device ? Shareability::non_shareable : Shareability::inner;
    Descriptor leaf = Descriptor::valid::set({physical}, true);
    leaf = Descriptor::not_block::set(leaf, level == 3);
    leaf = Descriptor::mem_attr::set(leaf, static_cast<u8>(encode_memory(attributes.memory)));
    leaf = Descriptor::s2ap::set(leaf, static_cast<u8>((attributes.read ? 1 : 0) | (attributes.write ? 2 : 0)));
    leaf = Descriptor::sh::set(leaf, static_cast<u8>(shareability));
    leaf = Descriptor::af::set(leaf, true);
    const Stage2Xn xn = encode_execute(attributes.execute_el0, attributes.execute_el1);
    return Descriptor::s2_xn::set(leaf, static_cast<u8>(xn));
}

Descriptor make_stage2_table(u64 physical)
{
    return Descriptor::not_block::set(Descriptor::valid::set({physical}, true), true);
}

Stage2Attributes stage2_attributes(Descriptor leaf)
{
    const u8 access = Descriptor::s2ap::get(leaf);
    const auto xn = static_cast<Stage2Xn>(Descriptor::s2_xn::get(leaf));
    return {.memory = decode_memory(static_cast<Stage2MemAttr>(Descriptor::mem_attr::get(leaf))),
            .read = (access & 1) != 0,
            .write = (access & 2) != 0,
            .execute_el0 = xn == Stage2Xn::execute_all || xn == Stage2Xn::execute_el0,
            .execute_el1 = xn == Stage2Xn::execute_all || xn == Stage2Xn::execute_el1};
}

} // namespace gimbal::el2
