// SPDX-License-Identifier: Apache-2.0
#include "engine/translator/frontend/aarch64/decode.hpp"

#include <gtest/gtest.h>

#include <random>
#include <set>
#include <string>

#include "test/engine/translator/vectors/translate.hpp"

namespace gimbal::translator::aarch64 {
namespace {

struct Golden {
    const char* row;
    u32 word;
    const char* text;
};

constexpr Golden golden[] = {
#define GOLDEN(row, word, text) {#row, word, text},
#include "test/engine/translator/frontend/golden_words.inc"
#undef GOLDEN
};

/// Encodings that a row's fields reserve.
constexpr Golden reserved[] = {
    {"sbfm",                   0x137952DE, ""      },
    {"and_immediate",          0x12733944, ""      },
    {"eor_immediate",          0x5203FB74, ""      },
    {"orr_immediate",          0x32732345, ""      },
    {"bfm",                    0xB331CBE3, ""      },
    {"movz",                   0x52C7E5DF, ""      },
    {"ubfm",                   0x53396F93, ""      },
    {"ands_immediate",         0x7243C30D, ""      },
    {"movk",                   0x72E712D8, ""      },
    {"movn",                   0x12C7CB31, ""      },
    {"extr",                   0x93830144, ""      },
    {"and_shifted_register",   0x0A889BFF, ""      },
    {"add_shifted_register",   0x0BDA3FFF, ""      },
    {"eor_shifted_register",   0x4A16B3ED, ""      },
    {"bic_shifted_register",   0x0A73A486, ""      },
    {"eon_shifted_register",   0x4A3FFAD3, ""      },
    {"orr_shifted_register",   0x2A54E887, ""      },
    {"adds_shifted_register",  0x2BD720B4, ""      },
    {"orn_shifted_register",   0x2AEBD0CD, ""      },
    {"sub_shifted_register",   0x4BD7E100, ""      },
    {"ands_shifted_register",  0x6A06A6ED, ""      },
    {"bics_shifted_register",  0x6AFAFD12, ""      },
    {"subs_extended_register", 0x6B359900, ""      },
    {"add_extended_register",  0x8B2B3ADF, ""      },
    {"subs_shifted_register",  0x6B48819B, ""      },
    {"adds_extended_register", 0x2B2A7EEA, ""      },
    {"sub_extended_register",  0xCB211910, ""      },
    {"ldrsw_register",         0xB8B33A7F, ""      },
    {"strb_register",          0x38311944, ""      },
    {"str_register",           0xB829283F, ""      },
    {"ldrb_register",          0x386BB83D, ""      },
    {"ldrsb_register",         0x38AE0A66, ""      },
    {"ldrh_register",          0x78729946, ""      },
    {"ldr_register",           0xB87E3916, ""      },
    {"strh_register",          0x7823BB44, ""      },
    {"ldrsh_register",         0x78FF0AC0, ""      },
    {"prfm_register",          0xF8A12BF1, ""      },
    {"casp",                   0x083FFC7F, "odd Rt"},
};

/// Instructions of features that the guest is told it does not have.
constexpr Golden not_advertised[] = {
    {"MTE",    0x9ADF1020, "irg x0, x1"             },
    {"MTE",    0xD9200820, "stg x0, [x1]"           },
    {"MTE",    0xD9600020, "ldg x0, [x1]"           },
    {"MTE",    0x91810420, "addg x0, x1, #16, #1"   },
    {"MTE",    0x9AC20020, "subp x0, x1, x2"        },
    {"MTE",    0x9AC21420, "gmi x0, x1, x2"         },
    {"PAuth",  0xDAC10020, "pacia x0, x1"           },
    {"PAuth",  0xDAC133E0, "autiza x0"              },
    {"PAuth",  0xDAC143E0, "xpaci x0"               },
    {"PAuth",  0x9AC23020, "pacga x0, x1, x2"       },
    {"PAuth",  0xD71F0801, "braa x0, x1"            },
    {"PAuth",  0xD63F081F, "blraaz x0"              },
    {"PAuth",  0xD65F0BFF, "retaa"                  },
    {"PAuth",  0xF8201420, "ldraa x0, [x1, #8]"     },
    {"CSSC",   0xDAC02020, "abs x0, x1"             },
    {"CSSC",   0xDAC01C20, "cnt x0, x1"             },
    {"CSSC",   0x5AC01820, "ctz w0, w1"             },
    {"CSSC",   0x9AC26020, "smax x0, x1, x2"        },
    {"CSSC",   0x11CC0C20, "umin w0, w1, #3"        },
    {"LS64",   0xF83FD020, "ld64b x0, [x1]"         },
    {"LS64",   0xF820B082, "st64bv x0, x2, [x4]"    },
    {"HBC",    0x54000050, "bc.eq #8"               },
    {"MOPS",   0x19010440, "cpyfp [x0]!, [x1]!, x2!"},
    {"LSE128", 0x19211040, "ldclrp x0, x1, [x2]"    },
    {"LSE128", 0x19218040, "swpp x0, x1, [x2]"      },
    {"THE",    0x19200841, "rcwcas x0, x1, [x2]"    },
    {"LRCPC3", 0xD9411840, "ldiapp x0, x1, [x2]"    },
    {"LRCPC3", 0xD9C00820, "ldapr x0, [x1], #8"     },
    {"LRCPC3", 0xD9800820, "stlr x0, [x1, #-8]!"    },
    {"UDF",    0x00000000, "udf #0"                 },
};

const std::set<std::string>& own_rows()
{
    static const std::set<std::string> names{
#define A64(name, pattern) #name,
#include "engine/translator/frontend/aarch64/tables/atomic.inc"
#include "engine/translator/frontend/aarch64/tables/branch.inc"
#include "engine/translator/frontend/aarch64/tables/integer.inc"
#include "engine/translator/frontend/aarch64/tables/load_store.inc"
#undef A64
    };
    return names;
}

bool is_undefined(u32 word)
{
    constexpr u64 esr = 0x0200'0000;
    const ir::Inst last = test::translate({word}, Mode{}).insts.back();
    return last.op == ir::Opcode::event && last.imm == esr;
}

TEST(A64Decode, GoldenWordsFindTheirRow)
{
    for (const Golden& g : golden) {
        const DecodeRow* row = decode({g.word});
        ASSERT_NE(row, nullptr) << g.text;
        EXPECT_STREQ(row->name, g.row) << g.text;
        EXPECT_FALSE(is_undefined(g.word)) << g.text;
    }
}

TEST(A64Decode, EveryIntegerRowHasAGoldenWord)
{
    std::set<std::string> missing = own_rows();
    for (const Golden& g : golden) missing.erase(g.row);
    EXPECT_TRUE(missing.empty()) << *missing.begin();
}

TEST(A64Decode, ReservedFieldsAreUndefined)
{
    for (const Golden& g : reserved) {
        const DecodeRow* row = decode({g.word});
        ASSERT_NE(row, nullptr) << g.row;
        EXPECT_STREQ(row->name, g.row);
        EXPECT_TRUE(is_undefined(g.word)) << g.row;
    }
}

TEST(A64Decode, FeaturesThatAreNotAdvertisedAreUndefined)
{
    for (const Golden& g : not_advertised) EXPECT_TRUE(is_undefined(g.word)) << g.row << ": " << g.text;
}

TEST(A64Decode, OverlappingRowsAreOrderedBySpecificity)
{
    for (const DecodeRow& a : decode_rows())
        for (const DecodeRow& b : decode_rows()) {
            const u32 common = a.mask & b.mask;
            if (&a == &b || ((a.value ^ b.value) & common) != 0) continue;
            EXPECT_TRUE(a.mask != b.mask && (common == a.mask || common == b.mask)) << a.name << " and " << b.name;
        }
}

TEST(A64Decode, TheIndexFindsWhatALinearSearchFinds)
{
    std::mt19937 random(1);
    const auto expect_most_specific = [](u32 word) {
        const DecodeRow* best = nullptr;
        for (const DecodeRow& row : decode_rows())
            if ((word & row.mask) == row.value && (best == nullptr || (row.mask & best->mask) == best->mask))
                best = &row;
        EXPECT_EQ(decode({word}), best) << std::hex << word;
    };
    for (const DecodeRow& row : decode_rows())
        for (int round = 0; round < 20; ++round)
            expect_most_specific((static_cast<u32>(random()) & ~row.mask) | row.value);
    for (int round = 0; round < 20000; ++round) expect_most_specific(static_cast<u32>(random()));
}

} // namespace
} // namespace gimbal::translator::aarch64
