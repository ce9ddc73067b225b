// SPDX-License-Identifier: Apache-2.0
#include "device/virtio/rng.hpp"

namespace gimbal::virtio {
namespace {

constexpr u32 step = 256;      // an EntropySource gives no more at once
constexpr unsigned batch = 32; // requests, before others have their turn

u32 smaller(u64 a, u32 b) { return a < b ? static_cast<u32>(a) : b; }

} // namespace

/// There is none: it reads as zero.
void Rng::read_config(u32, std::span<u8> out)
{
    for (u8& byte : out) byte = 0;
}

/// False: the queue can go on no more.
bool Rng::serve(Queue& queue)
{
    const u32 wanted = smaller(chain_.writable_bytes(), max_bytes);
    // 5.4.6.1: no device-readable buffers; and one without room could not be given a byte.
    if (chain_.readable_bytes() != 0 || wanted == 0) return queue.refuse(chain_) == QueueError::stopped;
    u32 written = 0;
    while (written < wanted) {
        u8 bytes[step];
        const u32 asked = smaller(wanted - written, step);
        const u32 random = smaller(source_.fill({bytes, asked}), asked);
        if (random == 0 && written == 0) return queue.refuse(chain_) == QueueError::stopped;
        if (!queue.write(chain_, written, {bytes, random})) break; // not RAM, or reset
        written += random;
        if (random < asked) break;
    }
    return queue.push(chain_, written).has_value();
}

void Rng::process(u32)
{
    Queue& queue = host_->queue(0);
    do {
        queue.disable_notifications();
        for (unsigned done = 0;; ++done) {
            if (done == batch) {
                host_->used(0);
                runner_.ring(0);
                return;
            }
            const auto popped = queue.pop(chain_);
            if (popped && !*popped) break;
            if (popped && serve(queue)) continue;
            host_->used(0);
            host_->queue_broken(0); // of no effect if it only was reset
            return;
        }
        host_->used(0);
    } while (queue.enable_notifications());
}

} // namespace gimbal::virtio
