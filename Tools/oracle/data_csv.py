#!/usr/bin/env python3
"""Writes Fixtures/data/csv.json: random delimited files and what Python's csv module reads from them.

    python3 Tools/oracle/data_csv.py        (Python 3.11, nothing else)
"""
import csv
import io
import json
import pathlib
import random

OUT = pathlib.Path(__file__).resolve().parents[2] / "Fixtures" / "data"
PIECES = ["a", "bc", " ", ",", ";", "\t", "|", '"', "\n", "\r\n", "\r", "é", "e\u0301", "\u0301", "😀", "\u2028", "\x0b", "\x85", "", "1.0", "2.50", "'"]


def read(text, delimiter):
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows, lines, line = [], [], 0
    for row in reader:
        if row:
            rows.append(row)
            lines.append(line + 1)
        line = reader.line_num
    return rows, lines


def main():
    r = random.Random(3)
    cases = []
    for index in range(60):
        delimiter = ",;\t|"[index % 4]
        end = ["\n", "\r\n", "\r"][index % 3]
        width = r.randint(1, 5)
        buffer = io.StringIO(newline="")
        writer = csv.writer(buffer, delimiter=delimiter, lineterminator=end, quoting=r.choice([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))
        for _ in range(r.randint(1, 8)):
            # a lone empty field would be written as quotes, or read as a blank line
            writer.writerow(["".join(r.choices(PIECES, k=r.randint(1, 6))) or "x" for _ in range(width)])
            if r.random() < 0.2:
                buffer.write(end)
        text = buffer.getvalue()
        if r.random() < 0.4:
            text = text.rstrip("\r\n")
        rows, lines = read(text, delimiter)
        cases.append({"text": text, "delimiter": delimiter, "rows": rows, "lines": lines})
    for text in ('a "quoted" word,b\n', ',\n', '"",""\n', 'a,b\n\n\n  ,c\n', '"a\n\nb",c\nd,e', 'a,"b""c",""""\n', "'a,b'\n", 'a,b"\n', "a,\n,b\n"):
        rows, lines = read(text, ",")
        cases.append({"text": text, "delimiter": ",", "rows": rows, "lines": lines})
    OUT.mkdir(parents=True, exist_ok=True)
    (OUT / "csv.json").write_text(json.dumps(cases, separators=(",", ":")) + "\n")


main()
