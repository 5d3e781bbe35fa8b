"""How fast the built pages show themselves on a phone's network; written to RESULTS.md.

    make benchmark        or, after `make book`: python -m benchmarks.pages (8 minutes)

Chromium opens every page with an empty cache at the speed that its DevTools call Fast 4G. What a
reader waits for is the heading and the first paragraph; pictures may come later. The server here
speaks HTTP/1.1, six requests at a time; that of GitHub Pages answers all of them at once.
"""

import functools
import gzip
import statistics
import sys
import threading
from datetime import date
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from bs4 import BeautifulSoup
from playwright.sync_api import sync_playwright
from tqdm import tqdm

from tools import chromium, contents, pdf

ROOT = Path(__file__).resolve().parents[1]

VISITS = 3
WIDTH = 390
#: Bytes a second and milliseconds, with the factors by which DevTools tune them.
FAST_4G = {
    "offline": False,
    "downloadThroughput": 9e6 / 8 * 0.9,
    "uploadThroughput": 1.5e6 / 8 * 0.9,
    "latency": 60 * 2.75,
}
#: A slower network, as it is, on a machine that is slowed down.
SLOW = {
    "offline": False,
    "downloadThroughput": 1.6e6 / 8,
    "uploadThroughput": 0.75e6 / 8,
    "latency": 150,
}
SLOWER = 2
#: seconds until the first paint there, at most; of the page where readers arrive
FIRST_PAINT, ARRIVAL, ARRIVAL_PAINT = 1.5, "book/index", 1.0
HEAD = "\n## Pages\n"  # the last section of RESULTS.md, from here to its end
WATCH = """window.seen = {};
const watch = (type, note) => new PerformanceObserver(list => list.getEntries().forEach(note))
  .observe({type, buffered: true});
watch("largest-contentful-paint", entry => seen.largest = entry.startTime);
watch("element", entry => seen[entry.identifier] = entry.startTime);
new MutationObserver(() => ["h1", "p"].forEach(
  name => document.querySelector("article " + name)?.setAttribute("elementtiming", name)
)).observe(document, {childList: true, subtree: true});"""
MEASURE = """() => {
  const loads = ["navigation", "resource"].flatMap(kind => performance.getEntriesByType(kind));
  return {
    first: performance.getEntriesByName("first-contentful-paint")[0].startTime / 1000,
    readable: Math.max(seen.h1, seen.p) / 1000,
    largest: seen.largest / 1000,
    blocking: loads.filter(load => load.renderBlockingStatus === "blocking").length,
    moved: loads.reduce((sum, load) => sum + load.transferSize, 0) / 1e6,
  };
}"""


@functools.cache
def zipped(path):
    return gzip.compress(path.read_bytes(), 6)


class Server(SimpleHTTPRequestHandler):
    """Serves the built book as GitHub does: text is compressed."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        path = Path(self.translate_path(self.path))
        if not path.is_file():
            return self.send_error(404)
        kind = self.guess_type(path)
        text = kind.startswith("text/") or kind.endswith(("javascript", "json", "xml"))
        body = zipped(path) if text else path.read_bytes()
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", len(body))
        if text:
            self.send_header("Content-Encoding", "gzip")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


def visit(browser, address, speed=FAST_4G, slower=1):
    """Open a page with an empty cache; return its times in seconds and the megabytes moved.

    Args:
        speed: the network, as DevTools describe it.
        slower: by what factor the processor is slowed down.
    """
    context = browser.new_context(viewport={"width": WIDTH, "height": 844})
    context.add_init_script(WATCH)
    page = context.new_page()
    network = context.new_cdp_session(page)
    network.send("Network.enable")
    network.send("Network.emulateNetworkConditions", speed)
    network.send("Emulation.setCPUThrottlingRate", {"rate": slower})
    page.goto(address, wait_until="networkidle")
    page.wait_for_function("seen.h1 && seen.p && seen.largest")
    measured = page.evaluate(MEASURE)
    context.close()
    return measured


def weight(path):
    """Return the megabytes of a page and its own images, unpacked."""
    soup = BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")
    sources = {image["src"] for image in soup.select("img[src]:not([src^='data:'])")}
    files = [path, *(path.parent / source for source in sources)]
    return sum(file.stat().st_size for file in files) / 1e6


def measure():
    """Return a name for the browser, and {page: medians of all visits}."""
    pages = contents.pages(ROOT)
    serve = functools.partial(Server, directory=str(pdf.HTML))
    with (
        ThreadingHTTPServer(("127.0.0.1", 0), serve) as server,
        sync_playwright() as playwright,
    ):
        threading.Thread(target=server.serve_forever, daemon=True).start()
        browser = playwright.chromium.launch(executable_path=chromium.find(), args=chromium.flags())
        results = {}
        for page in tqdm(pages, unit="page"):
            address = f"http://127.0.0.1:{server.server_port}/{page}.html"
            visits = [visit(browser, address) for _ in range(VISITS)]
            medians = {name: statistics.median(v[name] for v in visits) for name in visits[0]}
            slow = [visit(browser, address, SLOW, SLOWER)["first"] for _ in range(VISITS)]
            medians["slow"] = statistics.median(slow)
            results[page] = medians | {"weight": weight(pdf.HTML / f"{page}.html")}
        version = browser.version
        browser.close()
        server.shutdown()
    return version, results


def line(what, results, name, bar, unit):
    page = max(results, key=lambda page: results[page][name])
    value = results[page][name]
    reached = "reached" if value < bar else "**missed**"
    return f"| {what}, `{page}` | {value:.2f} {unit} | {bar} {unit} | {reached} |\n"


def section(version, results):
    """Return the section of RESULTS.md."""
    speed = f"{FAST_4G['downloadThroughput'] * 8 / 1e6:.1f} Mbit/s, {FAST_4G['latency']:.0f} ms"
    text = (
        f"{HEAD}\nWritten by `pages.py`, {date.today()}: Chromium {version}, {WIDTH} pixels wide, "
        f"with an empty cache at the speed of a phone (Fast 4G: {speed} a request), medians of "
        f"{VISITS} visits. A page is *readable* once its heading and first paragraph are there. "
        f"*Slow* is the first paint at 1.6 Mbit/s, {SLOW['latency']} ms a request, with a "
        f"processor slowed down {SLOWER} times; *blocking* counts what it waits for.\n\n"
        "| page | first paint | slow | readable | largest paint | blocking | moved "
        "| with images, unpacked |\n|---|---:|---:|---:|---:|---:|---:|---:|\n"
    )
    for page, r in results.items():
        names = ("first", "slow", "readable", "largest")
        times = " | ".join(f"{r[name]:.2f} s" for name in names)
        text += f"| `{page}` | {times} | {r['blocking']:.0f} | {r['moved']:.2f} MB "
        text += f"| {r['weight']:.2f} MB |\n"
    text += "\n| what | measured | bar | |\n|---|---:|---:|---|\n"
    arrival = {page: row for page, row in results.items() if page == ARRIVAL}
    others = {page: row for page, row in results.items() if page != ARRIVAL}
    text += line("slow first paint", arrival, "slow", ARRIVAL_PAINT, "s") if arrival else ""
    text += line("slowest slow first paint", others, "slow", FIRST_PAINT, "s")
    text += line("slowest to be readable", results, "readable", 1.5, "s")
    return text + line("heaviest", results, "weight", 1.5, "MB")


def main():
    if not (pdf.HTML / "index.html").is_file():
        sys.exit("There is no built book. Run: make book")
    if chromium.find() is None:
        print("The pages are not measured: that needs Chromium or Chrome.")
        return
    text = section(*measure())
    path = ROOT / "benchmarks" / "RESULTS.md"
    path.write_text(path.read_text(encoding="utf-8").partition(HEAD)[0] + text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
