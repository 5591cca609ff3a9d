"""turns.py -- engines that take turns: every engine is a process of its own that waits for its
line (bench/wire.h), so that one runs while the others sleep."""
import os
import select
import statistics
import subprocess
import time

import numpy as np

LIMIT = 1200  # seconds for any answer
PAUSE = 0.02  # lets the threads of the one before fall asleep
# glibc keeps large blocks instead of returning them to the system, for engines that allocate at
# every operator: with LRN as shifted sums PyTorch's step is 1.3 times as fast.
KEEPS = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": str(1 << 40)}


class Absent(Exception):
    """An engine that cannot take part, with the reason."""


def as_installed(command):
    return ["env", *(word for name in KEEPS for word in ("-u", name)), *command]


class Engine:
    def __init__(self, name, command, threads, log):
        env = {**os.environ, **KEEPS, "OMP_NUM_THREADS": str(threads),
               "MKL_NUM_THREADS": str(threads)}
        env.pop("OMP_WAIT_POLICY", None)
        self.name, self.seconds, self.joules, self.count = name, [], [], 1
        with open(log, "w") as errors:
            self.process = subprocess.Popen(command, env=env, text=True, stderr=errors,
                                            stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, line):
        try:
            self.process.stdin.write(line + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # its last line says why

    def answer(self, word):
        """What follows `word` in the next line."""
        if not select.select([self.process.stdout], [], [], LIMIT)[0]:
            raise Absent(f"no answer in {LIMIT} s")
        line = self.process.stdout.readline()
        first, _, rest = line.strip().partition(" ")
        if first == word:
            return rest
        if first == "error":
            raise Absent(rest)
        code = self.process.wait()
        raise Absent(f"it ended with exit code {code}" if not line else f"it said '{line.strip()}'")

    def time(self, count):
        self.ask(f"time {count}")
        return float(self.answer("seconds")) / count

    def pin(self, threads):
        """On the first cores that we may use, once it has started its threads."""
        cores = sorted(os.sched_getaffinity(0))[:threads]
        for task in os.listdir(f"/proc/{self.process.pid}/task"):
            try:
                os.sched_setaffinity(int(task), cores)
            except ProcessLookupError:
                pass  # it ended meanwhile

    def close(self):
        self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()


def check(engines, work, together=True):
    """Every engine once, at the same time, as compilers take long, or one by one where a device
    has no room for all. Gives {name: (floats, words)} and the reasons of those that failed."""
    results, absent = {}, {}

    def ask(e):
        e.version = e.answer("ready")
        e.file = os.path.join(work, e.name.replace(" ", "-") + ".check")
        e.ask("check " + e.file)

    def take_answer(e):
        words = e.answer("ok")
        results[e.name] = np.fromfile(e.file, "<f4"), words

    for group in [engines] if together else [[e] for e in engines]:
        for do in ask, take_answer:
            for e in group:
                try:
                    if e.name not in absent:
                        do(e)
                except Absent as reason:
                    absent[e.name] = str(reason)
    return results, absent


def take(engines, threads, rounds, turn, warm, meter=None):
    """`rounds` times around; a turn of an engine is as many runs as fill `turn` seconds; `warm`:
    after one that is not timed, for an engine that gave its memory back. `meter()`: joules."""
    for e in engines:
        e.pin(threads)
        e.time(1)
        e.count = min(1000, max(1, round(turn / e.time(1))))
    for _ in range(rounds):
        for e in engines:
            time.sleep(PAUSE)
            if warm:
                e.time(1)
            before = meter() if meter else 0
            e.seconds.append(e.time(e.count))
            if meter:
                e.joules.append((meter() - before) / e.count)


def ratios(ours, theirs):
    """How many times as fast as a peer we are: (median, least, most) of the rounds."""
    each = [b / a for a, b in zip(ours, theirs)]
    return statistics.median(each), min(each), max(each)


def run(case, work, rounds, turn):
    """One case -> {version, seconds} of every engine, ratios, and reasons of the absent."""
    engines = [Engine(name, command, case["threads"],
                      os.path.join(work, name.replace(" ", "-") + ".log"))
               for name, command in case["engines"].items()]
    try:
        results, absent = check(engines, work, case.get("together", True))
        if "facenet" not in results:
            raise Absent("facenet: " + absent["facenet"])
        for name in list(results):
            wrong = name != "facenet" and case["compare"](results["facenet"], results[name])
            if wrong:
                absent[name] = "disagrees with facenet: " + wrong
        present = [e for e in engines if e.name not in absent]
        take(present, case["threads"], rounds, turn, case.get("warm", False), case.get("meter"))
    finally:
        for e in engines:
            e.close()
    ours = present[0].seconds
    return {"engines": {e.name: {"version": e.version, "seconds": e.seconds,
                                 "median": statistics.median(e.seconds),
                                 "words": results[e.name][1],
                                 **({"joules": e.joules} if e.joules else {})} for e in present},
            "ratios": {e.name: ratios(ours, e.seconds) for e in present[1:]},
            "absent": absent}
