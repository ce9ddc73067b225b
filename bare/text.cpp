// SPDX-License-Identifier: Apache-2.0
#include "bare/text.hpp"

namespace gimbal::bare {

Line& Line::text(StrView words)
{
    for (const char c : words) put(c);
    return *this;
}

Line& Line::hex(u64 value)
{
    text("0x");
    unsigned digit = 15;
    while (digit > 0 && value >> 4 * digit == 0) --digit;
    for (unsigned i = digit + 1; i-- > 0;) put("0123456789abcdef"[value >> 4 * i & 0xF]);
    return *this;
}

Line& Line::number(u64 value)
{
    char digits[20];
    unsigned count = 0;
    do digits[count++] = static_cast<char>('0' + value % 10);
    while ((value /= 10) != 0);
    while (count > 0) put(digits[--count]);
    return *this;
}

} // namespace gimbal::bare
