"""wire.py -- a peer's side of bench/wire.h: `check FILE` and `time N`, a line each way."""
import sys
import time

import numpy as np


def serve(open_peer, arguments):
    """open_peer(*arguments) -> (version, run, result[, wait, rest]): run() does what is timed, or
    queues it and wait() waits; result() gives (floats, words) of the run before it; rest() is
    called when the others' turn comes."""
    out = sys.stdout
    sys.stdout = sys.stderr  # libraries talk; the wire is ours
    try:
        version, run, result, *more = open_peer(*arguments)
        wait, rest = more or (lambda: None, lambda: None)
        print("ready", version, file=out, flush=True)
        for line in sys.stdin:
            word, value = line.split()
            if word == "check":
                run()
                wait()
                floats, words = result()
                np.ascontiguousarray(floats, "<f4").tofile(value)
                rest()
                print("ok", words, file=out, flush=True)
            else:
                before = time.perf_counter()
                for _ in range(int(value)):
                    run()
                wait()
                spent = time.perf_counter() - before
                rest()
                print("seconds", spent, file=out, flush=True)
    except Exception as e:  # whatever it is, the driver passes over this peer and says why
        sentence = str(e).strip().partition("\n")[0] or type(e).__name__
        print("error", sentence, file=out, flush=True)
        sys.exit(1)
