"""wire.py -- a peer's side of bench/wire.h: `check FILE` and `time N`, a line each way."""
import sys
import time

import numpy as np


def serve(open_peer, arguments):
    """open_peer(*arguments) -> (version, run, result): run() does what is timed, result() gives
    (floats, words) of the run before it."""
    out = sys.stdout
    sys.stdout = sys.stderr  # libraries talk; the wire is ours
    try:
        version, run, result = open_peer(*arguments)
        print("ready", version, file=out, flush=True)
        for line in sys.stdin:
            word, value = line.split()
            if word == "check":
                run()
                floats, words = result()
                np.ascontiguousarray(floats, "<f4").tofile(value)
                print("ok", words, file=out, flush=True)
            else:
                before = time.perf_counter()
                for _ in range(int(value)):
                    run()
                print("seconds", time.perf_counter() - before, file=out, flush=True)
    except Exception as e:  # whatever it is, the driver passes over this peer and says why
        sentence = str(e).strip().partition("\n")[0] or type(e).__name__
        print("error", sentence, file=out, flush=True)
        sys.exit(1)
