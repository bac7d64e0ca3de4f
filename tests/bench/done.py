"""From the click on Create to the end of verifying, against what the rate limit allows, and what it costs.

    python -m tests.bench.done [--times 5] [--before FOLDER] [--million] [--npm FOLDER] [--write]

A running sender sends and verifies an import against a Blnk that answers after 50 ms and refuses more than
100,000 requests a minute. N rows at R requests a minute take at least N/R; the ratio shows the rest.
`--before` is the worktree of an earlier version, beside which a command's start, a draft, the first heading
and an idle desk are measured. `--million` sends a million rows too, and with `--before` reads files of as
many: about half an hour more. `--npm` sends with other programs too, as in `peers`. `--write` puts the tables
into tests/bench/RESULTS.md, and the picture beside it. The rest takes ten minutes.
"""

import argparse
from collections.abc import Callable
from pathlib import Path
from statistics import median

from tests.bench import command_cpu, files, long_files, peers, rows_over_time
from tests.bench.sending import (
    CAP_PER_MINUTE,
    LATENCY_SECONDS,
    RESULTS,
    Run,
    bare_server,
    cpu_of_bare_aiohttp,
    kept,
    write_results,
)
from tests.support.browser import chromium

HERE = Path(__file__).parents[2]
PICTURE = RESULTS.with_name("done.svg")
MOST_RATIO, MOST_RATIO_OF_A_MILLION = 1.15, 1.10
FIXED_SECONDS = 1.5
"""What an import may take besides, however small it is."""
FEW, MANY, MILLION = 1_000, 20_000, 1_000_000
MOST_SECONDS_TO_VERIFY_A_MILLION = 75
MOST_MB = 300
MOST_CPU_OF_BARE, MOST_CPU_AT_A_MILLION = 2.0, 2.2
MOST_OF_BEFORE_TO_FIRST_POST = 0.4
MOST_OF_BEFORE_FOR_A_DRAFT = 0.5
MOST_OF_BEFORE_FOR_A_HEADING = 0.7
MOST_OF_BEFORE_WHEN_IDLE = 0.15
MOST_OF_BEFORE_FOR_A_LONG_FILE = {"csv": 0.62, "xlsx": 0.65}
MOST_OF_BEFORE_FOR_RESULTS = 0.6
MOST_MB_TO_CHECK = 600
DRAFT = 10_000
REST_SECONDS = 60.0


def run(n: int) -> tuple[float, Run]:
    """Seconds from the confirmation to the end of verification."""
    with bare_server(latency_seconds=LATENCY_SECONDS, cap=CAP_PER_MINUTE) as url:
        made = Run(url, n, cap=CAP_PER_MINUTE, most_at_once=256)
        return made.confirm_beside_a_sender(), made


def against_the_limit(n: int, took: list[float], most_seconds: float) -> str:
    least = n * 60 / CAP_PER_MINUTE
    each = ", ".join(f"{one:.1f}" for one in took)
    return (
        f"| {n:,} rows: {least:.1f} s at the rate limit | {each} s; median {median(took):.1f} s, "
        f"{median(took) / least:.2f} × | at most {most_seconds:.1f} s, {most_seconds / least:.2f} ×: "
        f"{kept(median(took) <= most_seconds)} |"
    )


def few(times: int) -> list[str]:
    took = [run(FEW)[0] for _ in range(times)]
    return [against_the_limit(FEW, took, MOST_RATIO * FEW * 60 / CAP_PER_MINUTE + FIXED_SECONDS)]


def many(times: int) -> list[str]:
    """And what a row costs in all: look-ups, database and verification, beside aiohttp alone."""
    took, shares, cpu = [], [], []
    for _ in range(times):
        with bare_server(latency_seconds=LATENCY_SECONDS) as url:
            bare = cpu_of_bare_aiohttp(url, MANY // 2)
        seconds, made = run(MANY)
        took.append(seconds)
        cpu.append(made.cpu_seconds / MANY * 1e6)
        shares.append(cpu[-1] / bare)
        rows_over_time.draw(PICTURE, made.moments, n=MANY, per_minute=CAP_PER_MINUTE, took_seconds=seconds)
    return [
        against_the_limit(MANY, took, MOST_RATIO * MANY * 60 / CAP_PER_MINUTE),
        f"| CPU of the sender a row there, all in | {', '.join(f'{one:.0f}' for one in cpu)} µs; median "
        f"{median(shares):.2f} × aiohttp alone | at most {MOST_CPU_OF_BARE:.1f} ×: "
        f"{kept(median(shares) <= MOST_CPU_OF_BARE)} |",
    ]


def verify_a_million() -> list[str]:
    with bare_server(latency_seconds=LATENCY_SECONDS, cap=CAP_PER_MINUTE, holds=MILLION) as url:
        made = Run(url, MILLION, cap=CAP_PER_MINUTE, most_at_once=256)
        made.call_created(url)
        seconds = made.verify_beside_a_sender()
    most = MOST_SECONDS_TO_VERIFY_A_MILLION
    return [
        f"| verifying {MILLION:,}, a sender's start included | {seconds:.0f} s, {made.cpu_seconds:.0f} s of "
        f"CPU | at most {most} s: {kept(seconds <= most)} |",
        f"| memory of the sender there | {made.peak_mb:.0f} MB | at most {MOST_MB} MB: "
        f"{kept(made.peak_mb <= MOST_MB)} |",
    ]


def a_million() -> list[str]:
    with bare_server(latency_seconds=LATENCY_SECONDS) as url:
        bare = cpu_of_bare_aiohttp(url, MANY)
    seconds, made = run(MILLION)
    most = MOST_RATIO_OF_A_MILLION * MILLION * 60 / CAP_PER_MINUTE
    all_in = made.cpu_seconds / MILLION * 1e6
    at_last = made.between(MILLION - MANY, MILLION)[1]
    return [
        against_the_limit(MILLION, [seconds], most),
        f"| CPU of the sender a row there, all in | {all_in:.0f} µs, {all_in / bare:.2f} × aiohttp alone | |",
        f"| sending the last {MANY:,} of them | {at_last:.0f} µs a row, {at_last / bare:.2f} × aiohttp alone "
        f"| at most {MOST_CPU_AT_A_MILLION:.1f} ×: {kept(at_last / bare <= MOST_CPU_AT_A_MILLION)} |",
        f"| memory of the sender there | {made.peak_mb:.0f} MB | at most {MOST_MB} MB: "
        f"{kept(made.peak_mb <= MOST_MB)} |",
    ]


def beside_before(before: Path | None, times: int) -> list[str]:
    """What does not depend on the rate limit: one after the other, this version and the one before, so that
    both meet the same machine."""
    folders = [HERE] if before is None else [HERE, before]
    starts = [command_cpu.until_first_post(folder, FEW) for _ in range(times) for folder in folders]
    drafts = [command_cpu.checked(folder, DRAFT) for _ in range(times) for folder in folders]
    of_folders = [command_cpu.uploaded(folder, DRAFT, times) for folder in folders]
    uploads = [seconds for each in zip(*of_folders, strict=True) for seconds in each]
    rests = command_cpu.idle_seconds(folders, REST_SECONDS)
    with chromium() as browser:
        headings = [command_cpu.first_heading(folder, browser) for _ in range(times) for folder in folders]
    n = len(folders)
    rest = ", ".join(f"{who} {cpu:.2f} s" for who, cpu in rests[0].items())
    return [
        ratio(
            f"CPU of `import` with {FEW:,} rows until its first POST, in a new data folder",
            [one[0] for one in starts],
            n,
            MOST_OF_BEFORE_TO_FIRST_POST,
        ),
        ratio("of the next file there", [one[1] for one in starts], n, MOST_OF_BEFORE_TO_FIRST_POST),
        ratio(
            f"a draft of {DRAFT:,} rows, from its upload to its verdict",
            uploads,
            n,
            MOST_OF_BEFORE_FOR_A_DRAFT,
        ),
        ratio("`import --dry-run` of as many", drafts, n, MOST_OF_BEFORE_FOR_A_DRAFT),
        ratio("first heading on a cold server", headings, n, MOST_OF_BEFORE_FOR_A_HEADING),
        ratio(
            f"CPU of a desk with nothing to do in {REST_SECONDS:.0f} s ({rest})",
            [sum(one.values()) for one in rests],
            n,
            MOST_OF_BEFORE_WHEN_IDLE,
        ),
    ]


def long_files_beside_before(before: Path, times: int) -> list[str]:
    lines = []
    for kind, most in MOST_OF_BEFORE_FOR_A_LONG_FILE.items():
        taken = long_files.in_turn([HERE, before], kind, times)
        what = f"reading and checking {files.ROWS:,} rows of {kind.upper()} into the database"
        lines.append(ratio(what, [one.check_seconds for one in taken], 2, most))
        peak = max(one.peak_mb for one in taken[::2])
        is_kept = kept(peak <= MOST_MB_TO_CHECK)
        lines.append(
            f"| memory of all processes there | {peak:.0f} MB | at most {MOST_MB_TO_CHECK} MB: {is_kept} |"
        )
        if results := [one.results_seconds for one in taken if one.results_seconds is not None]:
            lines.append(ratio("their results as CSV", results, 2, MOST_OF_BEFORE_FOR_RESULTS))
    return lines


def ratio(what: str, seconds: list[float], folders: int, most: float) -> str:
    """A line of the table; `seconds` are of this version and, if there are two folders, of the one before in
    turn."""
    now = median(seconds[::folders])
    if folders == 1:
        return f"| {what} | {now:.2f} s | |"
    before = median(seconds[1::folders])
    return (
        f"| {what} | {now:.2f} s, before {before:.2f} s: {now / before:.2f} × | at most {most} ×: "
        f"{kept(now / before <= most)} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--before", type=Path)
    parser.add_argument("--million", action="store_true")
    parser.add_argument("--npm", type=Path)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    parts: list[Callable[[], list[str]]] = [
        lambda: few(options.times),
        lambda: many(options.times),
        lambda: beside_before(options.before, options.times),
        verify_a_million,
    ]
    if options.million:
        parts.append(a_million)
    if options.million and options.before is not None:
        parts.append(lambda: long_files_beside_before(options.before, options.times))
    lines = ["| what | measured | bound |", "| --- | --- | --- |"]
    print("\n".join(lines), flush=True)
    for part in parts:
        told = part()
        print("\n".join(told), flush=True)
        lines += told
    asked = {"--before FOLDER": options.before, "--million": options.million, "--npm FOLDER": options.npm}
    command = " ".join(
        ["python -m tests.bench.done", *(flag for flag, is_asked in asked.items() if is_asked)]
    )
    if options.write:
        table = "\n".join([*lines, "", f"![Rows over time]({PICTURE.name})"])
        write_results("From the click to verified", command, table)
    if options.npm is not None:
        others = peers.table(options.npm, peers.ROWS)
        print(others)
        if options.write:
            write_results(peers.TITLE, command, others)


if __name__ == "__main__":
    main()
