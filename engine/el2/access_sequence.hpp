// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "arch/aarch64/load_store.hpp"
#include "engine/el2/guest_view.hpp"
#include "vm/exit.hpp"

namespace gimbal::el2 {

/// Whether the guest's data accesses are big-endian.
bool big_endian_data(const Trap& trap, aarch64::Spsr spsr);

/// One instruction that reaches devices by more than one access of up to 8 bytes, or by one that is not aligned. All
/// addresses are known before the first access is made; registers change after the last one only. Owned by one vCPU.
class AccessSequence {
public:
    enum class Start : u8 {
        ready,   ///< step() gives the first access.
        nothing, ///< There is nothing to do for memory: the instruction has changed under us, or is none that traps.
        refused, ///< Not an instruction that can be emulated on a device.
        fault,   ///< The guest faults; exception() is what it takes.
    };

    /// Decodes the instruction at frame.elr. `device_page` is the guest physical page of the address trap.far.
    Start start(const Trap& trap, Gpa device_page, const aarch64::ContextFrame& frame, GuestView& guest);
    /// For a single access that the syndrome describes and that begins at trap.far.
    Start start_described(const Trap& trap, Gpa device_page, const aarch64::ContextFrame& frame, GuestView& guest);

    /// Goes on until a device has to be asked; true: `exit` is the access. False: all is done, and finish() follows.
    bool step(GuestView& guest, Exit& exit);
    /// The answer to the access that step() gave.
    void answer(u64 value);
    /// Writes the results and the base register. The PC is the caller's.
    void finish(aarch64::ContextFrame& frame, GuestView& guest);

    /// The access that waits for its answer.
    u64 current_address() const { return address_ + position_; }
    bool is_write() const { return writing_; }
    const El1Exception& exception() const { return exception_; }

private:
    static constexpr unsigned max_bytes = 64; ///< LD4 and ST4 of 16-byte registers
    static constexpr u64 page_bytes = 4096;

    Start begin(const Trap& trap, Gpa device_page, const aarch64::ContextFrame& frame, GuestView& guest);
    Start plan_zero_block(const Trap& trap, Gpa device_page, const aarch64::ContextFrame& frame, GuestView& guest,
                          u32 word);
    void plan_address(const aarch64::ContextFrame& frame, GuestView& guest);
    bool covers(u64 far) const;
    bool find_pages(const Trap& trap, Gpa device_page, GuestView& guest);
    u64 read_base(const aarch64::ContextFrame& frame, GuestView& guest) const;
    void write_base(aarch64::ContextFrame& frame, GuestView& guest) const;

    Gpa gpa_at(unsigned position) const;
    u64 chunk_value() const;
    void set_chunk(u64 value);
    bool do_in_memory(GuestView& guest);
    bool begin_write_back();

    VectorRegister element(unsigned index) const;
    void set_element(unsigned index, VectorRegister value);
    unsigned vectors() const;
    unsigned vector_number(unsigned index) const;
    unsigned element_of_lane(unsigned index, unsigned lane) const;
    void gather(const aarch64::ContextFrame& frame, GuestView& guest);
    void gather_vectors(GuestView& guest);
    void scatter_general(aarch64::ContextFrame& frame) const;
    void scatter_vectors(GuestView& guest) const;

    aarch64::LoadStore operation_{};
    El1Exception exception_{};
    u64 address_{};         ///< Virtual, of the first byte
    u64 base_after_{};      ///< What write-back leaves
    Gpa pages_[2]{};        ///< Of the first and the last byte; rounded down
    u64 operand_[2]{};      ///< Atomics: the operand, or what is stored if the comparison succeeds
    u64 expected_[2]{};     ///< CAS
    u64 old_[2]{};          ///< Atomics: what was found
    u16 total_{};           ///< Bytes
    u16 position_{};        ///< Bytes done
    u8 chunk_{};            ///< Bytes of one access: 1, 2, 4 or 8
    bool device_page_[2]{}; ///< Known to be no memory
    bool writing_{};
    bool big_endian_{};
    bool zero_{};           ///< DC ZVA
    u8 bytes_[max_bytes]{}; ///< The memory's image, in the order of addresses
};

} // namespace gimbal::el2
