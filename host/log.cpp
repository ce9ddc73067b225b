// SPDX-License-Identifier: Apache-2.0
#include "host/log.hpp"

#include <array>
#include <memory>
#include <utility>

#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include "host/file.hpp"
#include "host/host_call.hpp"

namespace gimbal::host {
namespace {

constexpr std::array<std::pair<std::string_view, LogLevel>, 6> names{
    {
     {"trace", LogLevel::trace},
     {"debug", LogLevel::debug},
     {"info", LogLevel::info},
     {"warn", LogLevel::warn},
     {"error", LogLevel::error},
     {"off", LogLevel::off},
     }
};

/// A log may wait for its reader or its disk.
class WaitingSink final : public spdlog::sinks::sink {
public:
    explicit WaitingSink(spdlog::sink_ptr sink) : sink_(std::move(sink)) {}
    void log(const spdlog::details::log_msg& message) override
    {
        const HostCall call("write", "the log");
        sink_->log(message);
    }
    void flush() override { sink_->flush(); }
    void set_pattern(const std::string& pattern) override { sink_->set_pattern(pattern); }
    void set_formatter(std::unique_ptr<spdlog::formatter> formatter) override
    {
        sink_->set_formatter(std::move(formatter));
    }

private:
    spdlog::sink_ptr sink_;
};

std::shared_ptr<spdlog::logger> trace_logger; // set by start_log(), before any thread

spdlog::level::level_enum to_spdlog(LogLevel level)
{
    switch (level) {
    case LogLevel::trace: return spdlog::level::trace;
    case LogLevel::debug: return spdlog::level::debug;
    case LogLevel::info: return spdlog::level::info;
    case LogLevel::warn: return spdlog::level::warn;
    case LogLevel::error: return spdlog::level::err;
    case LogLevel::off: return spdlog::level::off;
    }
    return spdlog::level::off;
}

} // namespace

void trace_line(std::string_view line)
{
    if (trace_logger) trace_logger->trace("{}", line);
}

std::optional<LogLevel> parse_log_level(std::string_view name)
{
    for (const auto& [known, level] : names)
        if (known == name) return level;
    return std::nullopt;
}

Result<void, HostError> start_log(LogLevel level, const std::string& path)
{
    // spdlog would make the folders that are missing.
    if (!path.empty()) GIMBAL_TRY_VOID(check_writable(path));
    try {
        spdlog::sink_ptr sink;
        if (path.empty())
            sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
        else
            sink = std::make_shared<spdlog::sinks::basic_file_sink_mt>(path);
        auto logger = std::make_shared<spdlog::logger>("gimbal", std::make_shared<WaitingSink>(std::move(sink)));
        logger->set_pattern("gimbal: %l: %v");
        if (!path.empty()) logger->set_pattern("%Y-%m-%dT%H:%M:%S.%e %t %l: %v");
        logger->flush_on(spdlog::level::trace);
        logger->set_level(to_spdlog(level));
        trace_logger = logger->clone("trace");
        trace_logger->set_level(spdlog::level::trace);
        spdlog::set_default_logger(std::move(logger));
    } catch (const spdlog::spdlog_ex& error) {
        return fail(HostError{error.what()});
    }
    return {};
}

} // namespace gimbal::host
