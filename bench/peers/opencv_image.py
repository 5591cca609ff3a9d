"""opencv_image.py -- OpenCV's side of the cases of images.

    opencv_image.py decode THREADS PACK
    opencv_image.py pack THREADS FOLDER SIDE X Y FILE

pack reads, decodes, crops a square, encodes (quality 95, 4:4:4) and writes one file, as
`facenet data pack` does, with a pool of threads: OpenCV lets go of Python's lock."""
import glob
import os
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import wire


def open_decode(threads, path):
    import cv2
    import h5py
    cv2.setNumThreads(int(threads))
    with h5py.File(path) as f:
        data, at = f["bytes"][:], f["offset"][:]
    images = [np.ascontiguousarray(data[a:b]) for a, b in zip(at, at[1:])]
    last = []

    def run():
        for image in images:
            last[:] = [cv2.imdecode(image, cv2.IMREAD_COLOR_RGB)]

    def result():
        decoded = (cv2.imdecode(i, cv2.IMREAD_COLOR_RGB) for i in images)
        return np.array([d.mean((0, 1)) for d in decoded]), f"images {len(images)}"

    return f"opencv {cv2.__version__}", run, result


def open_pack(threads, folder, side, x, y, path):
    import cv2
    cv2.setNumThreads(1)
    left, top = int(x) - int(side) // 2, int(y) - int(side) // 2
    jpeg = [cv2.IMWRITE_JPEG_QUALITY, 95, cv2.IMWRITE_JPEG_SAMPLING_FACTOR,
            cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]
    pool = ThreadPoolExecutor(int(threads))
    count = [0, 0]

    def prepare(name):
        crop = cv2.imread(name)[top:top + int(side), left:left + int(side)]
        return cv2.imencode(".jpg", crop, jpeg)[1]

    def run():
        names = sorted(glob.glob(os.path.join(glob.escape(folder), "*", "*.jpg")))
        count[:] = [0, 0]
        with open(path, "wb") as out:
            for encoded in pool.map(prepare, names, chunksize=16):
                out.write(encoded.tobytes())
                count[0] += 1
                count[1] += len(encoded)
            out.flush()
            os.fsync(out.fileno())

    return (f"opencv {cv2.__version__}", run,
            lambda: (np.array([count[0]]), f"images {count[0]} bytes {count[1]}"))


if __name__ == "__main__":
    wire.serve({"decode": open_decode, "pack": open_pack}[sys.argv[1]], sys.argv[2:])
