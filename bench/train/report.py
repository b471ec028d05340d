"""The results as Markdown."""

from common import described


def report(results):
    parts = [heading(results)]
    for kind in dict.fromkeys(row["set"] for row in results["rows"]):
        parts.append(table(kind, results))
    parts += [passes(results), goals(results)]
    return "\n\n".join(part for part in parts if part)


def heading(results):
    slow = f", {results['slow_rounds']} of Spark" if results["slow_rounds"] != results["rounds"] else ""
    versions = ", ".join(version if who == "gugus" else f"{who} {version}" for who, version in results["versions"].items())
    return f"Median of {results['rounds']} rounds{slow}; {versions}; {described(results['machine'])}, two of them used."


def table(kind, results):
    rows = [row for row in results["rows"] if row["set"] == kind]
    if kind == "batches":
        title = f"{results['batches']:,} batches of 100 rows, k = 5, a model each:"
    else:
        title = f"{results['rows_large']:,} rows of two columns, {kind}, {results['passes']} passes, one model:"
    lines = [
        title,
        "",
        "| | fit s | from .. to | ours is faster | process s | ours is faster | peak MiB | passes | cost |",
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for row in rows:
        fits = [run["fit"] for run in row["runs"]]
        name = results["names"].get(row["who"], row["who"])
        if row.get("scaled"):
            name += f" (scaled from {len(row['runs'][0]['each'])})"
        cost = format(row["cost"], ",.1f") if "cost" in row else ""
        lines.append(
            f"| {name} | {row['fit']:,.2f} | {min(fits):,.2f} .. {max(fits):,.2f} | {times(row['times_fit'])} "
            f"| {row['seconds']:,.2f} | {times(row['times_seconds'])} | {row['peak'] / 2**20:,.0f} | {row.get('iterations', '')} | {cost} |"
        )
    return "\n".join(lines)


def times(factor):
    return "" if factor is None else f"{factor:,.1f} x"


def passes(results):
    """Each step of Gugus beside the time to read the columns once."""
    limit = results["stream_seconds"]
    lines = [
        f"Reading the {results['rows_large']:,} rows from memory once takes {limit * 1e3:.1f} ms. Ours, embedded, step by step:",
        "",
        "| | steps | ms, median | longest | of them all, s | times reading once |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    told = False
    for kind, found in results["steps"].items():
        for step, seconds in found["steps"].items():
            told = True
            middle = sorted(seconds)[len(seconds) // 2]
            lines.append(
                f"| {kind}: {step} | {len(seconds)} | {middle * 1e3:.1f} | {max(seconds) * 1e3:.1f} | {sum(seconds):.2f} | {middle / limit:.1f} |"
            )
    return "\n".join(lines) if told else lines[0].split(". Ours")[0] + "."


def goals(results):
    lines = ["| required | goal | measured | |", "|---|--:|--:|---|"]
    for one in results["judged"]:
        sign = "at least" if one["at"] == "least" else "below"
        value = "not measured" if one["measured"] is None else format(one["measured"], ",.1f")
        lines.append(f"| {one['what']} | {sign} {one['goal']:,g} | {value} | {'reached' if one['reached'] else 'MISSED'} |")
    return "\n".join(lines)
