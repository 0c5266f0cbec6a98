"""Write weather.csv: six weeks of hourly weather at a station that does not exist.

    python examples/data/make_weather.py

The same seed always gives the same file, so that results can be compared between machines.
"""

from __future__ import annotations

import csv
import math
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

SEED = 20260401
HOURS = 42 * 24


def rows() -> list[list[str]]:
    """Return the header and one row an hour; now and then a sensor reports nothing."""
    chance = random.Random(SEED)  # noqa: S311 - weather, not secrets
    begin = datetime(2026, 4, 1, tzinfo=UTC)
    front = 0.0  # what the passing of warm and cold fronts adds, degrees
    table = [["time", "temperature", "humidity", "pressure", "wind", "rain"]]
    for hour in range(HOURS):
        front = 0.985 * front + chance.gauss(0, 0.35)
        day = math.cos(2 * math.pi * (hour % 24 - 15) / 24)
        temperature = 8.5 + 5 * hour / HOURS + 4.2 * day + front + chance.gauss(0, 0.4)
        humidity = min(100.0, max(25.0, 72 - 14 * day - 1.8 * front + chance.gauss(0, 4)))
        pressure = 1014 - 1.6 * front + chance.gauss(0, 1.2)
        wind = abs(chance.gauss(3.1 + 0.5 * abs(front), 1.5))
        rain = chance.expovariate(1.3) if humidity > 82 and chance.random() < 0.4 else 0.0
        values = [temperature, humidity, pressure, wind, rain]
        texts = ["" if chance.random() < 0.004 else f"{value:.1f}" for value in values]
        table.append([f"{begin + timedelta(hours=hour):%Y-%m-%dT%H:%MZ}", *texts])
    return table


def main() -> None:
    """Write the file beside this script."""
    with Path(__file__).with_name("weather.csv").open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows())


if __name__ == "__main__":
    main()
