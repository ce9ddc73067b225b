// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "engine/translator/vector/elementwise.hpp"

namespace gimbal::translator::vector {

/// value >> amount as if in unlimited precision, arithmetic if T is signed; `amount` is any number.
template <class T>
constexpr T shift_right(T value, unsigned amount)
{
    if (amount >= bits_of<T>) return static_cast<T>(std::is_signed_v<T> && value < 0 ? -1 : 0);
    return static_cast<T>(value >> amount);
}

/// (value + 2^(amount - 1)) >> amount in unlimited precision: the bit shifted out last is what rounding adds.
template <class T>
constexpr T shift_right_rounding(T value, unsigned amount)
{
    if (amount == 0) return value;
    using U = std::make_unsigned_t<T>;
    const auto carry = static_cast<U>(shift_right(value, amount - 1) & 1);
    return static_cast<T>(static_cast<U>(static_cast<U>(shift_right(value, amount)) + carry));
}

/// value << amount, modulo T's size.
template <class T>
constexpr T shift_left(T value, unsigned amount)
{
    using U = std::make_unsigned_t<T>;
    return amount >= bits_of<T> ? T{0} : static_cast<T>(static_cast<U>(u64{static_cast<U>(value)} << amount));
}

/// value << amount, saturated to Result, which is T or its unsigned counterpart.
template <class Result, class T>
constexpr Result shift_left_saturating(Context& context, T value, unsigned amount)
{
    const T shifted = shift_left(value, amount);
    const bool fits =
        (amount < bits_of<T> || value == 0) &&
        static_cast<Exact<T>>(shift_right(static_cast<Result>(shifted), amount)) == static_cast<Exact<T>>(value);
    if (fits) return static_cast<Result>(shifted);
    context.saturated = true;
    return value < 0 ? std::numeric_limits<Result>::min() : std::numeric_limits<Result>::max();
}

} // namespace gimbal::translator::vector
