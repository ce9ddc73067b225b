// SPDX-License-Identifier: Apache-2.0
#include "host/host_call.hpp"

#include <pthread.h>

#include <array>
#include <mutex>
#include <tuple>
#include <utility>

namespace gimbal::host {
namespace {

class ThreadRecord;

constinit std::mutex records_mutex; // guards the list; taken before any record's own
constinit ThreadRecord* first_record = nullptr;

/// One thread's call. Its own lock is contended only by whoever describes all of them.
class ThreadRecord {
public:
    ThreadRecord()
    {
        ::pthread_getname_np(::pthread_self(), name_.data(), name_.size());
        const std::lock_guard lock(records_mutex);
        next_ = std::exchange(first_record, this);
        if (next_ != nullptr) next_->previous_ = this;
    }
    ~ThreadRecord()
    {
        const std::lock_guard lock(records_mutex);
        (previous_ == nullptr ? first_record : previous_->next_) = next_;
        if (next_ != nullptr) next_->previous_ = previous_;
    }
    ThreadRecord(const ThreadRecord&) = delete;
    ThreadRecord& operator=(const ThreadRecord&) = delete;

    std::pair<const char*, std::string_view> exchange(const char* what, std::string_view object)
    {
        const std::lock_guard lock(mutex_);
        return {std::exchange(what_, what), std::exchange(object_, object)};
    }
    std::string describe()
    {
        const std::lock_guard lock(mutex_);
        if (what_ == nullptr) return {};
        return std::string(name_.data()) + " (" + what_ + " of " + std::string(object_) + ")";
    }
    ThreadRecord* next() const { return next_; } ///< Under records_mutex.

private:
    ThreadRecord* next_{};     // under records_mutex
    ThreadRecord* previous_{}; // under records_mutex
    std::array<char, 16> name_{};
    std::mutex mutex_; // guards the rest
    const char* what_{};
    std::string_view object_;
};

ThreadRecord& own_record()
{
    thread_local ThreadRecord record;
    return record;
}

} // namespace

HostCall::HostCall(const char* what, std::string_view object) noexcept
{
    std::tie(outer_what_, outer_object_) = own_record().exchange(what, object);
}

HostCall::~HostCall() { own_record().exchange(outer_what_, outer_object_); }

std::string HostCall::under_way()
{
    const std::lock_guard lock(records_mutex);
    std::string all;
    for (ThreadRecord* record = first_record; record != nullptr; record = record->next()) {
        const std::string one = record->describe();
        if (!one.empty()) all += (all.empty() ? "" : ", ") + one;
    }
    return all;
}

} // namespace gimbal::host
