"""From the click on Create to the end of verifying, against what the rate limit allows.

    python -m tests.bench.done [--rows 20000] [--times 5] [--write]

A sender that is up sends and verifies an import against a Blnk that answers after 50 ms and refuses more than
100,000 requests a minute. N rows at R requests a minute take at least N/R; the ratio says what else it took.
`--write` puts the table into tests/bench/RESULTS.md.
"""

import argparse
from statistics import median

from tests.bench.sending import CAP_PER_MINUTE, LATENCY_SECONDS, Run, bare_server, kept, write_results

MOST_RATIO = 1.15
FIXED_SECONDS = 1.5
"""What an import may take besides, however small it is."""
FEW = 1_000


def run(n: int) -> float:
    """Seconds from the confirm to the end of verification."""
    with bare_server(latency_seconds=LATENCY_SECONDS, cap=CAP_PER_MINUTE) as url:
        return Run(url, n, cap=CAP_PER_MINUTE, most_at_once=256).confirm_beside_a_sender()


def line(n: int, times: int, most_seconds: float) -> str:
    took = [run(n) for _ in range(times)]
    least = n * 60 / CAP_PER_MINUTE
    each = ", ".join(f"{one:.1f}" for one in took)
    return (
        f"| {n:,} rows: {least:.1f} s at the rate limit | {each} s; median {median(took):.1f} s, "
        f"{median(took) / least:.2f} × | at most {most_seconds:.1f} s, {most_seconds / least:.2f} ×: "
        f"{kept(median(took) <= most_seconds)} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    few, many = FEW * 60 / CAP_PER_MINUTE, options.rows * 60 / CAP_PER_MINUTE
    lines = [
        "| what | measured | bound |",
        "| --- | --- | --- |",
        line(FEW, options.times, MOST_RATIO * few + FIXED_SECONDS),
        line(options.rows, options.times, MOST_RATIO * many),
    ]
    print("\n".join(lines), flush=True)
    if options.write:
        write_results("From the click to verified", "python -m tests.bench.done", "\n".join(lines))


if __name__ == "__main__":
    main()
