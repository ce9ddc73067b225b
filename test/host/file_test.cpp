// SPDX-License-Identifier: Apache-2.0
#include "host/file.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "host/guest_ram.hpp"

namespace gimbal::host {
namespace {

using testing::HasSubstr;

class File : public testing::Test {
protected:
    void SetUp() override
    {
        std::string name = testing::TempDir() + "gimbal_file_XXXXXX";
        folder_ = std::string(::mkdtemp(name.data())) + "/";
    }
    void TearDown() override { std::filesystem::remove_all(folder_); }

    std::string error_of(const std::string& path, u64 limit = 1000)
    {
        const auto bytes = read_regular_file(path, limit);
        return bytes ? "no error" : bytes.error().message;
    }
    std::string folder_;
};

TEST_F(File, reads_regular_files_only)
{
    std::ofstream(folder_ + "plain") << "text";
    ::mkfifo((folder_ + "fifo").c_str(), 0600);
    const auto bytes = read_regular_file(folder_ + "plain", 4);
    ASSERT_TRUE(bytes);
    EXPECT_EQ(std::string(bytes->begin(), bytes->end()), "text");
    EXPECT_THAT(error_of(folder_ + "plain", 3), HasSubstr("it has 4 bytes, more than the 3"));
    EXPECT_EQ(error_of(folder_ + "fifo"), "it is a FIFO"); // at once, though nobody writes to it
    EXPECT_EQ(error_of(folder_), "it is a directory");
    EXPECT_EQ(error_of("/dev/null"), "it is a character device");
    EXPECT_EQ(error_of(folder_ + "missing"), "No such file or directory");
}

TEST_F(File, stays_what_it_was_when_its_name_goes_to_another)
{
    const std::string path = folder_ + "input";
    std::ofstream(path) << "first";
    const auto file = RegularFile::open(path, 100);
    ASSERT_TRUE(file);
    std::ofstream(folder_ + "other") << "second";
    std::filesystem::rename(folder_ + "other", path);
    for (int i = 0; i < 2; ++i) {
        const auto bytes = file->read();
        ASSERT_TRUE(bytes);
        EXPECT_EQ(std::string(bytes->begin(), bytes->end()), "first");
    }
}

TEST_F(File, is_refused_when_it_was_changed_in_place)
{
    const std::string path = folder_ + "input";
    std::ofstream(path) << "first";
    const auto file = RegularFile::open(path, 100);
    ASSERT_TRUE(file);
    std::ofstream(path, std::ios::app) << "more";
    ASSERT_FALSE(file->read());
    EXPECT_EQ(file->read().error().message, "it was changed while it was in use");
    std::filesystem::resize_file(path, 5);
    EXPECT_FALSE(file->read()); // the size is the old one again, the time is not
    std::filesystem::resize_file(path, 2);
    EXPECT_EQ(file->read().error().message, "it shrank while it was read");
}

TEST_F(File, replaces_in_one_step)
{
    const std::string path = folder_ + "report";
    std::ofstream(path) << "old";
    ASSERT_TRUE(check_writable(path));
    ASSERT_TRUE(write_file_atomically(path, "new"));
    std::string text;
    std::getline(std::ifstream(path), text);
    EXPECT_EQ(text, "new");
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_), {}), 1); // no temporary is left
    EXPECT_FALSE(write_file_atomically(folder_, "x"));
    EXPECT_FALSE(check_writable(folder_));
    EXPECT_FALSE(write_file_atomically(folder_ + "missing/report", "x"));
    EXPECT_FALSE(check_writable(folder_ + "missing/report"));
    EXPECT_TRUE(write_file_atomically("/dev/null", "x"));
}

TEST_F(File, a_link_stays_when_its_file_is_replaced)
{
    std::ofstream(folder_ + "real") << "old";
    std::filesystem::create_symlink(folder_ + "real", folder_ + "link");
    ASSERT_TRUE(check_writable(folder_ + "link"));
    ASSERT_TRUE(write_file_atomically(folder_ + "link", "new"));
    EXPECT_TRUE(std::filesystem::is_symlink(folder_ + "link"));
    std::string text;
    std::getline(std::ifstream(folder_ + "real"), text);
    EXPECT_EQ(text, "new");
}

TEST(GuestRam, is_zero_and_guarded)
{
    auto ram = GuestRam::create(1 << 20);
    ASSERT_TRUE(ram);
    EXPECT_EQ(ram->bytes().size(), 1U << 20);
    EXPECT_EQ(ram->bytes().front() | ram->bytes().back(), 0);
    u8* const end = ram->bytes().data() + ram->bytes().size();
    EXPECT_DEATH(*reinterpret_cast<volatile u8*>(end) = 1, "");
}

TEST(GuestRam, refuses_what_the_machine_does_not_have)
{
    const auto refused = GuestRam::create(u64{1} << 50);
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().message, HasSubstr("this machine has only"));
}

} // namespace
} // namespace gimbal::host
