// SPDX-License-Identifier: Apache-2.0
#include "guest/channel/channel.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace gimbal::channel {
namespace {

constexpr char devices[] = "/sys/bus/pci/devices";
constexpr usize path_size = 512;

enum Register : unsigned { interrupt_mask = 0, interrupt_status = 1, iv_position = 2, doorbell = 3 }; // words
constexpr off_t command_offset = 4;
constexpr u16 interrupt_disable = 1 << 10;

unsigned long read_number(const char* device, const char* name)
{
    char path[path_size];
    char text[32]{};
    std::snprintf(path, sizeof(path), "%s/%s/%s", devices, device, name);
    const int file = ::open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return 0;
    const bool is_read = read(file, text, sizeof(text) - 1) > 0;
    close(file);
    return is_read ? std::strtoul(text, nullptr, 16) : 0;
}

/// The first device of the kind, by its address; empty: none.
void find_device(char* name, usize size)
{
    name[0] = '\0';
    DIR* const folder = opendir(devices);
    if (folder == nullptr) return;
    while (const dirent* entry = readdir(folder)) {
        if (entry->d_name[0] == '.' || read_number(entry->d_name, "vendor") != 0x1af4 ||
            read_number(entry->d_name, "device") != 0x1110)
            continue;
        if (name[0] == '\0' || std::strcmp(entry->d_name, name) < 0) std::snprintf(name, size, "%s", entry->d_name);
    }
    closedir(folder);
}

int open_uio(const char* device)
{
    char path[path_size];
    std::snprintf(path, sizeof(path), "%s/%s/uio", devices, device);
    DIR* const folder = opendir(path);
    if (folder == nullptr) return -1;
    int file = -1;
    while (const dirent* entry = readdir(folder)) {
        if (entry->d_name[0] == '.') continue;
        std::snprintf(path, sizeof(path), "/dev/%s", entry->d_name);
        file = ::open(path, O_RDONLY | O_CLOEXEC);
        break;
    }
    closedir(folder);
    return file;
}

/// Its size is the file's.
void* map_resource(const char* device, const char* name, usize& size)
{
    char path[path_size];
    std::snprintf(path, sizeof(path), "%s/%s/%s", devices, device, name);
    const int file = ::open(path, O_RDWR | O_CLOEXEC);
    if (file < 0) return nullptr;
    struct stat status{};
    void* place = MAP_FAILED;
    if (fstat(file, &status) == 0) {
        size = static_cast<usize>(status.st_size);
        place = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    }
    close(file);
    return place == MAP_FAILED ? nullptr : place;
}

bool refuse(const char* why)
{
    std::printf("channel: %s\n", why);
    return false;
}

} // namespace

bool End::open()
{
    char device[256];
    find_device(device, sizeof(device));
    if (device[0] == '\0') return refuse("there is no channel on the PCI bus");
    events_ = open_uio(device);
    if (events_ < 0) return refuse("uio_pci_generic does not have it");
    char path[path_size];
    std::snprintf(path, sizeof(path), "%s/%s/config", devices, device);
    configuration_ = ::open(path, O_RDWR | O_CLOEXEC);
    if (configuration_ < 0) return refuse("its configuration space cannot be opened");
    usize registers_size = 0;
    registers_ = static_cast<volatile u32*>(map_resource(device, "resource0", registers_size));
    // The plain file maps it as device memory.
    memory_ = static_cast<u8*>(map_resource(device, "resource2_wc", memory_size_));
    if (registers_ == nullptr || memory_ == nullptr) return refuse("its memory cannot be mapped");
    registers_[interrupt_mask] = 1;
    return true;
}

void End::ring()
{
    const u32 other = 1 - registers_[iv_position];
    __atomic_thread_fence(__ATOMIC_SEQ_CST); // the memory's writes come before the doorbell's
    registers_[doorbell] = other << 16;
    ++rung_;
}

/// Acknowledges, and opens the interrupt that the driver closed when it last came.
bool End::listen()
{
    static_cast<void>(registers_[interrupt_status]);
    u16 command = 0;
    if (pread(configuration_, &command, sizeof(command), command_offset) != sizeof(command)) return false;
    command = static_cast<u16>(command & ~interrupt_disable);
    return pwrite(configuration_, &command, sizeof(command), command_offset) == sizeof(command);
}

bool End::sleep()
{
    i32 count = 0;
    if (read(events_, &count, sizeof(count)) != sizeof(count)) return false;
    ++interrupts_;
    return true;
}

} // namespace gimbal::channel
