// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "vm/exit.hpp"

namespace gimbal::translator::aarch64 {

/// The accesses of one instruction that the VM has answered so far. An instruction that meets a device is run again
/// from its start for every answer: answered accesses are taken from here in order, the next one leaves. So pairs,
/// vectors, page-crossing and read-modify-write accesses are sequences of single exits, and registers change only at
/// the end.
class AccessReplay {
public:
    static constexpr unsigned max_beats = 64; ///< LD4/ST4 of bytes, every byte to a device.

    bool active() const { return count_ != 0; }
    void clear() { count_ = next_ = 0; }
    /// The instruction starts again.
    void rewind() { next_ = 0; }
    bool full() const { return count_ == max_beats; }

    /// The answer to the next access, if it was answered before. A guest whose instruction does something else the
    /// second time (it was changed under us) gets fresh accesses.
    bool take(const MmioExit& access, u64& value)
    {
        if (next_ == count_) return false;
        const Beat& beat = beats_[next_];
        if (!(beat.gpa == access.gpa) || beat.size != access.size || beat.direction != access.direction) {
            count_ = next_;
            return false;
        }
        value = beat.value;
        ++next_;
        return true;
    }
    void answer(const MmioExit& access, u64 value)
    {
        beats_[count_++] = {access.gpa, value, access.size, access.direction};
    }

private:
    struct Beat {
        Gpa gpa;
        u64 value;
        AccessSize size;
        Direction direction;
    };
    Beat beats_[max_beats]{};
    unsigned count_{};
    unsigned next_{};
};

} // namespace gimbal::translator::aarch64
