#!/usr/bin/env python3
"""Reads a dataset that Baleen wrote with h5py: the format is what docs/data.md says, to a reader that is not ours.

usage: check_with_h5py.py BALEEN_PROGRAM
"""
import subprocess
import sys
import tempfile
from pathlib import Path

import h5py
import numpy

TEXTS = ["It is a truth universally acknowledged", "caf\u00e9", "x" * 5000]


def tokenize(program, folder):
    files = []
    for number, text in enumerate(TEXTS):
        files.append(folder / f"{number}.txt")
        files[-1].write_text(text, encoding="utf-8")
    output = folder / "dataset.h5"
    subprocess.run([program, "data", "tokenize", *files, "--tokenizer", "bytes", "--output", output], check=True)
    return output


def check(path):
    expected = [list(text.encode()) + [256] for text in TEXTS]
    with h5py.File(path, "r") as file:
        assert sorted(file) == ["digests", "document_offsets", "document_offsets_digests", "tokens"]
        tokens, offsets = file["tokens"], file["document_offsets"]
        for dataset in file.values():
            assert dataset.chunks is None and dataset.compression is None and dataset.id.get_offset() is not None
        assert tokens.dtype == numpy.dtype("<u2") and offsets.dtype == numpy.dtype("<u8")
        assert tokens[:].tolist() == sum(expected, [])
        assert offsets[:].tolist() == [0, *numpy.cumsum([len(document) for document in expected]).tolist()]
        assert file["digests"].shape == (1, 16) and file["digests"].dtype == numpy.uint8
        assert file["document_offsets_digests"].shape == (1, 16)

        attributes = {name: value.decode() if isinstance(value, bytes) else value for name, value in file.attrs.items()}
        assert attributes == {
            "format": "baleen-tokens", "format_version": 1, "tokenizer": "bytes", "vocab_size": 257, "end_of_text": 256,
            "token_count": len(tokens), "document_count": len(TEXTS), "digest": "xxh3-128",
            "digest_block_bytes": 64 << 20,
        }, attributes

        # Mapped from outside HDF5, the bytes are the tokens.
        mapped = numpy.memmap(path, dtype="<u2", mode="r", offset=tokens.id.get_offset(), shape=tokens.shape)
        assert (mapped == tokens[:]).all()


def main():
    with tempfile.TemporaryDirectory() as folder:
        check(tokenize(sys.argv[1], Path(folder)))
    print("h5py reads what Baleen wrote")


if __name__ == "__main__":
    main()
