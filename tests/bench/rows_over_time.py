"""A picture of an import over time: rows, beside what the rate limit allows."""

from collections.abc import Sequence
from pathlib import Path

from tests.bench.sending import Moment

WIDTH, HEIGHT, LEFT, BOTTOM = 760, 360, 70, 40


def draw(path: Path, moments: Sequence[Moment], *, n: int, per_minute: int, took_seconds: float) -> None:
    """Writes an SVG: the rows created, the line of the limit, and where verifying ended."""
    longest = max(took_seconds, n * 60 / per_minute) * 1.05

    def x(seconds: float) -> float:
        return LEFT + seconds / longest * (WIDTH - LEFT - 20)

    def y(rows: float) -> float:
        return HEIGHT - BOTTOM - rows / n * (HEIGHT - BOTTOM - 30)

    done_at = next((one.at for one in moments if one.created >= n), took_seconds)
    points = " ".join(f"{x(one.at):.1f},{y(one.created):.1f}" for one in moments if one.at <= done_at)
    limit = n * 60 / per_minute
    ticks = "".join(
        f'<text x="{x(at):.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{at} s</text>'
        for at in range(0, int(longest) + 1, max(1, int(longest) // 8))
    )
    path.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" '
        f'font-size="12" fill="#333"><rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>'
        f'<path d="M{LEFT} 20V{HEIGHT - BOTTOM}H{WIDTH - 20}" fill="none" stroke="#999"/>{ticks}'
        f'<text x="{LEFT - 8}" y="{y(n) + 4:.1f}" text-anchor="end">{n:,}</text>'
        f'<text x="{LEFT - 8}" y="{y(0) + 4:.1f}" text-anchor="end">0</text>'
        f'<line x1="{x(0):.1f}" y1="{y(0):.1f}" x2="{x(limit):.1f}" y2="{y(n):.1f}" stroke="#999" '
        f'stroke-dasharray="6 4"/>'
        f'<polyline points="{points}" fill="none" stroke="#1565c0" stroke-width="2"/>'
        f'<line x1="{x(took_seconds):.1f}" y1="{y(0):.1f}" x2="{x(took_seconds):.1f}" y2="{y(n):.1f}" '
        f'stroke="#2e7d32" stroke-width="2"/>'
        f'<text x="{x(took_seconds) - 6:.1f}" y="{y(n * 0.12):.1f}" text-anchor="end">verified after '
        f"{took_seconds:.1f} s</text>"
        f'<text x="{x(limit * 0.42):.1f}" y="{y(n * 0.62):.1f}" text-anchor="end">'
        f"the rate limit: {limit:.1f} s</text>"
        f"</svg>\n"
    )
