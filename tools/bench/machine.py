"""What the figures were measured on."""
import datetime
import os
import platform


def processor():
    with open("/proc/cpuinfo") as file:
        fields = dict(line.split(":", 1) for line in file if ":" in line)
    known = {name.strip(): value.strip() for name, value in fields.items()}
    return f"{known.get('model name', platform.machine())} (model {known.get('model', '?')})"


def description():
    return {"date": datetime.date.today().isoformat(), "processor": processor(), "cores": len(os.sched_getaffinity(0))}
