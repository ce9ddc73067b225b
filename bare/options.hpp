// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "base/result.hpp"
#include "base/str_view.hpp"

namespace gimbal::bare {

/// What the tests of containment break, and how.
enum class FaultKind : u8 {
    load,  ///< A load from where nothing is mapped.
    panic, ///< A failed assertion.
    stack, ///< More stack than there is.
};

/// A fault of the hypervisor, made on purpose.
struct TestFault {
    unsigned cpu{};
    u64 turns{}; ///< At that CPU's so-manieth turn of the scheduler; from 1.
    FaultKind kind{FaultKind::load};
};

/// What the boot loader's command line (`/chosen/bootargs`) says to the hypervisor: words that begin with `gimbal.`;
/// all others are left to whoever they are for.
struct Options {
    bool use_vhe{true}; ///< `gimbal.vhe=off`: not even on a CPU that has it.
    std::optional<TestFault> test_fault;
};

enum class OptionsError : u8 {
    unknown,    ///< A word that begins with `gimbal.`.
    vhe,        ///< Neither on nor off.
    test_fault, ///< Not CPU:TURNS or CPU:TURNS:KIND.
};
const char* options_error_text(OptionsError error);

/// A word that is given twice counts as its last.
Result<Options, OptionsError> read_options(StrView bootargs);

} // namespace gimbal::bare
