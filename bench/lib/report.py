# SPDX-License-Identifier: Apache-2.0
"""Ratios, their means by row, the table and the JSON."""

import dataclasses
import math

import machines

DEFAULT = machines.Peer(None, machines.PEER_DEFAULT).name


@dataclasses.dataclass
class Line:
    """One entry's figures; None where a machine has none."""
    result: object
    gimbal: float | None        # nanoseconds, medians
    native: float | None
    default: float | None       # the peer with its plain model
    fastest: float | None       # the peer with the model that is fastest here, or is alone
    fastest_name: str = ""
    clock: str = "ns"

    @property
    def ratio(self):
        return self.fastest / self.gimbal if self.fastest and self.gimbal else None

    @property
    def default_ratio(self):
        return self.default / self.gimbal if self.default and self.gimbal else None

    @property
    def slowdown(self):
        return self.gimbal / self.native if self.native and self.gimbal else None


def line(result, clock="ns"):
    medians = {name: outcome.median(clock) for name, outcome in result.outcomes.items()}
    peers = {name: value for name, value in medians.items() if name.startswith("peer ") and value}
    fastest = min(peers, key=peers.get, default=None)
    return Line(result, medians.get("gimbal"), medians.get("native"), peers.get(DEFAULT),
                peers[fastest] if fastest else None, (fastest or "").removeprefix("peer "), clock)


def geometric_mean(values):
    values = [value for value in values if value]
    return math.exp(sum(map(math.log, values)) / len(values)) if values else None


def rows(lines):
    """row name -> its lines, in order"""
    found = {}
    for one in lines:
        found.setdefault(one.result.entry.row, []).append(one)
    return found


def number(value, digits=2):
    return "-" if value is None else f"{value:.{digits}f}"


def milliseconds(value):
    return "-" if value is None else f"{value / 1e6:.1f}"


def problems(results):
    """One line for each thing that went wrong."""
    for result in results:
        if result.error:
            yield f"{result.entry.name}: {result.error}"
        for name, outcome in result.outcomes.items():
            if outcome.error:
                yield f"{result.entry.name}: {name}: {outcome.error}"


def table(results):
    """Markdown: an entry a line, then a row's mean."""
    lines = [line(result) for result in results]
    by_cpu = {one.result.entry.name: one.ratio for one in (line(result, "cpu_ns") for result in results)}
    text = ["| program | native ms | Gimbal ms | peer ms (fastest) | peer ms (default) | ratio | by CPU time | ratio, default "
            "| slowdown |",
            "|---|--:|--:|--:|--:|--:|--:|--:|--:|"]
    for row, members in rows(lines).items():
        for one in members:
            entry = one.result.entry
            name = entry.name + (" (oversubscribed)" if one.result.oversubscribed else "")
            fastest = milliseconds(one.fastest) + (f" ({one.fastest_name})" if one.fastest_name else "")
            text.append(f"| {name} | {milliseconds(one.native)} | {milliseconds(one.gimbal)} | {fastest} | "
                        f"{milliseconds(one.default)} | {number(one.ratio)} | {number(by_cpu[entry.name])} | "
                        f"{number(one.default_ratio)} | {number(one.slowdown, 1)} |")
        means = [geometric_mean(values) for values in (
            [one.ratio for one in members], [by_cpu[one.result.entry.name] for one in members],
            [one.default_ratio for one in members])]
        slowdown = geometric_mean([one.slowdown for one in members])
        if any(means):
            text.append(f"| **{row}** | | | | | **{number(means[0])}** | {number(means[1])} | {number(means[2])} | "
                        f"{number(slowdown, 1)} |")
    overall = [geometric_mean([one.ratio for one in lines]), geometric_mean(list(by_cpu.values())),
               geometric_mean([one.default_ratio for one in lines])]
    text.append(f"| **geometric mean of all** | | | | | **{number(overall[0])}** | {number(overall[1])} | "
                f"{number(overall[2])} | {number(geometric_mean([one.slowdown for one in lines]), 1)} |")
    return "\n".join(text)


def memory(results):
    """Peak resident MiB at the marker, a line a boot."""
    for result in results:
        found = {name: outcome.median("rss") for name, outcome in result.outcomes.items()
                 if result.entry.kind == "boot" and outcome.samples}
        if "gimbal" in found and len(found) > 1:
            least = min(value for name, value in found.items() if name != "gimbal")
            each = ", ".join(f"{name} {value / 2**20:.0f} MiB" for name, value in found.items())
            yield f"{result.entry.name}: peak resident memory at the marker: {each}; {found['gimbal'] / least:.2f} of the peer's"


def document(results, about):
    """The JSON object."""
    entries = []
    for result in results:
        one, cpu = line(result), line(result, "cpu_ns")
        entries.append({
            "name": result.entry.name, "row": result.entry.row, "cpus": result.entry.cpus,
            "oversubscribed": result.oversubscribed, "error": result.error or None,
            "machines": {name: {
                "ns": [sample.ns for sample in outcome.samples], "cpu_ns": [sample.cpu_ns for sample in outcome.samples],
                "median_ns": outcome.median(), "median_cpu_ns": outcome.median("cpu_ns"),
                "sum": outcome.samples[0].sum or None if outcome.samples else None,
                "peak_rss_bytes": outcome.median("rss"), "error": outcome.error or None,
            } for name, outcome in result.outcomes.items()},
            "fastest_peer": one.fastest_name or None, "ratio": one.ratio, "ratio_cpu": cpu.ratio,
            "ratio_default": one.default_ratio, "slowdown": one.slowdown,
        })
    lines = [line(result) for result in results]
    means = {row: {"ratio": geometric_mean([one.ratio for one in members]),
                   "ratio_default": geometric_mean([one.default_ratio for one in members]),
                   "slowdown": geometric_mean([one.slowdown for one in members])} for row, members in rows(lines).items()}
    return {**about, "entries": entries, "rows": means, "ratio": geometric_mean([one.ratio for one in lines])}
