// SPDX-License-Identifier: Apache-2.0
// AES and SHA put together from the operations, as guests do it, against the examples of FIPS 197 and FIPS 180.
#include <algorithm>
#include <array>
#include <bit>
#include <vector>

#include "test/engine/translator/vector/reference.hpp"

namespace gimbal::translator::vector::test {
namespace {

using ir::VecOp;

/// Bytes as they are written, the first at the lowest address.
V128 bytes(u64 first, u64 second) { return {std::byteswap(first), std::byteswap(second)}; }

V128 aes(VecOp op, const V128& a, const V128& b = {}) { return run(op, 8, 16, a, b, {}, 0).d; }
V128 exclusive_or(const V128& a, const V128& b) { return {a.lo ^ b.lo, a.hi ^ b.hi}; }

/// SubWord: in four equal columns ShiftRows moves nothing.
u32 substituted(u32 word)
{
    const u64 twice = u64{word} << 32 | word;
    return static_cast<u32>(aes(VecOp::aes_encrypt, {twice, twice}).lo);
}

using AesKeys = std::array<V128, 11>;

AesKeys expand(const V128& key)
{
    AesKeys keys{key};
    u32 constant = 1;
    for (unsigned round = 1; round < keys.size(); ++round) {
        u32 word = std::rotr(static_cast<u32>(element(keys[round - 1], 32, 3)), 8);
        word = substituted(word) ^ constant;
        constant = constant << 1 ^ (constant >> 7) * 0x11B;
        for (unsigned i = 0; i < 4; ++i) {
            word ^= static_cast<u32>(element(keys[round - 1], 32, i));
            set_element(keys[round], 32, i, word);
        }
    }
    return keys;
}

V128 encrypt(const AesKeys& keys, V128 state)
{
    for (unsigned round = 0; round < 9; ++round)
        state = aes(VecOp::aes_mix_columns, aes(VecOp::aes_encrypt, state, keys[round]));
    return exclusive_or(aes(VecOp::aes_encrypt, state, keys[9]), keys[10]);
}

/// The equivalent inverse cipher (FIPS 197, 5.3.5).
V128 decrypt(const AesKeys& keys, V128 state)
{
    state = aes(VecOp::aes_decrypt, state, keys[10]);
    for (unsigned round = 9; round > 0; --round) {
        state = aes(VecOp::aes_inverse_mix_columns, state);
        state = aes(VecOp::aes_decrypt, state, aes(VecOp::aes_inverse_mix_columns, keys[round]));
    }
    return exclusive_or(state, keys[0]);
}

TEST(Crypto, Aes128OfFips197)
{
    const AesKeys keys = expand(bytes(0x2b7e151628aed2a6, 0xabf7158809cf4f3c)); // appendix A.1
    EXPECT_TRUE(number(keys[10]) == number(bytes(0xd014f9a8c9ee2589, 0xe13f0cc8b6630ca6)));
    const V128 plain = bytes(0x3243f6a8885a308d, 0x313198a2e0370734); // appendix B
    const V128 cipher = bytes(0x3925841d02dc09fb, 0xdc118597196a0b32);
    EXPECT_TRUE(number(encrypt(keys, plain)) == number(cipher));
    EXPECT_TRUE(number(decrypt(keys, cipher)) == number(plain));
}

TEST(Crypto, MixColumnsAreInverse)
{
    Operands operands;
    for (unsigned i = 0; i < rounds; ++i) {
        const V128 a = operands.vector();
        const V128 mixed = aes(VecOp::aes_mix_columns, a);
        EXPECT_TRUE(number(aes(VecOp::aes_inverse_mix_columns, mixed)) == number(a));
    }
}

V128 sha(VecOp op, const V128& a, const V128& b, const V128& c = {}) { return run(op, 32, 16, a, b, c, 0).d; }

V128 add(const V128& a, const V128& b) { return run(VecOp::add, 32, 16, a, b, {}, 0).d; }

V128 words(const u32* w)
{
    V128 v{};
    for (unsigned i = 0; i < 4; ++i) set_element(v, 32, i, w[i]);
    return v;
}

V128 all(u32 word) { return vector_of(u128{word} << 96 | u128{word} << 64 | u128{word} << 32 | word); }

/// "abc", padded (FIPS 180-4, 5.1.1).
constexpr u32 message[16] = {0x61626380, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 24};

std::vector<V128> message_words()
{
    return {words(message), words(message + 4), words(message + 8), words(message + 12)};
}

TEST(Crypto, Sha1OfAbc)
{
    std::vector<V128> w = message_words();
    for (usize i = 4; i < 20; ++i)
        w.push_back(sha(VecOp::sha1_schedule_1, sha(VecOp::sha1_schedule_0, w[i - 4], w[i - 3], w[i - 2]), w[i - 1]));
    constexpr VecOp functions[] = {VecOp::sha1_choose, VecOp::sha1_parity, VecOp::sha1_majority, VecOp::sha1_parity};
    constexpr u32 constants[] = {0x5a827999, 0x6ed9eba1, 0x8f1bbcdc, 0xca62c1d6};
    constexpr u32 initial[] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
    V128 abcd = words(initial);
    u32 e = initial[4];
    for (usize i = 0; i < w.size(); ++i) {
        const u32 next_e = std::rotl(static_cast<u32>(element(abcd, 32, 0)), 30);
        abcd = sha(functions[i / 5], abcd, {e, 0}, add(w[i], all(constants[i / 5])));
        e = next_e;
    }
    constexpr u32 digest[] = {0xa9993e36, 0x4706816a, 0xba3e2571, 0x7850c26c, 0x9cd0d89d};
    EXPECT_TRUE(number(add(abcd, words(initial))) == number(words(digest)));
    EXPECT_EQ(e + initial[4], digest[4]);
}

/// The first 32 fractional bits of the `degree`-th root of `n` (FIPS 180-4, 4.2.2 and 5.3.3).
u32 root(u32 n, unsigned degree)
{
    const u128 wanted = u128{n} << (32 * degree);
    u64 found = 0;
    for (unsigned at = 40; at-- > 0;) {
        const u64 next = found | u64{1} << at;
        u128 power = u128{next} * next;
        if (degree == 3) power *= next;
        if (power <= wanted) found = next;
    }
    return static_cast<u32>(found);
}

std::vector<u32> primes()
{
    std::vector<u32> list;
    for (u32 n = 2; list.size() < 64; ++n)
        if (std::ranges::none_of(list, [n](u32 p) { return n % p == 0; })) list.push_back(n);
    return list;
}

TEST(Crypto, Sha256OfAbc)
{
    std::vector<V128> w = message_words();
    for (usize i = 4; i < 16; ++i)
        w.push_back(
            sha(VecOp::sha256_schedule_1, sha(VecOp::sha256_schedule_0, w[i - 4], w[i - 3]), w[i - 2], w[i - 1]));
    std::array<u32, 64> constants{};
    std::array<u32, 8> initial{};
    const std::vector<u32> p = primes();
    for (usize i = 0; i < constants.size(); ++i) constants[i] = root(p[i], 3);
    for (usize i = 0; i < initial.size(); ++i) initial[i] = root(p[i], 2);
    V128 abcd = words(initial.data());
    V128 efgh = words(initial.data() + 4);
    for (usize i = 0; i < w.size(); ++i) {
        const V128 schedule = add(w[i], words(constants.data() + 4 * i));
        const V128 next = sha(VecOp::sha256_hash, abcd, efgh, schedule);
        efgh = sha(VecOp::sha256_hash_2, efgh, abcd, schedule);
        abcd = next;
    }
    constexpr u32 digest[] = {0xba7816bf, 0x8f01cfea, 0x414140de, 0x5dae2223,
                              0xb00361a3, 0x96177a9c, 0xb410ff61, 0xf20015ad};
    EXPECT_TRUE(number(add(abcd, words(initial.data()))) == number(words(digest)));
    EXPECT_TRUE(number(add(efgh, words(initial.data() + 4))) == number(words(digest + 4)));
}

u128 carryless(u64 a, u64 b)
{
    u128 product = 0;
    for (; b != 0; b &= b - 1) product ^= u128{a} << std::countr_zero(b);
    return product;
}

TEST(Crypto, PolynomialProducts)
{
    Operands operands;
    for (unsigned i = 0; i < rounds; ++i) {
        const V128 a = operands.vector();
        const V128 b = operands.vector();
        const unsigned upper = i % 2;
        const V128 product = vector_of(carryless(element(a, 64, upper), element(b, 64, upper)));
        expect(run(VecOp::polynomial_mul_long, 64, 16, a, b, {}, upper), product, false, VecOp::polynomial_mul_long, 64,
               16, upper);
        V128 want{};
        for (unsigned n = 0; n < 8; ++n)
            set_element(want, 16, n,
                        static_cast<u64>(carryless(element(a, 8, n + 8 * upper), element(b, 8, n + 8 * upper))));
        expect(run(VecOp::polynomial_mul_long, 8, 16, a, b, {}, upper), want, false, VecOp::polynomial_mul_long, 8, 16,
               upper);
    }
}

} // namespace
} // namespace gimbal::translator::vector::test
