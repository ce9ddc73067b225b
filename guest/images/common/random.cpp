// SPDX-License-Identifier: Apache-2.0
#include "guest/images/common/random.hpp"

namespace {

u64 state = 1;

} // namespace

void seed_random(u64 seed)
{
    u64 z = seed + 0x9E37'79B9'7F4A'7C15;
    z = (z ^ z >> 30) * 0xBF58'476D'1CE4'E5B9;
    z = (z ^ z >> 27) * 0x94D0'49BB'1331'11EB;
    state = (z ^ z >> 31) | 1;
}

u64 random64()
{
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return state * 0x2545'F491'4F6C'DD1D;
}
