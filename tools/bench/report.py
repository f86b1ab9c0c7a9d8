"""Results as lines and tables."""
import statistics

TITLES = {"clarus": "Clarus", "onnxruntime": "ONNX Runtime", "openvino": "OpenVINO", "ncnn": "ncnn"}


def table(rows, markdown):
    """The first row is the heading; columns but the first are right-aligned."""
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    lines = []
    for number, row in enumerate(rows):
        cells = [cell.ljust(w) if k == 0 else cell.rjust(w) for k, (cell, w) in enumerate(zip(row, widths))]
        lines.append(f"| {' | '.join(cells)} |" if markdown else "  ".join(cells))
        if markdown and number == 0:
            lines.append("|" + "|".join("---" if k == 0 else "--:" for k in range(len(row))) + "|")
    return "\n".join(line.rstrip() for line in lines)


def number(value, digits=4):
    """Four significant digits at most, no exponent."""
    if value is None:
        return "-"
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.{digits}g}"


def percent(value):
    return "-" if value is None else f"{value:.0%}"


def machine_of(result):
    return f"{result['date']}, {result['processor']}, {result['cores']} cores"


# ---- speed ----

def speed_line(r):
    parts = [f"{r['network']}, batch {r['batch']}, {r['threads']} threads:"]
    for name, e in r.get("engines", {}).items():
        times = f" (x{r['ratios'][name]:.2f})" if name in r["ratios"] else ""
        parts.append(f"{name} {number(e['ms_min'])} ms, median {number(e['ms_median'])}, {percent(e['share'])}{times};")
    parts += [f"{name} refused: {why};" for name, why in r["refused"].items()]
    return " ".join(parts).rstrip(";")


def speed_cell(r, name):
    e = r.get("engines", {}).get(name)
    return f"{number(e['ms_min'])} / {number(e['ms_median'])} / {percent(e['share'])}" if e else "-"


def geometric_means(results, peers):
    for peer in peers:
        ratios = {r["network"]: r["ratios"][peer] for r in results if peer in r.get("ratios", {})}
        if ratios:
            least = min(ratios, key=ratios.get)
            below = sum(ratio < 1 for ratio in ratios.values())
            yield (f"{TITLES[peer]} / Clarus, geometric mean of {len(ratios)} networks: "
                   f"{statistics.geometric_mean(ratios.values()):.2f}; least {ratios[least]:.2f} ({least}); "
                   f"{below} below 1")


def speed_heading(results):
    versions = {name: v for r in results for name, v in r.get("versions", {}).items() if v}
    peaks = [r["peak_gflops"] for r in results if r.get("peak_gflops")]
    one = results[0]
    return (f"Batch {one['batch']}, {one['threads']} threads; ms least / median / share of the peak"
            f"{f' ({number(statistics.median(peaks), 3)} GFLOP/s)' if peaks else ''}. {machine_of(one)}, "
            f"{one['rounds']} rounds of {one['seconds']} s; "
            + ", ".join(f"{TITLES[name]} {v}" for name, v in versions.items()) + ".")


def speed_table(results, markdown):
    results = sorted(results, key=lambda r: r["network"])
    peers = [name for name in TITLES if name != "clarus" and any(name in r.get("ratios", {}) for r in results)]
    rows = [["Network", *(TITLES[n] for n in ["clarus", *peers]), *(f"{TITLES[n]} / Clarus" for n in peers)]]
    for r in results:
        ratios = r.get("ratios", {})
        rows.append([r["network"], *(speed_cell(r, n) for n in ["clarus", *peers]),
                     *(f"{ratios[n]:.2f}" if n in ratios else "-" for n in peers)])
    refused = [f"{r['network']}: {TITLES.get(name, 'all')}: {why}"
               for r in results for name, why in r["refused"].items()]
    heading = speed_heading(results)
    return "\n\n".join([heading, table(rows, markdown), *bullets([*geometric_means(results, peers), *refused])])


def bullets(lines):
    return ["\n".join(f"- {line}" for line in lines)] if lines else []


# ---- starts and memory ----

START_COLUMNS = {"clarus, empty caches": "Clarus, empty caches", "clarus": "Clarus",
                 "clarus, all drivers": "Clarus, all drivers loaded", "onnxruntime": "ONNX Runtime",
                 "openvino": "OpenVINO", "ncnn": "ncnn", "python": "Python and NumPy alone"}


def start_cell(r, name):
    e = r["engines"].get(name)
    return f"{e['ms_median']:.0f} / {e['peak_bytes'] / 2**20:.0f}" if e else "-"


def start_line(r):
    cells = (f"{name} {start_cell(r, name)}" for name in START_COLUMNS if name in r["engines"])
    return f"{r['network']}, ms to the first result / peak MiB: " + "; ".join(cells)


def start_table(results, markdown):
    names = [name for name in START_COLUMNS if any(name in r["engines"] for r in results)]
    rows = [["Network", *(START_COLUMNS[name] for name in names)]]
    rows += [[r["network"], *(start_cell(r, name) for name in names)] for r in results]
    one = results[0]
    heading = (f"Process start to first result, ms (median of {one['rounds']}; of {one['cold_rounds']} with empty "
               f"caches) / peak memory, MiB; {one['threads']} threads. {machine_of(one)}.")
    return f"{heading}\n\n{table(rows, markdown)}"


# ---- pictures to labels ----

def label_line(r):
    return (f"{r['network']}, batch {r['batch']}: decoding alone {number(r['decode'])}/s, computing alone "
            f"{number(r['compute'])}/s, classify {number(r['classify'])}/s = {r['of_slower']:.2f} of the slower, "
            f"{r['of_both']:.2f} of both on the same cores")


def label_table(results, markdown):
    rows = [["Network", "Batch", "Decoding alone, 1/s", "Computing alone, 1/s", "classify, 1/s", "of the slower",
             "of both on the same cores"]]
    rows += [[r["network"], str(r["batch"]), number(r["decode"]), number(r["compute"]), number(r["classify"]),
              f"{r['of_slower']:.2f}", f"{r['of_both']:.2f}"] for r in results]
    one = results[0]
    heading = (f"{one['pictures']} JPEG files of 500x375 to labels, {one['threads']} threads, medians of "
               f"{one['rounds']} rounds. {machine_of(one)}.")
    return f"{heading}\n\n{table(rows, markdown)}"


LINES = {"speed": speed_line, "starts": start_line, "labels": label_line}
TABLES = {"speed": speed_table, "starts": start_table, "labels": label_table}


def line(result):
    return LINES[result["kind"]](result)


def tables(results, markdown):
    """One for each kind, batch and number of threads; of results for the same the last counts."""
    groups = {}
    for r in results:
        key = (r["kind"], r["threads"], r["batch"] if r["kind"] == "speed" else 0)
        groups.setdefault(key, {})[r["network"], r.get("batch")] = r
    return "\n\n".join(TABLES[key[0]](list(group.values()), markdown) for key, group in groups.items())
