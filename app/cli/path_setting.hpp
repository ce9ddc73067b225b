// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include <fmt/format.h>

#include "app/user_error.hpp"

namespace gimbal {

/// Puts a path that was given as `value` into `target`; relative to `base`, which is empty or ends in a slash.
inline Result<void, UserError> apply_path(std::string& target, const std::string& value, const std::string& base,
                                          const char* what)
{
    if (value.empty()) return fail(UserError{fmt::format("the {}'s path is empty", what)});
    if (value.find('\0') != std::string::npos)
        return fail(UserError{fmt::format("the {}'s path has a NUL in it", what)});
    target = value.starts_with('/') ? value : base + value;
    return {};
}

} // namespace gimbal
