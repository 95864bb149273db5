"""aider against a server, one message in a new folder: aider_client.py BASE_URL."""
import os
import subprocess
import sys
import tempfile

with tempfile.TemporaryDirectory() as folder:
    environment = {**os.environ, "HOME": folder, "OPENAI_API_BASE": sys.argv[1], "OPENAI_API_KEY": "none"}
    r = subprocess.run([sys.executable, "-m", "aider", "--model", "openai/built-in", "--message", "Say hello.", "--no-git", "--yes-always",
                        "--no-check-update", "--no-show-model-warnings", "--analytics-disable", "--no-gitignore", "--no-pretty",
                        "--map-tokens", "0"], cwd=folder, env=environment, capture_output=True, text=True, timeout=200)
    assert r.returncode == 0 and "Tokens: " in r.stdout and "sent" in r.stdout, r.stdout + r.stderr
print("1 passed, 0 failed")
