// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace gimbal::host {

/// For debuggers and `top`; cut at 15 characters.
void name_this_thread(const char* name);

} // namespace gimbal::host
