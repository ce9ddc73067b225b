// SPDX-License-Identifier: Apache-2.0
#include "host/thread.hpp"

#include <pthread.h>

#include <string>

namespace gimbal::host {

void name_this_thread(const char* name)
{
    ::pthread_setname_np(::pthread_self(), std::string(name).substr(0, 15).c_str());
}

} // namespace gimbal::host
