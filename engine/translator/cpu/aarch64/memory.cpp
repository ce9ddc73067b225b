// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <bit>

#include "arch/aarch64/esr.hpp"
#include "base/bits.hpp"
#include "engine/translator/core/host_access.hpp"
#include "engine/translator/core/host_memory.hpp"
#include "engine/translator/cpu/aarch64/cpu.hpp"

// Data accesses that miss the inline TLB: translation, page crossings, alignment, devices and watchpoints.
namespace gimbal::translator::aarch64 {

using arch::FaultStatus;

Result<Translation, WalkFault> Cpu::translate(u64 va, WalkAccess access, bool privileged)
{
    const WalkRegisters registers = walk_registers();
    const bool pan = mode_.pan && privileged && access != WalkAccess::execute;
    const bool canonical = static_cast<u64>(sign_extend(va, 56)) == va || top_byte_ignored(registers.tcr, va);
    const u16 asid = current_asid();
    // E0PD0 and E0PD1 are no rights of the entry: PAN looks at the rights without them.
    const bool kept_from_el0 = !privileged && test_bit(registers.tcr, test_bit(va, 55) ? 56 : 55);
    if (mode_.mmu_on && canonical && !kept_from_el0) {
        const Translation* hit = tlb_.lookup(va, asid);
        if (hit != nullptr && permitted(hit->rights, access, privileged, pan) &&
            (access != WalkAccess::write || hit->dirty))
            return *hit;
    }
    ++tlb_misses_;
    auto walked = walk_stage1(machine_.memory(), registers, va, access, privileged, pan);
    if (!walked) return walked;
    // The TLB works in pages of the smaller granule; a larger page is entered piece by piece.
    walked->page += align_down(va & low_mask(walked->page_shift), u64{1} << tlb_.granule());
    if (mode_.mmu_on) tlb_.remember(va, asid, *walked);
    return walked;
}

bool Cpu::translate_data(u64 va, ir::MemOp op, bool write, Page& page, bool aligned)
{
    const bool unprivileged = op.privilege == ir::Privilege::unprivileged;
    const bool privileged = mode_.el != 0 && !unprivileged;
    const auto translation = translate(va, write ? WalkAccess::write : WalkAccess::read, privileged);
    const bool fits_device = aligned && op.align != ir::Align::normal;
    if (!translation) {
        const WalkFault& fault = translation.error();
        data_abort(va, fault.device && !fits_device ? FaultStatus::alignment : fault.status, write);
        return false;
    }
    if (translation->device && !fits_device) {
        data_abort(va, FaultStatus::alignment, write);
        return false;
    }
    const u64 offset = va & low_mask(tlb_.granule());
    page.physical = translation->page + offset;
    const MemoryRegion* region = machine_.memory().find({translation->page});
    page.host = nullptr;
    if (region == nullptr) return true;
    // A granule larger than 4 KiB may reach beyond the end of RAM.
    const u64 in_region = translation->page - region->base.value;
    if (in_region + offset >= region->size) return true;
    if (write && region->read_only) return true; // a device access, which nothing claims
    if (write && region->log_dirty) machine_.memory().log_write({page.physical}, op.size());
    page.host = region->host + in_region + offset;
    const bool whole = in_region + (u64{1} << tlb_.granule()) <= region->size;
    page.partial = !whole;
    if (translation->device || !whole || page_is_watched(va)) return true;
    const bool pan = mode_.pan && privileged;
    const bool may_write = translation->dirty && !region->read_only && !region->log_dirty &&
                           permitted(translation->rights, WalkAccess::write, privileged, pan);
    tlb_.fill(va, unprivileged, *translation, region->host + in_region, may_write);
    return true;
}

void Cpu::data_abort(u64 va, arch::FaultStatus status, bool write, bool cache_maintenance)
{
    const arch::DataAbortIss iss{.fsc = status, .wnr = write || cache_maintenance, .cm = cache_maintenance};
    unwind_exception({arch::make_data_abort(mode_.el == 0, iss), va, true});
}

bool Cpu::alignment_ok(u64 address, ir::MemOp op, bool write)
{
    const u64 alignment = op.align == ir::Align::check_16 ? 16 : op.align == ir::Align::natural ? op.size() : 1;
    if (is_aligned(address, alignment)) return true;
    data_abort(address, FaultStatus::alignment, write);
    return false;
}

bool Cpu::crosses_page(u64 address, unsigned size) const
{
    return (address & low_mask(tlb_.granule())) + size > u64{1} << tlb_.granule();
}

/// One access of up to 8 bytes to something that is not RAM. False: the VM is asked, or has refused.
bool Cpu::access_device(u64 va, const Page& page, unsigned size, Direction direction, u64& value)
{
    const MmioExit access{{page.physical},
                          direction == Direction::write ? value & low_mask(8 * size) : 0,
                          static_cast<AccessSize>(size),
                          direction};
    if (replay_.take(access, value)) return true;
    CpuState& common = state_->common;
    common.unwind = Unwind::access;
    if (replay_.full()) {
        access_exit_ = Exit(FatalExit{FatalReason::undecodable_access, page.physical});
        return false;
    }
    access_exit_ = Exit(access);
    access_address_ = va;
    return false;
}

/// An access that is not one piece of RAM: in two pages, unaligned at the edge of RAM, or of several parts outside it;
/// part by part, or if it is unaligned a byte at a time. All is translated before the first part is touched, so that a
/// fault in the second page leaves the first alone.
bool Cpu::access_parts(u64 address, ir::MemOp op, bool write, V128& value)
{
    const unsigned size = op.size();
    const bool aligned = is_aligned(address, op.part_size());
    const unsigned part_size = aligned ? std::min(op.part_size(), 8U) : 1;
    const auto part_log2 = static_cast<unsigned>(std::countr_zero(part_size));
    Page pages[16];
    for (unsigned i = 0; i < size; i += part_size)
        if (!translate_data(address + i, op, write, pages[i], aligned)) return false;
    if (!watch(address, size, write)) return false;
    for (unsigned i = 0; i < size; i += part_size) {
        u64& half = i < 8 ? value.lo : value.hi;
        const unsigned shift = 8 * (i & 7);
        const u64 mask = low_mask(8 * part_size);
        u64 part = write ? half >> shift & mask : 0;
        if (pages[i].host == nullptr) {
            if (!access_device(address + i, pages[i], part_size, write ? Direction::write : Direction::read, part))
                return false;
        } else if (write) {
            host::store(pages[i].host, part_log2, {part, 0});
        } else {
            part = host::load(pages[i].host, part_log2).lo;
        }
        if (!write) half = (half & ~(mask << shift)) | (part & mask) << shift;
    }
    return true;
}

bool Cpu::access(u64 address, ir::MemOp op, bool write, V128& value)
{
    const unsigned size = op.size();
    if (!alignment_ok(address, op, write)) return false;
    if (crosses_page(address, size)) return access_parts(address, op, write, value);
    Page page;
    if (!translate_data(address, op, write, page, is_aligned(address, op.part_size()))) return false;
    const bool aligned = is_aligned(address, size);
    // The last bytes may be something else than the first.
    if (!aligned && (page.host == nullptr || page.partial)) return access_parts(address, op, write, value);
    if (page.host == nullptr && (size > 8 || op.parts_log2 != 0)) return access_parts(address, op, write, value);
    if (!watch(address, size, write)) return false;
    if (page.host == nullptr)
        return access_device(address, page, size, write ? Direction::write : Direction::read, value.lo);
    if (write)
        host::store(page.host, op.size_log2, value);
    else
        value = host::load(page.host, op.size_log2);
    return true;
}

bool Cpu::load(CpuState&, u64 address, ir::MemOp op, V128& out)
{
    out = {};
    if (op.order == ir::Order::acquire) atomic_fence(MemoryOrder::seq_cst);
    if (!access(address, op, false, out)) return false;
    if (op.big_endian) out = host::byte_swap(out, op.size_log2);
    if (op.order != ir::Order::plain) atomic_fence(MemoryOrder::acquire);
    return true;
}

bool Cpu::store(CpuState&, u64 address, ir::MemOp op, const V128& value)
{
    V128 data = op.big_endian ? host::byte_swap(value, op.size_log2) : value;
    if (op.order != ir::Order::plain) atomic_fence(MemoryOrder::seq_cst);
    if (!access(address, op, true, data)) return false;
    if (op.order != ir::Order::plain) atomic_fence(MemoryOrder::seq_cst);
    return true;
}

bool Cpu::probe(CpuState&, u64 address, ir::MemOp op, unsigned byte_count)
{
    if (!alignment_ok(address, op, op.is_write)) return false;
    Page page;
    const bool aligned = is_aligned(address, op.part_size());
    if (!translate_data(address, op, op.is_write, page, aligned)) return false;
    const u64 last = address + (byte_count == 0 ? 0 : byte_count - 1);
    return align_down(last, u64{1} << tlb_.granule()) == align_down(address, u64{1} << tlb_.granule()) ||
           translate_data(last, op, op.is_write, page, aligned);
}

/// The location of an atomic access, writable and naturally aligned. `page.host` is null for a device.
bool Cpu::translate_atomic(u64 address, ir::MemOp op, Page& page)
{
    const u64 alignment = op.align == ir::Align::check_16 ? 16 : op.size();
    if (!is_aligned(address, alignment)) {
        data_abort(address, FaultStatus::alignment, true);
        return false;
    }
    // WnR says "read" for a fault that a read would have taken too, so the read is tried first.
    return translate_data(address, op, false, page) && translate_data(address, op, true, page) &&
           watch(address, op.size(), false) && watch(address, op.size(), true);
}

bool Cpu::load_exclusive(CpuState& state, u64 address, ir::MemOp op, V128& out)
{
    out = {};
    if (!alignment_ok(address, op, false)) return false;
    Page page;
    if (!translate_data(address, op, false, page) || !watch(address, op.size(), false)) return false;
    if (page.host == nullptr) {
        data_abort(address, FaultStatus::unsupported_exclusive, false);
        return false;
    }
    out = host::load(page.host, op.size_log2);
    if (op.order != ir::Order::plain) atomic_fence(MemoryOrder::acquire);
    state.exclusive_address = address;
    state.exclusive_host = page.host;
    state.exclusive_value = out;
    state.exclusive_size = op.size();
    if (op.big_endian) out = host::byte_swap(out, op.size_log2);
    return true;
}

bool Cpu::store_exclusive(CpuState& state, u64 address, ir::MemOp op, const V128& value, u32& failed)
{
    failed = 1;
    if (!alignment_ok(address, op, true)) return false;
    const bool armed = state.exclusive_address == address && state.exclusive_size == op.size();
    if (!armed) {
        state.exclusive_address = ~u64{0};
        return true;
    }
    Page page;
    if (!translate_data(address, op, true, page) || !watch(address, op.size(), true)) return false;
    state.exclusive_address = ~u64{0};
    if (page.host == nullptr || page.host != state.exclusive_host) return true;
    const V128 data = op.big_endian ? host::byte_swap(value, op.size_log2) : value;
    V128 old;
    failed = host::compare_exchange(page.host, op.size_log2, state.exclusive_value, data, old) ? 0 : 1;
    return true;
}

bool Cpu::atomic_rmw(CpuState&, u64 address, ir::MemOp op, ir::Atomic kind, u64 operand, u64& old)
{
    Page page;
    if (!translate_atomic(address, op, page)) return false;
    if (page.host != nullptr && !op.big_endian) {
        old = host::read_modify_write(page.host, op.size_log2, kind, operand);
        return true;
    }
    const auto order = [&](u64 value) { return op.big_endian ? host::byte_swap({value, 0}, op.size_log2).lo : value; };
    if (page.host == nullptr) {
        u64 raw = 0;
        if (!access_device(address, page, op.size(), Direction::read, raw)) return false;
        old = order(raw);
        u64 next = order(host::modify(old, op.size_log2, kind, operand));
        return access_device(address, page, op.size(), Direction::write, next);
    }
    V128 raw = host::load(page.host, op.size_log2);
    V128 next;
    do {
        next.lo = order(host::modify(order(raw.lo), op.size_log2, kind, operand));
    } while (!host::compare_exchange(page.host, op.size_log2, raw, next, raw));
    old = order(raw.lo);
    return true;
}

bool Cpu::atomic_cas(CpuState&, u64 address, ir::MemOp op, const V128& expected, const V128& desired, V128& old)
{
    Page page;
    if (!translate_atomic(address, op, page)) return false;
    const auto order = [&](const V128& value) { return op.big_endian ? host::byte_swap(value, op.size_log2) : value; };
    const V128 wanted = order(expected);
    const V128 next = order(desired);
    if (page.host != nullptr) {
        host::compare_exchange(page.host, op.size_log2, wanted, next, old);
        old = order(old);
        return true;
    }
    V128 found{};
    if (!access_parts(address, op, false, found)) return false;
    V128 stored = next;
    if (found.lo == wanted.lo && found.hi == wanted.hi && !access_parts(address, op, true, stored)) return false;
    old = order(found);
    return true;
}

bool Cpu::check_data_cache_operation(u64 va, bool write)
{
    const auto translation = translate(va, write ? WalkAccess::write : WalkAccess::read, mode_.el != 0);
    if (translation) return true;
    data_abort(va, translation.error().status, true, true);
    return false;
}

} // namespace gimbal::translator::aarch64
