// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <expected>
#include <utility>

namespace gimbal {

/// The value or one small error enum. `.value()` is banned: it throws.
template <class T, class E>
using Result = std::expected<T, E>;

template <class E>
constexpr std::unexpected<std::decay_t<E>> fail(E&& error)
{
    return std::unexpected<std::decay_t<E>>(std::forward<E>(error));
}

} // namespace gimbal

/// Returns the error of `expression` to the caller, or binds its value to `name`.
#define GIMBAL_TRY(name, expression)                                                                                   \
    auto name##_result = (expression);                                                                                 \
    if (!name##_result) return ::gimbal::fail(name##_result.error());                                                  \
    auto name = std::move(*name##_result)

/// The same for a Result<void, E>.
#define GIMBAL_TRY_VOID(expression)                                                                                    \
    do {                                                                                                               \
        if (auto try_result = (expression); !try_result) return ::gimbal::fail(try_result.error());                    \
    } while (false)
