"""The peers' own Python: a virtual environment with the versions of requirements.txt."""
import os
import pathlib
import subprocess
import sys
import venv

REQUIREMENTS = pathlib.Path(__file__).with_name("requirements.txt")


def enter(work):
    """Goes on in the environment in `work`, made at the first call and again when the versions change."""
    folder = pathlib.Path(work) / "venv"
    python = folder / "bin" / "python"
    stamp = folder / REQUIREMENTS.name
    if pathlib.Path(sys.prefix).resolve() == folder.resolve():
        return
    wanted = REQUIREMENTS.read_text()
    if not stamp.exists() or stamp.read_text() != wanted:
        venv.create(folder, clear=True, with_pip=True)
        install = [python, "-m", "pip", "install", "--quiet", "--no-deps", "--requirement", REQUIREMENTS]
        subprocess.run(install, check=True)
        stamp.write_text(wanted)
    os.execv(python, [str(python), *sys.argv])
