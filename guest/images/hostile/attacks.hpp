// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "driver.hpp"

/// What must come of an attack on a queue.
enum class Outcome {
    breaks, ///< The device needs a reset.
    any,    ///< Whatever the device makes of it; the machine goes on.
    works,  ///< Nothing: the queue goes on as if it had not been.
};

/// On a device that runs and has just been brought up.
struct Attack {
    const char* name;
    Outcome outcome;
    void (*run)(const Device& device, u32 queue);
};

extern const Attack queue_attacks[];
extern const u32 queue_attack_count;

/// On the transport's registers; false says that something was not as it must be. The device is brought up afterwards.
struct TransportAttack {
    const char* name;
    bool (*run)(const Device& device);
};

extern const TransportAttack transport_attacks[];
extern const u32 transport_attack_count;
