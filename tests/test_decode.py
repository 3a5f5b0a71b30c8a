import io

import numpy as np
import pytest
from PIL import Image

from emopipe.core.errors import DataError, TooManyPixels
from emopipe.faces.decode import FILE_FORMATS, decode_image, is_animated

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


@pytest.mark.parametrize("form", ["TIFF", "GIF", "PNG", "BMP"])
@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB"])
def test_files_of_the_user_may_be_tiff_or_gif_and_uploads_may_not(form, mode):
    buffer = io.BytesIO()
    Image.fromarray(GREY).convert(mode).save(buffer, form)
    assert decode_image(buffer.getvalue(), channels=1, max_pixels=100, formats=FILE_FORMATS).shape == (6, 8, 1)
    if form in ("TIFF", "GIF"):
        with pytest.raises(DataError, match=r"^the bytes do not decode as an image$"):
            decode(buffer.getvalue())


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "tiff_deflate", "packbits"])
def test_a_tiff_of_sixteen_bits_is_scaled_however_it_is_compressed(compression):
    buffer = io.BytesIO()
    Image.fromarray(GREY.astype(np.uint16) * 257).save(buffer, "TIFF", compression=compression)
    pixels = decode_image(buffer.getvalue(), channels=1, max_pixels=100, formats=FILE_FORMATS)
    assert np.array_equal(pixels[:, :, 0], GREY)


def test_a_tiff_of_floating_point_numbers_is_refused():
    buffer = io.BytesIO()
    Image.fromarray(GREY.astype(np.float32)).save(buffer, "TIFF")
    with pytest.raises(DataError, match=r"^its pixels are floating-point numbers, expected 8 or 16 bits: convert it$"):
        decode_image(buffer.getvalue(), channels=1, max_pixels=100, formats=FILE_FORMATS)


@pytest.mark.parametrize("form", ["GIF", "WEBP", "PNG", "TIFF"])
def test_of_an_animated_picture_the_first_is_decoded(form):
    first, second = Image.fromarray(GREY), Image.fromarray(255 - GREY)
    buffer, still = io.BytesIO(), io.BytesIO()
    first.save(buffer, form, save_all=True, append_images=[second], **({"lossless": True} if form == "WEBP" else {}))
    first.save(still, form)
    assert (is_animated(buffer.getvalue()), is_animated(still.getvalue())) == (True, False)
    pixels = decode_image(buffer.getvalue(), channels=1, max_pixels=100, formats=FILE_FORMATS)
    assert np.abs(pixels[:, :, 0].astype(int) - GREY).max() <= 1


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("form", ["GIF", "TIFF", "WEBP", "PNG", "JPEG", "BMP"])
def test_a_damaged_picture_is_an_error_in_one_line_or_decodes(form):
    buffer, rng = io.BytesIO(), np.random.default_rng(0)
    Image.fromarray(GREY).save(buffer, form)
    for _ in range(300):
        damaged = bytearray(buffer.getvalue())
        for position in rng.integers(0, len(damaged), 4):
            damaged[position] = rng.integers(0, 256)
        is_animated(bytes(damaged))
        try:
            decode_image(bytes(damaged), channels=1, max_pixels=100_000, formats=FILE_FORMATS)
        except DataError as error:
            assert "\n" not in str(error)
