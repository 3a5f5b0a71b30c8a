import io

import numpy as np
import pytest
from PIL import Image

from emopipe.core.errors import DataError, TooManyPixels
from emopipe.faces.decode import decode_image

GREY = np.arange(48, dtype=np.uint8).reshape(6, 8)


def encoded(picture, **options):
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", **options)
    return buffer.getvalue()


def decode(data, channels=1, max_pixels=100):
    return decode_image(data, channels=channels, max_pixels=max_pixels)


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("tail", [b"", b"\x01\x00", b"\x01\x00\x12\x01\x03\x00\xff\xff\xff\xff\x06"])
def test_a_picture_with_a_damaged_exif_note_is_read_as_it_is(tail):
    data = encoded(Image.fromarray(GREY), exif=b"Exif\x00\x00II*\x00\x08\x00\x00\x00" + tail)
    assert np.array_equal(decode(data)[:, :, 0], GREY)


def test_sixteen_bits_are_scaled_and_not_clipped():
    deep = Image.fromarray(GREY.astype(np.uint16) * 257)
    assert np.array_equal(decode(encoded(deep))[:, :, 0], GREY)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA"])
def test_pictures_of_any_mode_get_the_wanted_channels(mode):
    data = encoded(Image.fromarray(GREY).convert(mode))
    assert decode(data).shape == (6, 8, 1)
    assert decode(data, channels=3).shape == (6, 8, 3)


def test_too_many_pixels_and_what_is_no_picture_are_told_apart():
    with pytest.raises(TooManyPixels, match=r"^8x6 pixels are more than the limit of 40$"):
        decode(encoded(Image.fromarray(GREY)), max_pixels=40)
    with pytest.raises(DataError, match=r"^the bytes do not decode as an image$"):
        decode(b"rubbish")
