"""Pictures of a report for the README: its head in light, its probes in dark.

python3 Tools/lib/page_pictures.py REPORT.html FOLDER
"""

import io
import os
import shutil
import sys

from PIL import Image
from playwright.sync_api import sync_playwright

WIDTH = 1100


def save(picture, path):
    """With 128 colours, which these pages do with, so that a README loads soon."""
    image = Image.open(io.BytesIO(picture)).convert("RGB")
    image.quantize(128, dither=Image.Dither.NONE).save(path, optimize=True)
    print(f"{path}: {image.width} × {image.height}, {os.path.getsize(path)} bytes")


def main():
    page, folder = os.path.abspath(sys.argv[1]), sys.argv[2]
    os.makedirs(folder, exist_ok=True)
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        chrome = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for scheme, name in (("light", "report.png"), ("dark", "report-probes.png")):
            context = chrome.new_context(
                viewport={"width": WIDTH, "height": 900}, color_scheme=scheme, device_scale_factor=1.5, offline=True
            )
            tab = context.new_page()
            tab.goto("file://" + page)
            if scheme == "light":
                clip = {"x": 0, "y": 0, "width": WIDTH, "height": 900}
            else:
                box = tab.locator("#probes").bounding_box()
                clip = {"x": 0, "y": box["y"] + 12, "width": WIDTH, "height": 880}
                # The bar of sections would lie across the picture.
                tab.add_style_tag(content="nav{position:static!important}")
            save(tab.screenshot(full_page=True, clip=clip), os.path.join(folder, name))
            context.close()
        chrome.close()


main()
