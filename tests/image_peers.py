"""image_peers.py FOLDER -- writes images of every kind that the decoder takes, and beside each,
as NAME.rgb, the pixels that Pillow makes of it (width and height as 16-bit numbers, then RGB)."""
import io
import struct
import sys

import cv2
import numpy as np
from PIL import Image, ImageOps

folder = sys.argv[1]
y, x = np.mgrid[0:37, 0:53]
rgb = np.stack([x * 4, y * 6, (x * y) % 256], -1).astype(np.uint8)
smooth = np.stack([x * 4, y * 6, 255 - x * 2 - y * 3], -1).astype(np.uint8)


def put(name, data, image=None):
    image = image or ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
    image = image.convert("RGB")
    with open(f"{folder}/{name}", "wb") as f:
        f.write(data)
    with open(f"{folder}/{name}.rgb", "wb") as f:
        f.write(struct.pack("<HH", *image.size) + image.tobytes())


def save(image, kind, **how):
    out = io.BytesIO()
    image.save(out, kind, **how)
    return out.getvalue()


photo = Image.fromarray(smooth)
for o in range(1, 9):
    exif = Image.Exif()
    exif[0x0112] = o
    data = save(photo, "JPEG", quality=95, exif=exif)
    put(f"turned{o}.jpg", data)
    there = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    here = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(data))))
    assert np.abs(there[:, :, ::-1].astype(int) - here).max() <= 1, f"OpenCV disagrees on {o}"
put("grey.jpg", save(photo.convert("L"), "JPEG"))
put("progressive.jpg", save(photo, "JPEG", progressive=True, quality=90))
put("halved.jpg", save(photo, "JPEG", subsampling=2, quality=90))

# Four inks. Pillow stores them inverted, as Adobe does, with an Adobe marker of transform 0; the
# same bytes with transform 2 are YCCK.
inks = np.concatenate([smooth, (x * 2 + y)[:, :, None].astype(np.uint8)], -1)
cmyk = save(Image.fromarray(inks, "CMYK"), "JPEG", quality=95, subsampling=0)
put("cmyk.jpg", cmyk)
at = cmyk.index(b"Adobe") + 11
assert cmyk[at] == 0
put("ycck.jpg", cmyk[:at] + b"\x02" + cmyk[at + 1:])

exact = Image.fromarray(rgb)
put("colour.png", save(exact, "PNG"))
put("palette.png", save(exact.quantize(64), "PNG"))
put("bit.png", save(exact.convert("1"), "PNG"))
put("grey.png", save(exact.convert("L"), "PNG"))
for mode, name in (("RGBA", "alpha.png"), ("LA", "greyalpha.png")):
    clear = exact.convert("RGBA")
    clear.putalpha(Image.fromarray(((x + y) * 3 % 256).astype(np.uint8)))
    clear = clear.convert(mode)
    white = Image.new("RGBA", clear.size, "white")
    put(name, save(clear, "PNG"), Image.alpha_composite(white, clear.convert("RGBA")))
deep = (rgb.astype(np.uint16) << 8) + 77
put("deep.png", cv2.imencode(".png", deep[:, :, ::-1])[1].tobytes(), exact)
put("deepgrey.png", cv2.imencode(".png", deep[:, :, 0])[1].tobytes(),
    Image.fromarray(rgb[:, :, 0]))
put("colour.ppm", save(exact, "PPM"))
put("grey.pgm", save(exact.convert("L"), "PPM"))
