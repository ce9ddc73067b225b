// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstring>

#include "test/engine/translator/frontend/execution_state.hpp"
#include "test/engine/translator/vectors/translate.hpp"

namespace gimbal::translator::aarch64::test {

/// One or two instructions, the state they start from and the digest of the state they leave.
struct ExecutionVector {
    const char* row;
    u32 seed;
    u32 words[2];
    u64 digest;
};

inline constexpr ExecutionVector execution_vectors[] = {
#define EXECUTE(row, seed, first, second, digest)                                                                      \
    {                                                                                                                  \
        #row, seed, {first, second}, \
          digest \
},
#include "test/engine/translator/frontend/execution_vectors.inc"
#undef EXECUTE
};

/// At EL0, with SP alignment checked, as the reference ran.
inline ir::Block translate_vector(const ExecutionVector& vector)
{
    constexpr u32 nop = 0xD503'201F;
    Mode mode;
    mode.el = 0;
    mode.sp_align_check = true;
    if (vector.words[1] == nop) return translate({vector.words[0]}, mode);
    return translate({vector.words[0], vector.words[1]}, mode);
}

inline void copy_registers(const ExecutionState& from, GuestState& to)
{
    std::memcpy(to.x, from.x, sizeof(to.x));
    to.sp = from.sp;
    to.nzcv = static_cast<u32>(from.nzcv);
}

inline void copy_registers(const GuestState& from, ExecutionState& to)
{
    std::memcpy(to.x, from.x, sizeof(to.x));
    to.sp = from.sp;
    to.nzcv = from.nzcv;
}

} // namespace gimbal::translator::aarch64::test
