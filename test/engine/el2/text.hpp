// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sstream>
#include <string>

namespace gimbal::el2::test {

/// Its arguments one after the other, numbers in hexadecimal with 0x.
template <class... Parts>
std::string text(const Parts&... parts)
{
    std::ostringstream out;
    out << std::hex << std::showbase;
    (out << ... << parts);
    return out.str();
}

} // namespace gimbal::el2::test
