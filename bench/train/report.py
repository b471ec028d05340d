"""The results as Markdown."""

from common import described


def report(results):
    parts = [heading(results)]
    for kind in dict.fromkeys(row["set"] for row in results["rows"]):
        parts.append(table(kind, results))
    parts += [shares(results), passes(results), goals(results)]
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
        title = f"{described_rows(results['shapes'][kind])}, {results['passes']} passes, one model:"
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


def described_rows(shape):
    return f"{shape['rows']:,} rows of {shape['columns']} columns, {shape['data']}, k = {shape['k']}"


def shares(results):
    """The parts of a fit of Gugus."""
    if not results["steps"]:
        return ""
    names = list(next(iter(results["steps"].values()))["parts"])
    lines = ["The parts of a fit, embedded, in seconds:", "", f"| | {' | '.join(names)} | all |", "|---|" + "--:|" * (len(names) + 1)]
    for kind, found in results["steps"].items():
        parts = " | ".join(f"{found['parts'][name]:.2f}" for name in names)
        lines.append(f"| {kind} | {parts} | {found['whole']:.2f} |")
    return "\n".join(lines)


def passes(results):
    """Each step of Gugus beside the time to read the columns once, and beside one product of 32-bit floats."""
    if not results["steps"]:
        return ""
    lines = [
        "Ours, embedded, step by step. *Reading once* is the time to read the columns from memory, *a product* that of one bare "
        "product of 32-bit floats of the same shape:",
        "",
        "| | steps | ms, median | longest | of them all, s | times reading once | times a product |",
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    for kind, found in results["steps"].items():
        limit = results["limits"][kind]
        for step, seconds in found["steps"].items():
            middle = sorted(seconds)[len(seconds) // 2]
            lines.append(
                f"| {kind}: {step} | {len(seconds)} | {middle * 1e3:.1f} | {max(seconds) * 1e3:.1f} | {sum(seconds):.2f} "
                f"| {middle / limit['stream']:.1f} | {middle / limit['product']:.1f} |"
            )
    return "\n".join(lines)


def goals(results):
    lines = ["| required | goal | measured | |", "|---|--:|--:|---|"]
    for one in results["judged"]:
        sign = "at least" if one["at"] == "least" else "below"
        value = "not measured" if one["measured"] is None else format(one["measured"], ",.2f")
        lines.append(f"| {one['what']} | {sign} {one['goal']:,g} | {value} | {'reached' if one['reached'] else 'MISSED'} |")
    return "\n".join(lines)
