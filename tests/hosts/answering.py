"""Runs inside an application: executes a script that the tests put into a folder.

A script ``N.py`` is answered by ``N.json``: what it left in ``answer``, or its traceback.
"""

import json
import os
import traceback


def execute(folder, number, shared):
    """Whether there was a script of this number; it is executed with what ``shared`` holds, and may change that."""
    path = os.path.join(folder, f"{number}.py")
    if not os.path.exists(path):
        return False
    try:
        with open(path, encoding="utf-8") as file:
            shared["answer"] = None
            exec(compile(file.read(), path, "exec"), shared)
        text = json.dumps({"answer": shared["answer"]})
    except BaseException:
        text = json.dumps({"error": traceback.format_exc()})
    part = os.path.join(folder, f"{number}.part")
    with open(part, "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(part, os.path.join(folder, f"{number}.json"))
    return True
