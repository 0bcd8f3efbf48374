#!/usr/bin/env python3
"""Checks `ckpt report`: its page as HTML, its numbers against scikit-learn, and how it looks and reads in a browser.

    python3 Tools/interop.d/report_check.py RUN_FOLDER WORK_FOLDER

The browser is the system's Chromium, where there is one; its pictures stay in WORK_FOLDER.
"""

import json
import os
import re
import shutil
import sys

from common import Report, ckpt, guarded, quiet, read_json, read_json_lines

quiet()
WIDTHS, SCHEMES = (390, 1280), ("light", "dark")

# What a page must have to be used without eyes or mouse, as a list of what is wrong.
AUDIT = r"""() => {
  const wrong = [], all = s => [...document.querySelectorAll(s)];
  if (document.documentElement.lang !== "en") wrong.push("no language");
  for (const s of ["header", "nav[aria-label]", "main", "footer", "h1"])
    if (all(s).length !== 1) wrong.push(all(s).length + " of " + s);
  let level = 0;
  for (const h of all("h1,h2,h3,h4")) {
    const l = +h.tagName[1];
    if (l > level + 1) wrong.push("heading " + h.textContent + " leaves out a level");
    level = l;
  }
  const ids = all("[id]").map(e => e.id);
  if (new Set(ids).size !== ids.length) wrong.push("an id is there twice");
  for (const e of all("[aria-labelledby]")) for (const id of e.getAttribute("aria-labelledby").split(" "))
    if (!document.getElementById(id)) wrong.push("no element " + id);
  for (const e of all("svg")) if (e.getAttribute("role") !== "img" || !e.querySelector("desc")?.textContent)
    wrong.push("a picture without words");
  for (const e of all("table")) if (!e.caption || !e.querySelector("th[scope]")) wrong.push("a table without headings");
  for (const e of all("button,input")) if (!(e.getAttribute("aria-label") || e.textContent).trim()) wrong.push("a control without a name");
  for (const a of all("a[href^='#']")) if (!document.getElementById(a.hash.slice(1))) wrong.push("a link to nowhere");
  // Contrast of text with the first opaque background below it.
  const parse = c => { const n = c.match(/[\d.]+/g).map(Number); if (c.startsWith("color(")) return [...n.slice(-4, -1).map(v => v * 255), n.at(-1)];
    return [n[0], n[1], n[2], n[3] ?? 1]; };
  const read = c => { const k = document.createElement("canvas"); k.width = k.height = 1; const x = k.getContext("2d");
    x.fillStyle = c; x.fillRect(0, 0, 1, 1); const d = x.getImageData(0, 0, 1, 1).data; return [d[0], d[1], d[2], d[3] / 255]; };
  const lum = c => { const [r, g, b] = c.map(v => { v /= 255; return v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4; });
    return .2126 * r + .7152 * g + .0722 * b; };
  const seen = new Set();
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const e = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !e.checkVisibility() || e.closest("script,.vh,.skip,svg")) continue;
    const style = getComputedStyle(e);
    let back = e, color = null;
    for (; back; back = back.parentElement) {
      const c = read(getComputedStyle(back).backgroundColor);
      if (c[3] > .99) { color = c; break; }
    }
    if (!color) continue;
    const a = lum(read(style.color).slice(0, 3)), b = lum(color.slice(0, 3));
    const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
    const key = e.tagName + "." + e.className;
    if (ratio < 4.5 && !seen.has(key)) { seen.add(key); wrong.push("contrast " + ratio.toFixed(2) + " of " + key + ": " + e.textContent.slice(0, 30)); }
  }
  return wrong;
}"""


def numbers(report, run, document):
    from sklearn.metrics import accuracy_score, confusion_matrix, log_loss, precision_recall_fscore_support

    rows = read_json_lines(run, "predictions.jsonl")
    names = document["labels"]
    actual = [names.index(row["label"]) for row in rows]
    predicted = [names.index(row["predicted"]) for row in rows]
    import numpy

    logits = numpy.array([row["logits"] for row in rows])
    p = numpy.exp(logits - logits.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    classes = range(len(names))
    report.same("accuracy", document["accuracy"], float(accuracy_score(actual, predicted)))
    report.close("loss", [document["loss"]], [log_loss(actual, p, labels=classes)], 1e-12)
    report.same(
        "confusion matrix", document["confusion_matrix"], confusion_matrix(actual, predicted, labels=classes).tolist()
    )
    per_class = precision_recall_fscore_support(actual, predicted, labels=classes, zero_division=0)
    for name, values in zip(("precision", "recall", "f1"), per_class):
        report.close(f"{name} of each class", [row[name] for row in document["per_class"]], map(float, values), 1e-15)


def page(report, text, document):
    import html5lib

    parser = html5lib.HTMLParser(strict=False, namespaceHTMLElements=False)
    tree = parser.parse(text)
    errors = [code for _, code, _ in parser.errors]
    report.check("the page is well-formed", not errors, errors[:5])
    outside = [
        f"{element.tag} {name}={value[:60]}"
        for element in tree.iter()
        if isinstance(element.tag, str)
        for name, value in element.attrib.items()
        if name in ("src", "href", "action", "poster", "data", "srcset") and not value.startswith("#")
    ]
    report.check("it names nothing outside of itself", not outside, outside[:5])
    report.check("no address but of namespaces", not re.search(r"(https?:)?//[a-z]", text.replace("</script>", "")))
    script = next(e for e in tree.iter("script") if e.get("id") == "report-data")
    report.same("the numbers within are the JSON's", json.loads(script.text), document)
    shown = re.sub(r"<[^>]+>", " ", text)
    wanted = [document["test"]["accuracy"], document["test"]["loss"]]
    wanted += [row[name] for row in document["test"]["per_class"] for name in ("precision", "recall", "f1")]
    missing = [value for value in wanted if f"{value:.4f}" not in shown]
    report.check("the numbers shown are the JSON's", not missing, missing)
    size = len(text.encode())
    report.check("at most a megabyte", size <= 1 << 20, f"{size} bytes")
    scripts = [e.text for e in tree.iter("script") if e.get("type") is None]
    report.check("less than 10 kB of script", sum(map(len, scripts)) < 10_000, str(sum(map(len, scripts))))


def browser(report, path, folder):
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if not chromium:
        print("skip report: no Chromium here to look at the page with")
        return
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chrome = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for width in WIDTHS:
            for scheme in SCHEMES:
                context = chrome.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, offline=True)
                tab, said = context.new_page(), []
                tab.on("console", lambda message: said.append(message.text))
                tab.on("pageerror", lambda problem: said.append(str(problem)))
                tab.goto("file://" + os.path.abspath(path))
                name = f"{width} pixels, {scheme}"
                report.check(f"{name}: nothing to complain of", not said, said)
                wide = tab.evaluate("document.documentElement.scrollWidth")
                report.check(f"{name}: as wide as the window", wide <= width, f"{wide} pixels")
                wrong = tab.evaluate(AUDIT)
                report.check(f"{name}: headings, names, contrast", not wrong, "; ".join(wrong[:6]))
                tab.screenshot(path=os.path.join(folder, f"report-{width}-{scheme}.png"), full_page=True)
                if (width, scheme) == (1280, "light"):
                    use(report, tab)
                context.close()
        context = chrome.new_context(java_script_enabled=False)
        tab = context.new_page()
        tab.goto("file://" + os.path.abspath(path))
        rows = tab.locator("#rows tbody tr").count()
        report.check("without scripts all rows are there", rows > 0, f"{rows} rows")
        tab.pdf(path=os.path.join(folder, "report.pdf"), format="A4", print_background=True)
        report.check("it prints", os.path.getsize(os.path.join(folder, "report.pdf")) > 10_000)
        chrome.close()


def use(report, tab):
    """With the keyboard alone."""
    tab.keyboard.press("Tab")
    report.same("the first stop skips to the report", tab.evaluate("document.activeElement.className"), "skip")
    visible = "document.querySelectorAll('#rows tbody tr:not([hidden])').length"
    every = tab.evaluate(visible)
    wrong = tab.get_by_role("button", name="Wrong", exact=True)
    if wrong.count():
        wrong.focus()
        tab.keyboard.press("Enter")
        report.check("a filter leaves the wrong rows", 0 < tab.evaluate(visible) < every)
        report.same("and says that it is on", wrong.get_attribute("aria-pressed"), "true")
    tab.locator("td[data-l='0'][data-p='0'] button").first.click()
    report.check("a cell of the matrix leaves its rows", 0 < tab.evaluate(visible) < every)
    with tab.expect_download() as download:
        tab.get_by_role("button", name="Save as CSV: Test rows", exact=True).click()
    with open(download.value.path(), encoding="utf-8", newline="") as file:
        lines = file.read().split("\r\n")
    report.check("rows are saved", lines[0].startswith("Row,") and len(lines) > 2, lines[0])


def main():
    run, folder = sys.argv[1], sys.argv[2]
    os.makedirs(folder, exist_ok=True)
    report = Report("report")
    path = os.path.join(folder, "report.html")
    document = json.loads(ckpt("report", run, "--json", "--out", path, "--svg", folder, "--force"))
    numbers(report, run, document["test"])
    results = read_json(run, "predict_results.json")
    report.same("accuracy as the run measured it", document["test"]["accuracy"], results["test_accuracy"])
    evaluated = json.loads(ckpt("evaluate", run, "--dataset", "iris", "--split", "test", "--json"))
    loss = evaluated.pop("loss")
    report.same("the keys and numbers of evaluate", evaluated, {k: v for k, v in document["test"].items() if k != "loss"})
    report.close("evaluate's loss", [loss], [document["test"]["loss"]], 1e-6)
    with open(path, encoding="utf-8") as file:
        text = file.read()
    page(report, text, document)
    ckpt("report", run, "--out", path, "--force")
    with open(path, encoding="utf-8") as file:
        report.check("the same bytes each time", file.read() == text)
    from xml.etree import ElementTree

    charts = sorted(name for name in os.listdir(folder) if name.endswith(".svg"))
    for name in charts:
        ElementTree.parse(os.path.join(folder, name))
    report.check("every chart is well-formed XML", len(charts) >= 8, ", ".join(charts))
    browser(report, path, folder)
    report.finish()


if __name__ == "__main__":
    guarded(main)
