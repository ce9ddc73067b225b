// SPDX-License-Identifier: Apache-2.0
#include "app/doctor/doctor.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gimbal {
namespace {

using testing::EndsWith;
using testing::HasSubstr;

std::string works() { return {}; }
std::string broken() { return "No such device"; }

Result<SessionResult, UserError> never_run(const SessionInput&) { return fail(UserError{"not for running"}); }

constexpr EngineEntry kvm_here{EngineKind::kvm, nullptr, works, never_run};
constexpr EngineEntry kvm_broken{EngineKind::kvm, nullptr, broken, never_run};
constexpr EngineEntry translator{EngineKind::translator, "interpreter", works, never_run};

constexpr EngineEntry translator_only[] = {translator};
constexpr EngineEntry both[] = {kvm_here, translator};
constexpr EngineEntry fallback[] = {kvm_broken, translator};
constexpr EngineEntry nothing[] = {kvm_broken};

HostFacts facts()
{
    return {.system = "Linux 6.1.0",
            .architecture = "x86_64",
            .cpu_model = "A CPU",
            .cpu_features = "avx avx2",
            .cpu_count = 4,
            .memory = u64{8} << 30,
            .memory_available = u64{3} << 30,
            .kvm_obstacle = "Permission denied"};
}

TEST(Engines, auto_takes_the_first_that_works)
{
    EXPECT_EQ((*choose_engine({}, both))->kind, EngineKind::kvm);
    EXPECT_EQ((*choose_engine({}, fallback))->kind, EngineKind::translator);
    EXPECT_EQ(choose_engine({}, nothing).error().message, "no engine works on this host; 'gimbal doctor' says why");
}

TEST(Engines, an_engine_that_is_not_there_is_refused_with_those_that_are)
{
    EXPECT_EQ((*choose_engine(EngineKind::translator, both))->kind, EngineKind::translator);
    EXPECT_EQ(choose_engine(EngineKind::hvf, both).error().message,
              "this build has no engine 'hvf'; it has kvm, translator; 'gimbal doctor' says more");
    EXPECT_EQ(choose_engine(EngineKind::kvm, fallback).error().message,
              "the engine 'kvm' does not work here: No such device");
}

TEST(Doctor, says_what_works_and_why_not)
{
    const std::string report = doctor_report(facts(), translator_only);
    EXPECT_THAT(report, HasSubstr("Linux 6.1.0, x86_64"));
    EXPECT_THAT(report, HasSubstr("4 (A CPU)"));
    EXPECT_THAT(report, HasSubstr("avx avx2"));
    EXPECT_THAT(report, HasSubstr("8.0 GiB, 3.0 GiB of it available"));
    EXPECT_THAT(report, HasSubstr("translator   works; backend: interpreter\n"));
    EXPECT_THAT(report, HasSubstr("kvm          not in this build; /dev/kvm: Permission denied; KVM on x86_64 runs no "
                                  "aarch64 guests\n"));
    EXPECT_THAT(report, HasSubstr("hvf          not in this build; it needs macOS\n"));
    EXPECT_THAT(report, EndsWith("--engine auto picks translator (interpreter): the only one that works here.\n"));
    EXPECT_THAT(doctor_report(facts(), both), EndsWith("--engine auto picks kvm: the fastest that works here.\n"));
    EXPECT_THAT(doctor_report(facts(), fallback), HasSubstr("kvm          does not work: No such device\n"));
    EXPECT_THAT(doctor_report(facts(), nothing), EndsWith("'gimbal run' cannot run a guest.\n"));
}

TEST(Doctor, knows_this_host)
{
    const HostFacts facts = host_facts();
    EXPECT_FALSE(facts.system.empty());
    EXPECT_FALSE(facts.architecture.empty());
    EXPECT_GE(facts.cpu_count, 1U);
    EXPECT_GT(facts.memory, u64{1} << 20);
    EXPECT_LE(facts.memory_available, facts.memory);
}

} // namespace
} // namespace gimbal
