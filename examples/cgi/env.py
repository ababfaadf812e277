#!/usr/bin/env python3
"""What a CGI program gets to know: its environment, arguments and input, as a page."""
import os
import sys
from html import escape

body = sys.stdin.buffer.read()
rows = "".join(f"<tr><td>{escape(name)}</td><td>{escape(value)}</td></tr>\n"
               for name, value in sorted(os.environ.items()))

print("Content-Type: text/html; charset=utf-8")
print()
print(f"""<!doctype html>
<meta charset="utf-8"><title>a CGI program's environment</title>
<h1>{escape(os.environ["SCRIPT_NAME"])}</h1>
<p>{len(sys.argv) - 1} arguments, {len(body)} bytes of input, in {escape(os.getcwd())}</p>
<table>
{rows}</table>""")
