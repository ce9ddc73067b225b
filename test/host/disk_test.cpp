// SPDX-License-Identifier: Apache-2.0
#include "host/disk.hpp"

#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fmt/format.h>

namespace gimbal::host {
namespace {

using testing::HasSubstr;

class DiskFile : public testing::Test {
protected:
    void SetUp() override
    {
        std::string name = testing::TempDir() + "gimbal_disk_XXXXXX";
        folder_ = std::string(::mkdtemp(name.data())) + "/";
        path_ = folder_ + "disk.img";
        create(path_, 64 * 512);
    }
    void TearDown() override { std::filesystem::remove_all(folder_); }

    static void create(const std::string& path, usize size, char content = 'o')
    {
        std::ofstream(path, std::ios::binary) << std::string(size, content);
    }
    static std::string error_of(const std::string& path, bool read_only = false)
    {
        const auto disk = Disk::open(path, read_only);
        return disk ? "no error" : disk.error().message;
    }
    std::unique_ptr<Disk> open(bool read_only = false)
    {
        auto disk = Disk::open(path_, read_only);
        EXPECT_TRUE(disk.has_value()) << disk.error().message;
        return std::move(*disk);
    }
    std::string content() const
    {
        std::ifstream stream(path_, std::ios::binary);
        return {std::istreambuf_iterator<char>(stream), {}};
    }
    static std::string read(Disk& disk, u64 offset, usize size)
    {
        std::string text(size, '\0');
        EXPECT_TRUE(disk.read(offset, {reinterpret_cast<u8*>(text.data()), size}).has_value());
        return text;
    }
    static Result<void, BlockError> write(Disk& disk, u64 offset, const std::string& text)
    {
        return disk.write(offset, {reinterpret_cast<const u8*>(text.data()), text.size()});
    }

    std::string folder_;
    std::string path_;
};

TEST_F(DiskFile, ReadsWritesAndFlushesInPlace)
{
    const auto disk = open();
    EXPECT_EQ(disk->properties().sectors, 64U);
    EXPECT_FALSE(disk->properties().read_only);
    EXPECT_EQ(std::string(reinterpret_cast<const char*>(disk->properties().identity.data())), "disk.img");
    EXPECT_TRUE(write(*disk, 512, std::string(1024, 'n')).has_value());
    EXPECT_EQ(read(*disk, 0, 2048), std::string(512, 'o') + std::string(1024, 'n') + std::string(512, 'o'));
    EXPECT_TRUE(disk->flush().has_value());
    EXPECT_EQ(content().substr(512, 1024), std::string(1024, 'n'));
    EXPECT_EQ(content().size(), 64U * 512);
}

TEST_F(DiskFile, RangesBeyondTheEndAreRefused)
{
    const auto disk = open();
    for (const u64 offset : {u64{64} * 512, u64{63} * 512 + 1, ~u64{0}, ~u64{0} - 511, u64{1} << 63}) {
        u8 sector[512];
        EXPECT_EQ(disk->read(offset, sector).error(), BlockError::range);
        EXPECT_EQ(disk->write(offset, sector).error(), BlockError::range);
        EXPECT_EQ(disk->discard(offset, 512).error(), BlockError::range);
        EXPECT_EQ(disk->write_zeroes(offset, 512, true).error(), BlockError::range);
    }
    EXPECT_EQ(content(), std::string(64 * 512, 'o'));
}

TEST_F(DiskFile, ReadOnlyIsReadOnly)
{
    const auto disk = open(true);
    EXPECT_TRUE(disk->properties().read_only);
    EXPECT_EQ(write(*disk, 0, "x").error(), BlockError::read_only);
    EXPECT_EQ(disk->discard(0, 512).error(), BlockError::read_only);
    EXPECT_EQ(disk->write_zeroes(0, 512, false).error(), BlockError::read_only);
    EXPECT_TRUE(disk->flush().has_value());
    EXPECT_EQ(read(*disk, 0, 512), std::string(512, 'o'));
}

TEST_F(DiskFile, WriteZeroesReadsAsZeroesAndKeepsTheSize)
{
    const auto disk = open();
    EXPECT_TRUE(disk->write_zeroes(512, 1024, false).has_value());
    EXPECT_TRUE(disk->write_zeroes(60 * 512, 4 * 512, true).has_value());
    EXPECT_TRUE(disk->write_zeroes(0, 0, true).has_value());
    std::string expected(64 * 512, 'o');
    expected.replace(512, 1024, 1024, '\0');
    expected.replace(60 * 512, 4 * 512, 4 * 512, '\0');
    EXPECT_EQ(content(), expected);
}

TEST_F(DiskFile, DiscardKeepsTheSizeAndTheRest)
{
    const auto disk = open();
    EXPECT_TRUE(disk->discard(8 * 512, 8 * 512).has_value());
    EXPECT_TRUE(disk->discard(0, 0).has_value());
    EXPECT_EQ(content().size(), 64U * 512);
    EXPECT_EQ(content().substr(0, 8 * 512), std::string(8 * 512, 'o'));
    EXPECT_EQ(content().substr(16 * 512), std::string(48 * 512, 'o'));
}

TEST_F(DiskFile, RefusesWhatIsNoDisk)
{
    EXPECT_EQ(error_of(folder_ + "missing"), "No such file or directory");
    EXPECT_EQ(error_of(folder_), "it is a directory");
    EXPECT_EQ(error_of("/dev/null"), "it is a character device");
    ::mkfifo((folder_ + "fifo").c_str(), 0600);
    EXPECT_EQ(error_of(folder_ + "fifo"), "it is a FIFO"); // at once, though nobody is at its other end
    EXPECT_EQ(error_of(folder_ + "fifo", true), "it is a FIFO");
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string socket_path = folder_ + "socket";
    ASSERT_LT(socket_path.size(), sizeof(address.sun_path));
    socket_path.copy(address.sun_path, socket_path.size());
    const Fd socket(::socket(AF_UNIX, SOCK_STREAM, 0));
    ASSERT_EQ(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
    EXPECT_EQ(error_of(socket_path), "it is a socket");
    ::symlink((folder_ + "loop").c_str(), (folder_ + "loop").c_str());
    EXPECT_EQ(error_of(folder_ + "loop"), "Too many levels of symbolic links");
}

TEST_F(DiskFile, RefusesSizesThatAreNoSectors)
{
    create(path_, 0);
    EXPECT_THAT(error_of(path_), HasSubstr("it is empty"));
    create(path_, 1);
    EXPECT_THAT(error_of(path_), HasSubstr("its size of 1 bytes is no multiple of 512"));
    create(path_, 1023);
    EXPECT_THAT(error_of(path_, true), HasSubstr("truncate -s %512"));
    EXPECT_EQ(content().size(), 1023U); // and nothing was done about it
}

TEST_F(DiskFile, AFileThatMayOnlyBeReadNeedsToBeAskedFor)
{
    ::chmod(path_.c_str(), 0444);
    ::chmod(folder_.c_str(), 0755);
    const uid_t user = ::geteuid();
    ASSERT_TRUE(user != 0 || ::seteuid(65534) == 0); // root may write everything
    const std::string writing = error_of(path_);
    const std::string reading = error_of(path_, true);
    ::seteuid(user);
    EXPECT_EQ(writing, "it may not be written (Permission denied); add ',ro' for a read-only disk");
    EXPECT_EQ(reading, "no error");
}

TEST_F(DiskFile, OneWriterOrAnyNumberOfReaders)
{
    const std::string self = fmt::format("process {} ", ::getpid());
    {
        const auto writer = open();
        EXPECT_THAT(error_of(path_), HasSubstr(self));
        EXPECT_THAT(error_of(path_), HasSubstr("has it open; a disk has one writer"));
        EXPECT_THAT(error_of(path_, true), HasSubstr("has it open for writing"));
        std::filesystem::create_hard_link(path_, folder_ + "link");
        EXPECT_THAT(error_of(folder_ + "link"), HasSubstr(self));
    }
    const auto reader = open(true);
    EXPECT_EQ(error_of(path_, true), "no error");
    EXPECT_THAT(error_of(path_), HasSubstr(self));
}

TEST_F(DiskFile, ALockEndsWithItsProcess)
{
    int ready[2];
    ASSERT_EQ(::pipe(ready), 0);
    const pid_t child = ::fork();
    if (child == 0) {
        const auto disk = Disk::open(path_, false);
        const char byte = disk ? 'y' : 'n';
        static_cast<void>(::write(ready[1], &byte, 1));
        ::pause();
        ::_exit(0);
    }
    char byte = 0;
    ASSERT_EQ(::read(ready[0], &byte, 1), 1);
    EXPECT_EQ(byte, 'y');
    EXPECT_THAT(error_of(path_), HasSubstr(fmt::format("process {} ", child)));
    ::kill(child, SIGKILL);
    int status = 0;
    ::waitpid(child, &status, 0);
    EXPECT_EQ(error_of(path_), "no error");
    ::close(ready[0]);
    ::close(ready[1]);
}

TEST_F(DiskFile, AFileThatIsCutShortGivesErrorsAndDoesNotGrow)
{
    const auto disk = open();
    ASSERT_EQ(::truncate(path_.c_str(), 10 * 512 + 100), 0);
    u8 sector[512];
    EXPECT_EQ(disk->read(10 * 512, sector).error(), BlockError::io);
    EXPECT_EQ(disk->read(40 * 512, sector).error(), BlockError::io);
    EXPECT_EQ(disk->write(10 * 512, sector).error(), BlockError::io);
    EXPECT_EQ(disk->write(63 * 512, sector).error(), BlockError::io);
    EXPECT_EQ(content().size(), 10U * 512 + 100);
    EXPECT_TRUE(disk->read(9 * 512, sector).has_value());
    EXPECT_TRUE(disk->write(9 * 512, sector).has_value());
}

TEST_F(DiskFile, NoRoomIsAnErrorAndNoSignal)
{
    // As `ulimit -f` does it; prepare_process() ignores the signal that comes with it.
    const auto old_action = std::signal(SIGXFSZ, SIG_IGN);
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
    const auto disk = open();
    const rlimit limited{10 * 512 + 100, before.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &limited), 0);
    const auto inside = write(*disk, 9 * 512, std::string(512, 'i'));
    const auto across = write(*disk, 10 * 512, std::string(512, 'a'));
    const auto beyond = write(*disk, 20 * 512, std::string(512, 'b'));
    const auto zeroes = disk->write_zeroes(20 * 512, 512, false);
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
    std::signal(SIGXFSZ, old_action);
    EXPECT_TRUE(inside.has_value());
    ASSERT_FALSE(across.has_value());
    EXPECT_EQ(across.error(), BlockError::no_space);
    ASSERT_FALSE(beyond.has_value());
    EXPECT_EQ(beyond.error(), BlockError::no_space);
    EXPECT_TRUE(zeroes.has_value() || zeroes.error() == BlockError::no_space); // fallocate may not care
    EXPECT_TRUE(write(*disk, 20 * 512, std::string(512, 'b')).has_value());
}

} // namespace
} // namespace gimbal::host
