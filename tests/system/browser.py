"""A real browser (tests/browser/browser.mjs): pages by name, what they show, screenshots."""
import json
import subprocess
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / "browser"


class Browser:
    """Chromium in a process of its own; `with Browser(shots) as b`."""

    def __init__(self, shots):
        self.shots = Path(shots)
        self.shots.mkdir(parents=True, exist_ok=True)
        self.process = subprocess.Popen(["node", str(FOLDER / "browser.mjs")], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(60)
        self.process.stdout.close()

    def do(self, what, page="page", **arguments):
        self.process.stdin.write(json.dumps({"do": what, "page": page, **arguments}) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline() or '{"error": "the browser is gone"}')
        assert "error" not in answer, f"{what} {arguments}: {answer['error']}"
        return answer.get("ok")

    def goto(self, url, page="page"):
        return self.do("goto", page, url=url)["status"]

    def wait_for_text(self, text, page="page"):
        self.do("wait", page, script=f"document.body?.innerText.includes({json.dumps(text)})")

    def text(self, page="page"):
        return self.do("evaluate", page, script="document.body.innerText")

    def evaluate(self, script, page="page"):
        return self.do("evaluate", page, script=script)

    def shot(self, name, page="page", **arguments):
        """The page as it is, in light and in dark."""
        for scheme in ("light", "dark"):
            self.do("screenshot", page, path=str(self.shots / f"{name}-{scheme}.png"),
                    scheme=scheme, **arguments)
        self.do("screenshot", page, path=str(self.shots / f"{name}-light.png"), scheme="light",
                **arguments)
