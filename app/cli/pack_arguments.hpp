// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "app/cli/run_config.hpp"
#include "app/user_error.hpp"

namespace CLI { // NOLINT(readability-identifier-naming): its own name.
class App;
class Option;
} // namespace CLI

namespace gimbal {

/// The arguments of `gimbal pack`.
class PackArguments {
public:
    /// Declares them. `app` outlives this.
    explicit PackArguments(CLI::App& app);

    bool given() const; ///< Once they are parsed: the command is `pack`.
    /// Reads the configuration files.
    Result<PackConfig, UserError> collect() const;

private:
    CLI::App* pack_;
    CLI::Option* files_;
    CLI::Option* target_;
    CLI::Option* output_;
    CLI::Option* hypervisor_;
};

UserError unknown_pack_option(const std::string& given);

} // namespace gimbal
